//! Writing messages: posting, editing, deleting, reacting, pinning.
//!
//! Owns the checks that come before the ledger. Each function checks and queues without waiting, so that a socket's changes keep the
//! order in which it sent them. Who may change what is decided by the ledger's rules.

use governor::clock::Clock as _;

use super::{Chat, markdown};
use crate::chat::ledger::Pending;
use crate::chat::ledger::change::Change;
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::model::{RoomId, UserId, validate};

/// A post before it is checked.
#[derive(Debug, Default)]
pub struct NewMessage {
    /// The words as written.
    pub body: String,
    /// What tells a retry from a new message.
    pub nonce: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<i64>,
}

impl Chat {
    /// Queues a message.
    ///
    /// # Errors
    /// `invalid`, `too_long`, `rate_limited` or `busy`; the outcome may be refused as well.
    pub fn post(&self, actor: UserId, room: RoomId, message: NewMessage) -> Result<Pending> {
        let body = validate::body(&message.body, self.max_chars)?;
        let nonce = message.nonce.as_deref().map(validate::nonce).transpose()?;
        self.spend(actor)?;
        let rendered = markdown::render(&body, &self.names);
        let online = self.online(&rendered);
        self.limit_mass_mention(actor, room, &rendered, online.len())?;
        self.ledger.submit(actor, room, Change::Post { body, rendered, online, nonce, reply_to: message.reply_to })
    }

    /// How words would look. It costs as much as posting them, and counts alike.
    ///
    /// # Errors
    /// `invalid` or `too_long` for the body; `rate_limited`.
    pub fn preview(&self, actor: UserId, body: &str) -> Result<markdown::Preview> {
        let body = validate::body(body, self.max_chars)?;
        self.spend(actor)?;
        Ok(markdown::Preview { html: markdown::render(&body, &self.names).html })
    }

    /// Queues other words for one's own message.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn edit(&self, actor: UserId, room: RoomId, seq: i64, body: &str) -> Result<Pending> {
        let body = validate::body(body, self.max_chars)?;
        self.spend(actor)?;
        let rendered = markdown::render(&body, &self.names);
        let online = self.online(&rendered);
        self.limit_mass_mention(actor, room, &rendered, online.len())?;
        self.ledger.submit(actor, room, Change::Edit { seq, body, rendered, online })
    }

    /// Queues a deletion.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn delete(&self, actor: UserId, room: RoomId, seq: i64) -> Result<Pending> {
        self.spend(actor)?;
        self.ledger.submit(actor, room, Change::Delete { seq })
    }

    /// Queues an emoji put under a message or taken away.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn react(&self, actor: UserId, room: RoomId, seq: i64, emoji: &str, on: bool) -> Result<Pending> {
        let emoji = validate::emoji(emoji)?;
        self.spend(actor)?;
        self.ledger.submit(actor, room, Change::React { seq, emoji, on })
    }

    /// Queues a pin, put on a message or taken away.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn pin(&self, actor: UserId, room: RoomId, seq: i64, on: bool) -> Result<Pending> {
        self.allow(actor, ActionKind::Pin)?;
        self.ledger.submit(actor, room, Change::Pin { seq, on })
    }

    /// Who is connected, for words that address those who are here.
    fn online(&self, rendered: &markdown::Rendered) -> Vec<UserId> {
        if rendered.mentions.iter().any(|name| name == "@here") { self.presence.connected() } else { Vec::new() }
    }

    /// Counts what words call: a whole large room is called only so often.
    fn limit_mass_mention(&self, actor: UserId, room: RoomId, rendered: &markdown::Rendered, connected: usize) -> Result<()> {
        match self.large_rooms.mentioned(room, rendered, connected) {
            Some(people) => self.rate_limits.count_mass_mention(actor, people),
            None => Ok(()),
        }
    }

    /// Counts one change against a person's rate.
    fn spend(&self, actor: UserId) -> Result<()> {
        let Some(posts) = &self.posts else { return Ok(()) };
        posts.check_key(&actor).map_err(|not_until| Error::RateLimited {
            retry_after: not_until.wait_time_from(governor::clock::DefaultClock::default().now()),
        })
    }
}
