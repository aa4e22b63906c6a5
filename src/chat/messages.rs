//! Writing messages: posting, editing, deleting, reacting, pinning.
//!
//! Owns the checks before the ledger. Each function checks and queues without waiting, which keeps a socket's changes in order.
//! The ledger's rules decide on permissions.

use governor::clock::Clock as _;

use super::{Chat, markdown};
use crate::chat::ledger::Pending;
use crate::chat::ledger::change::{Change, Enrichment, NewAttachment};
use crate::chat::rate_limits::{ActionKind, Spender};
use crate::error::{Error, Result};
use crate::model::{Attachment, RoomId, UserId, validate};
use crate::permissions::Caller;
use crate::security_log::Source;

/// A new message before it is checked.
#[derive(Debug, Default)]
pub struct NewMessage {
    /// The text as typed.
    pub body: String,
    /// Identifies retries.
    pub nonce: Option<String>,
    /// The message that it replies to.
    pub reply_to: Option<i64>,
    /// Its files, in order.
    pub attachments: Vec<NewAttachment>,
    /// Whether its links never get previews.
    pub hides_links: bool,
}

impl Chat {
    /// Queues a message.
    ///
    /// # Errors
    /// `invalid`, `too_long`, `rate_limited` or `busy`; the rules may refuse it later.
    pub fn post(&self, caller: Caller, room: RoomId, message: NewMessage) -> Result<Pending> {
        let attachments = checked(message.attachments)?;
        let body = match attachments.is_empty() {
            true => validate::body(&message.body, self.max_chars)?,
            false => validate::caption(&message.body, self.max_chars)?,
        };
        let nonce = message.nonce.as_deref().map(validate::nonce).transpose()?;
        self.spend(caller.id)?;
        let rendered = markdown::render(&body, &self.names);
        let online = self.online(&rendered);
        self.limit_mass_mention(caller.id, room, &rendered, online.len())?;
        let NewMessage { reply_to, hides_links, .. } = message;
        self.ledger.submit(caller, room, Change::Post { body, rendered, online, nonce, reply_to, attachments, hides_links })
    }

    /// Renders a text without posting it. It costs as much as a post and counts as one.
    ///
    /// # Errors
    /// `invalid` or `too_long` for the body; `rate_limited`.
    pub fn preview(&self, actor: UserId, body: &str) -> Result<markdown::Preview> {
        let body = validate::body(body, self.max_chars)?;
        self.spend(actor)?;
        Ok(markdown::Preview { html: markdown::render(&body, &self.names).html })
    }

    /// Queues a new text for one's own message.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn edit(&self, caller: Caller, room: RoomId, seq: i64, body: &str) -> Result<Pending> {
        // The rules refuse an empty one, unless the message has files.
        let body = validate::caption(body, self.max_chars)?;
        self.spend(caller.id)?;
        let rendered = markdown::render(&body, &self.names);
        let online = self.online(&rendered);
        self.limit_mass_mention(caller.id, room, &rendered, online.len())?;
        self.ledger.submit(caller, room, Change::Edit { seq, body, rendered, online })
    }

    /// Queues a deletion.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn delete(&self, caller: Caller, room: RoomId, seq: i64, source: &Source) -> Result<Pending> {
        self.spend(caller.id)?;
        self.ledger.submit_from(caller, room, Change::Delete { seq }, source)
    }

    /// Queues a reaction, added or removed.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn react(&self, caller: Caller, room: RoomId, seq: i64, emoji: &str, on: bool) -> Result<Pending> {
        let emoji = validate::emoji(emoji)?;
        self.spend(caller.id)?;
        self.ledger.submit(caller, room, Change::React { seq, emoji, on })
    }

    /// Queues the removal of a message's link previews.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn hide_links(&self, caller: Caller, room: RoomId, seq: i64) -> Result<Pending> {
        self.spend(caller.id)?;
        self.ledger.submit(caller, room, Change::HideLinks { seq })
    }

    /// The links in a text that may have a preview.
    pub fn links_in(&self, body: &str) -> Vec<String> {
        markdown::render(body, &self.names).links
    }

    /// Whether a text calls everybody, by `@room` or `@here`.
    pub fn calls_everybody(&self, body: &str) -> bool {
        markdown::render(body, &self.names).mentions.iter().any(|name| name.starts_with('@'))
    }

    /// Queues what the server found out about a message of `author` after it was posted.
    ///
    /// # Errors
    /// `busy`.
    pub fn enrich(&self, author: UserId, room: RoomId, enrichment: Enrichment) -> Result<Pending> {
        self.ledger.submit(Caller::as_member(author), room, Change::Enrich(enrichment))
    }

    /// Queues a pin, added or removed.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn pin(&self, caller: Caller, room: RoomId, seq: i64, on: bool) -> Result<Pending> {
        self.allow(caller.id, ActionKind::Pin)?;
        self.ledger.submit(caller, room, Change::Pin { seq, on })
    }

    /// All connected users, if the text mentions `@here`.
    fn online(&self, rendered: &markdown::Rendered) -> Vec<UserId> {
        if rendered.mentions.iter().any(|name| name == "@here") { self.presence.connected() } else { Vec::new() }
    }

    /// Charges a mass mention in a large room.
    fn limit_mass_mention(&self, actor: UserId, room: RoomId, rendered: &markdown::Rendered, connected: usize) -> Result<()> {
        match self.large_rooms.mentioned(room, rendered, connected) {
            Some(people) => self.rate_limits.count_mass_mention(actor, people),
            None => Ok(()),
        }
    }

    /// Charges a change against the post rate.
    fn spend(&self, actor: UserId) -> Result<()> {
        let Some(posts) = &self.posts else { return Ok(()) };
        posts.check_key(&Spender::of(actor)).map_err(|not_until| Error::RateLimited {
            retry_after: not_until.wait_time_from(governor::clock::DefaultClock::default().now()),
        })
    }
}

/// Checks what can be known of files without looking them up.
fn checked(mut attachments: Vec<NewAttachment>) -> Result<Vec<NewAttachment>> {
    if attachments.len() > Attachment::MOST {
        return Err(Error::TooLong { field: "attachments", limit: Attachment::MOST });
    }
    for attachment in &mut attachments {
        if let Some(alt) = &mut attachment.alt {
            *alt = validate::line("alt", alt, Attachment::LONGEST_ALT)?;
        }
    }
    Ok(attachments)
}
