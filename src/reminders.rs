//! Saying reminders when they are due.
//!
//! Owns who says them, and where: a bot of the server's own says a person's in a direct message, and the person themselves a room's. Each has a
//! nonce, so that one that is said twice is one message.

use std::sync::Arc;

use async_trait::async_trait;

use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::chat::messages::NewMessage;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::jobs::{Handler, Handlers, JobError, Policy};
use crate::model::{RoomId, Task, UserId};
use crate::permissions::Caller;

/// The name of the bot.
const BOT: &str = "Reminders";

struct Reminders {
    db: Arc<Db>,
    accounts: Arc<Accounts>,
    chat: Arc<Chat>,
}

/// Adds the handler of the job.
#[must_use]
pub fn handlers(handlers: Handlers, db: &Arc<Db>, accounts: &Arc<Accounts>, chat: &Arc<Chat>) -> Handlers {
    let reminders = Reminders { db: db.clone(), accounts: accounts.clone(), chat: chat.clone() };
    handlers.on("remind", Policy { at_once: 4, ..Policy::default() }, Arc::new(reminders))
}

#[async_trait]
impl Handler for Reminders {
    async fn handle(&self, task: &Task) -> std::result::Result<(), JobError> {
        let Task::Remind { user, plain, room, text, nonce } = task else { return Ok(()) };
        match self.say(Caller { id: *user, may_administer: !plain }, *room, text, nonce).await {
            Ok(()) => Ok(()),
            // They may not be there any more.
            Err(Error::Unauthenticated | Error::Forbidden(_) | Error::NotFound(_) | Error::Invalid { .. }) => Ok(()),
            Err(error) if error.status() == 429 => Err(JobError::TooEarly(error.retry_after().unwrap_or_default())),
            Err(error) => Err(error.into()),
        }
    }
}

impl Reminders {
    async fn say(&self, caller: Caller, room: Option<RoomId>, text: &str, nonce: &str) -> Result<()> {
        let (author, room) = match room {
            Some(room) => (caller, room),
            None => self.beside(caller.id).await?,
        };
        let message = NewMessage { body: format!("Reminder: {text}"), nonce: Some(nonce.to_owned()), ..NewMessage::default() };
        self.chat.post(author, room, message)?.message().await.map(drop)
    }

    /// The bot, and its conversation with somebody. Guests see nobody whom they share no room with: they are told among their own notes.
    async fn beside(&self, user: UserId) -> Result<(Caller, RoomId)> {
        let bot = match self.db.find_server_bot(BOT).await? {
            Some(bot) => self.db.find_user(bot).await?,
            None => Some(self.accounts.make_server_bot(BOT).await?),
        };
        let bot = bot.ok_or_else(|| Error::Internal("the bot of reminders vanished".into()))?;
        match self.chat.direct(user, &[&bot.username]).await {
            Ok(opened) => Ok((Caller::as_member(bot.id), opened.room)),
            Err(Error::Invalid { .. }) => {
                let person = self.db.find_user(user).await?.ok_or(Error::NotFound("person"))?;
                Ok((Caller::as_member(user), self.chat.direct(user, &[&person.username]).await?.room))
            }
            Err(error) => Err(error),
        }
    }
}
