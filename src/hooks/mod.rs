//! Incoming webhooks: addresses with a secret, to which other programs post as if to Slack.
//!
//! Owns who manages them, that each posts as a bot of its own, and what becomes of what comes in. It must not know HTTP, or read Slack's
//! messages: `slack` does. A token is shown once: the database has only its hash.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::accounts::session::SessionUser;
use crate::accounts::{Accounts, to_its_end};
use crate::chat::Chat;
use crate::chat::messages::NewMessage;
use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::db::bots::NewBot;
use crate::db::hooks::{HookRow, HookTarget, MadeHook, NewHook};
use crate::db::rooms::ManagedRoom;
use crate::encoding::{hex, random_hex};
use crate::error::{Error, Result};
use crate::model::RoomRole;
use crate::permissions::{self, Action, Caller};
use crate::security_log::{self, Source};
use crate::slack::message::{self, Refusal};

/// How many hooks a room may have.
pub const MOST: i64 = 20;
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 64;
/// How exactly the last use is noted, in milliseconds.
const USE: i64 = 60_000;

const TOO_MANY: Error = Error::Forbidden("This room has 20 webhooks. Revoke one of them first.");
const NO_HOOK: Error = Error::NotFound("webhook");

/// Why something that came in was not posted. Each has the name that Slack gives it.
#[derive(Debug)]
pub enum Undelivered {
    /// No hook has this token, or not any more.
    NoService,
    /// It is no message that can be shown.
    Refused(Refusal),
    /// It is larger than is taken.
    TooLarge,
    /// The room is archived.
    Archived,
    /// The hook may not post there now.
    Prohibited,
    /// Too many in too short a time.
    RateLimited(Duration),
    /// It could not be stored.
    Unavailable,
}

/// All incoming webhooks.
pub struct Hooks {
    db: Arc<Db>,
    accounts: Arc<Accounts>,
    chat: Arc<Chat>,
    clock: Clock,
}

impl Hooks {
    /// The hooks of a database.
    pub fn new(db: Arc<Db>, accounts: Arc<Accounts>, chat: Arc<Chat>, clock: Clock) -> Self {
        Self { db, accounts, chat, clock }
    }

    /// A room whose hooks somebody manages.
    ///
    /// # Errors
    /// `not_found`, or `forbidden` for others than owners and administrators.
    async fn room(&self, by: &SessionUser, slug: &str) -> Result<ManagedRoom> {
        let room = self.chat.managed_room(by.caller(), slug).await?;
        permissions::may(by.actor(), Action::ManageHooks, &room.facts())?;
        Ok(room)
    }

