//! What people do with messages beyond writing them: what addresses them, what is pinned, and their notification levels.
//!
//! Owns these use-cases. What changes a room's log goes through the ledger, from `Chat`'s own functions.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::change::Logged;
use super::rates::Act;
use super::types::{Level, Message, RoomId, UserId};
use super::{Chat, history};
use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::limits;

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

/// The pinned messages of a room, the last pinned first.
#[derive(Debug, Serialize)]
pub struct Pins {
    /// The messages.
    pub messages: Vec<Arc<Logged>>,
    /// Whether others were pinned before these.
    pub more: bool,
    /// What to give as `before` to get them.
    pub next: Option<String>,
}

/// A place in the list of what is pinned: when a message was pinned, and its `seq`. As text, `TIME-SEQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinCursor {
    /// When the message was pinned.
    pub at: Millis,
    /// Its place in the room.
    pub seq: i64,
}

impl PinCursor {
    fn of(message: &Message) -> Option<Self> {
        message.pinned.as_ref().map(|pin| Self { at: pin.at, seq: message.seq })
    }

    fn parse(text: &str) -> Result<Self> {
        let parse = || {
            let (at, seq) = text.split_once('-')?;
            Some(Self { at: Millis(at.parse().ok()?), seq: seq.parse().ok()? })
        };
        parse().ok_or_else(|| Error::invalid("before", "`before` must be the `next` of an earlier answer."))
    }
}

impl std::fmt::Display for PinCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.0, self.seq)
    }
}

impl Chat {
    /// The pinned messages of a room, the last pinned first: as many as fit into one answer, from the one behind `before` on.
    ///
    /// # Errors
    /// `invalid` for a `before` that no answer gave.
    pub async fn pins(&self, view: &RoomView, before: Option<&str>) -> Result<Pins> {
        let before = before.map(PinCursor::parse).transpose()?;
        let (found, mut more) = self.db.list_pins(view.room.id, &view.room.slug, before).await?;
        let count = found.len();
        let messages = history::answer(view.room.id, found, 0);
        more |= messages.len() < count;
        let next =
            messages.last().filter(|_| more).and_then(|last| PinCursor::of(&last.message)).map(|cursor| cursor.to_string());
        Ok(Pins { messages, more, next })
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
        let message = self.db.messages(view.room.id, &view.room.slug, seq, seq, seq).await?.pop();
        Ok(Arc::new(Logged::new(view.room.id, message.ok_or(Error::NotFound("message"))?)))
    }

    /// The messages that some of `messages` answer, with at least the beginning of their words.
    ///
    /// # Errors
    /// The database's.
    pub async fn answered(&self, view: &RoomView, messages: &[Arc<Logged>]) -> Result<Vec<Arc<Message>>> {
        let seqs: BTreeSet<i64> = messages.iter().filter_map(|logged| logged.message.reply_to).collect();
        let (mut answered, mut missing) = (Vec::with_capacity(seqs.len()), Vec::new());
        for seq in seqs {
            match messages.iter().find(|logged| logged.message.seq == seq) {
                Some(shown) => answered.push(shown.message.clone()),
                None => missing.push(seq),
            }
        }
        if !missing.is_empty() {
            answered.extend(self.db.excerpts(view.room.id, &view.room.slug, &missing).await?.into_iter().map(Arc::new));
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
        let (mut found, is_all) = self.db.list_mentions(reader, before.unwrap_or(i64::MAX), limit + 1).await?;
        let mut more = !is_all || found.len() as i64 > limit;
        found.truncate(limit as usize);
        let (mut mentions, mut last, mut bytes) = (Vec::with_capacity(found.len()), None, 0);
        for (id, room, message) in found {
            let logged = Arc::new(Logged::new(room, message));
            bytes += logged.json().get().len();
            if bytes > limits::ANSWER && last.is_some() {
                more = true;
                break;
            }
            mentions.push(logged);
            last = Some(id);
        }
        Ok(Mentions { mentions, more, next: last.filter(|_| more) })
    }

    /// How many messages behind somebody's read marker in a room address them.
    ///
    /// # Errors
    /// The database's.
    pub async fn waiting_mentions(&self, room: RoomId, user: UserId) -> Result<i64> {
        Ok(self.db.waiting_mentions(room, user).await?)
    }

    /// Sets a member's notification level for a room; `None` is their default.
    ///
    /// # Errors
    /// `rate_limited`, or `forbidden` for who is no member.
    pub async fn set_level(&self, room: RoomId, user: UserId, level: Option<Level>) -> Result<()> {
        self.allow(user, Act::Level)?;
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
                None => Err(Error::invalid("level", "Choose all messages, mentions only or muted.")),
            },
        }
    }
}
