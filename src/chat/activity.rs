//! What people do with messages beyond writing them: what addresses them, what is pinned, and how loud a room is to them.
//!
//! Owns these use-cases. What changes a room's log goes through the ledger, from `Chat`'s own functions.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::Chat;
use super::change::Logged;
use super::types::{Level, RoomId, UserId};
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};

/// How many mentions one answer holds at the most.
pub const MENTIONS_LIMIT: i64 = 100;

/// Messages that address somebody, newest first.
#[derive(Debug, Serialize)]
pub struct Mentions {
    /// The messages.
    pub mentions: Vec<Arc<Logged>>,
    /// Whether there are older ones.
    pub more: bool,
    /// What to give as `before` to get them.
    pub next: Option<i64>,
}

impl Chat {
    /// The pinned messages of a room, the last pinned first.
    ///
    /// # Errors
    /// The database's.
    pub async fn pins(&self, view: &RoomView) -> Result<Vec<Arc<Logged>>> {
        let messages = self.db.list_pins(view.room.id, &view.room.slug).await?;
        Ok(messages.into_iter().map(|message| Arc::new(Logged::new(view.room.id, message))).collect())
    }

    /// How many messages of a room are pinned.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_pins(&self, view: &RoomView) -> Result<i64> {
        Ok(self.db.count_pins(view.room.id).await?)
    }

    /// One message of a room.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn message(&self, view: &RoomView, seq: i64) -> Result<Arc<Logged>> {
        let message = self.db.messages(view.room.id, &view.room.slug, seq, seq).await?.pop();
        Ok(Arc::new(Logged::new(view.room.id, message.ok_or(Error::NotFound("message"))?)))
    }

    /// The messages that some of `messages` answer.
    ///
    /// # Errors
    /// The database's.
    pub async fn answered(&self, view: &RoomView, messages: &[Arc<Logged>]) -> Result<Vec<Arc<Logged>>> {
        let seqs: BTreeSet<i64> = messages.iter().filter_map(|logged| logged.message.reply_to).collect();
        let mut answered = Vec::with_capacity(seqs.len());
        for seq in seqs {
            match messages.iter().find(|logged| logged.message.seq == seq) {
                Some(shown) => answered.push(shown.clone()),
                None => answered.push(self.message(view, seq).await?),
            }
        }
        Ok(answered)
    }

    /// The messages that address somebody, in all rooms that they may see, newest first.
    ///
    /// # Errors
    /// `invalid` for a limit outside 1..=100.
    pub async fn mentions(&self, reader: UserId, before: Option<i64>, limit: i64) -> Result<Mentions> {
        if !(1..=MENTIONS_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", "Ask for 1 to 100 mentions."));
        }
        let mut found = self.db.list_mentions(reader, before.unwrap_or(i64::MAX), limit + 1).await?;
        let more = found.len() as i64 > limit;
        found.truncate(limit as usize);
        let next = found.last().map(|(id, ..)| *id).filter(|_| more);
        let mentions = found.into_iter().map(|(_, room, message)| Arc::new(Logged::new(room, message))).collect();
        Ok(Mentions { mentions, more, next })
    }

    /// How many messages behind somebody's read marker in a room address them.
    ///
    /// # Errors
    /// The database's.
    pub async fn waiting_mentions(&self, room: RoomId, user: UserId) -> Result<i64> {
        Ok(self.db.waiting_mentions(room, user).await?)
    }

    /// Sets how loud a room is to one of its members; `None` leaves it to what they chose for all.
    ///
    /// # Errors
    /// `forbidden` for who is no member.
    pub async fn set_level(&self, room: RoomId, user: UserId, level: Option<Level>) -> Result<()> {
        if self.db.set_level(room, user, level).await? { Ok(()) } else { Err(Error::Forbidden("Join the room first.")) }
    }

    /// `all`, `mentions`, `muted`; nothing for what the person chose for all.
    ///
    /// # Errors
    /// `invalid`, for `level`.
    pub fn level(text: Option<&str>) -> Result<Option<Level>> {
        match text {
            None | Some("") => Ok(None),
            Some(word) => match Level::parse(word) {
                Some(level) => Ok(Some(level)),
                None => Err(Error::invalid("level", "A room is set to all, mentions or muted.")),
            },
        }
    }
}