    /// The hooks of a room, the latest first.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn list(&self, by: &SessionUser, slug: &str) -> Result<(ManagedRoom, Vec<HookRow>)> {
        let room = self.room(by, slug).await?;
        let hooks = self.db.list_hooks(room.room).await?;
        Ok((room, hooks))
    }

    /// One of them.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn find(&self, by: &SessionUser, slug: &str, id: &str) -> Result<(ManagedRoom, HookRow)> {
        let (room, hooks) = self.list(by, slug).await?;
        let hook = hooks.into_iter().find(|hook| hook.id == id).ok_or(NO_HOOK)?;
        Ok((room, hook))
    }

    /// Makes a hook with a bot, which becomes a member of the room. What is refused leaves neither. Returns the hook and its token.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `invalid` or `too_long` for `name`; as for adding a member.
    pub async fn create(
        self: &Arc<Self>,
        by: &SessionUser,
        slug: &str,
        name: &str,
        source: &Source,
    ) -> Result<(HookRow, String)> {
        let room = self.room(by, slug).await?;
        // Before there is a bot: whoever may not add anybody adds no hook.
        permissions::may(by.actor(), Action::AddMember, &room.facts())?;
        if self.db.list_hooks(room.room).await?.len() as i64 >= MOST {
            return Err(TOO_MANY);
        }
        let name = crate::model::validate::line("name", name, LONGEST_NAME)?;
        if name.is_empty() {
            return Err(Error::invalid("name", "Give it a name."));
        }
        let (hooks, by, source) = (self.clone(), by.clone(), source.clone());
        to_its_end(async move {
            let (row, token) = hooks.store(&by, &room, &name, &source).await?;
            let seated = async {
                hooks.accounts.introduce_bot(row.bot).await?;
                hooks.chat.admit_server_bot(by.caller(), room.room, row.bot, &source).await
            };
            if let Err(error) = seated.await {
                // What was allowed just now is not any more, or nothing can be written.
                hooks.end(&by, &room, &row, &source).await?;
                return Err(error);
            }
            Ok((row, token))
        })
        .await
    }

    /// Stores a new hook with its bot, which is no member yet.
    async fn store(&self, by: &SessionUser, room: &ManagedRoom, name: &str, source: &Source) -> Result<(HookRow, String)> {
        let token = random_hex();
        let (token_hash, created_at) = (hash(&token), self.clock.now());
        let id = token_hash[..16].to_owned();
        let store = |bot: NewBot| {
            let event = self.event(security_log::Action::AddHook, by, room, source);
            let event = event.changed(None, Some(json!({ "hook": id, "bot": bot.username })));
            let (username, name) = (bot.username.clone(), bot.name.clone());
            let (id, token_hash) = (id.clone(), token_hash.clone());
            let new = NewHook { id: id.clone(), token_hash, room: room.room, bot, created_by: by.id, created_at, most: MOST };
            async move {
                let bot = match self.db.insert_hook(new, &event).await? {
                    MadeHook::As(bot) => bot,
                    MadeHook::NameTaken => return Ok(None),
                    MadeHook::TooMany => return Err(TOO_MANY),
                    MadeHook::NoRoom => return Err(Error::NotFound("room")),
                };
                event.write_line();
                let created_by = Some(by.username.to_string());
                let (photo, used_at, is_restored) = (None, None, false);
                Ok(Some(HookRow { id, bot, username, name, photo, created_by, created_at, used_at, is_restored }))
            }
        };
        Ok((self.accounts.store_server_bot(name, store).await?, token))
    }

    /// Gives a hook another name.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `invalid` or `too_long` for `name`.
    pub async fn rename(&self, by: &SessionUser, slug: &str, id: &str, name: &str) -> Result<()> {
        let (_, hook) = self.find(by, slug, id).await?;
        self.accounts.rename_server_bot(&hook.username, name).await
    }

    /// Revokes a hook: nobody can post with its token any more, and its bot leaves.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn revoke(self: &Arc<Self>, by: &SessionUser, slug: &str, id: &str, source: &Source) -> Result<ManagedRoom> {
        let (room, hook) = self.find(by, slug, id).await?;
        let (hooks, by, source) = (self.clone(), by.clone(), source.clone());
        to_its_end(async move {
            hooks.end(&by, &room, &hook, &source).await?;
            Ok(room)
        })
        .await
    }

    /// Ends a hook, and its bot with it.
    async fn end(&self, by: &SessionUser, room: &ManagedRoom, hook: &HookRow, source: &Source) -> Result<()> {
        let event = self.event(security_log::Action::RemoveHook, by, room, source);
        let event = event.changed(Some(json!({ "hook": hook.id, "bot": hook.username })), None);
        if !self.db.delete_hook(room.room, &hook.id, &event).await? {
            return Err(NO_HOOK);
        }
        event.write_line();
        // It may have been removed before.
        if let Err(error) = self.chat.leave(hook.bot, &room.slug).await {
            tracing::debug!(%error, "the bot of a revoked webhook did not leave");
        }
        self.accounts.close_server_bot(by, &hook.username, source).await
    }

    fn event(&self, action: security_log::Action, by: &SessionUser, room: &ManagedRoom, source: &Source) -> security_log::Event {
        security_log::Event::new(self.clock.now(), action, source).by(by.id, &by.username).about(&*room.slug)
    }

    /// Where the hook with a token leads. Ask before more than that is read of a request: nobody else may make the server hold anything.
    ///
    /// # Errors
    /// There is none, or its room is archived.
    pub async fn target(&self, token: &str) -> Result<HookTarget, Undelivered> {
        let found = self.db.find_hook(&hash(token)).await.map_err(|error| failed(error.into()))?;
        let hook = found.ok_or(Undelivered::NoService)?;
        if hook.is_archived { Err(Undelivered::Archived) } else { Ok(hook) }
    }

    /// Posts what came in for a hook.
    ///
    /// # Errors
    /// Why it was not posted.
    pub async fn deliver(&self, hook: HookTarget, payload: &Value) -> Result<(), Undelivered> {
        let message = message::read(payload).map_err(Undelivered::Refused)?;
        let body = message::shortened(&self.quiet(&hook, message.text), self.chat.max_chars());
        let new = NewMessage { body, hides_links: !message.has_previews, ..NewMessage::default() };
        let pending = self.chat.post(Caller::as_member(hook.bot), hook.room, new).map_err(failed)?;
        pending.message().await.map_err(failed)?;
        let now = self.clock.now();
        if hook.used_at.unwrap_or(Millis(0)).plus(USE) <= now
            && let Err(error) = self.db.note_hook_use(&hook.id, now).await
        {
            tracing::debug!(%error, "the use of a webhook was not noted");
        }
        Ok(())
    }

    /// The text without calls to everybody, where only moderators may call them: such a message would be refused as a whole.
    fn quiet(&self, hook: &HookTarget, text: String) -> String {
        if hook.mass_mentions == RoomRole::Member || !self.chat.calls_everybody(&text) {
            return text;
        }
        let calls = ["@here", "@room", "@everyone", "@channel", "@all"];
        calls.iter().fold(text, |text, call| text.replace(call, &format!("\\{call}")))
    }
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// What a refusal to post is for the sender.
fn failed(error: Error) -> Undelivered {
    match error {
        Error::Unauthenticated => Undelivered::NoService,
        Error::NotFound(_) | Error::Forbidden(_) => Undelivered::Prohibited,
        Error::Invalid { .. } | Error::TooLong { .. } => Undelivered::Refused(Refusal::NoText),
        error => match error.retry_after() {
            Some(wait) if error.status() == 429 => Undelivered::RateLimited(wait),
            _ => {
                tracing::debug!(%error, "a webhook's message could not be posted");
                Undelivered::Unavailable
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_come_again_is_told_so() {
        let wait = Duration::from_secs(7);
        for error in [Error::RateLimited { retry_after: wait }, Error::SlowMode { retry_after: wait }] {
            assert!(matches!(failed(error), Undelivered::RateLimited(told) if told == wait));
        }
        for error in [Error::BUSY, Error::Unavailable, Error::NotSaved, Error::Internal(String::new())] {
            assert!(matches!(failed(error), Undelivered::Unavailable));
        }
    }
}
