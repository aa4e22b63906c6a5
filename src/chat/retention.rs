//! How long rooms keep their messages and files, and the deletion of those that have expired.
//!
//! Owns these use-cases; the ledger's rules decide who may, and delete. What has expired is found by `retention`.

use std::time::Duration;

use super::Chat;
use crate::chat::ledger::Pending;
use crate::chat::ledger::change::{Change, Expiry, RetentionChange};
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::model::{Keep, Room, RoomId, UserId};
use crate::permissions::Caller;
use crate::security_log::Source;

/// Parses how long something is kept: `default`, `forever` or a number of days; nothing leaves it.
///
/// # Errors
/// `invalid` for `field`.
pub fn parse_keep(field: &'static str, text: &str) -> Result<Option<Keep>> {
    let days = || text.strip_suffix('d').unwrap_or(text).trim_end().parse::<i64>().ok();
    match text {
        "" => Ok(None),
        "default" => Ok(Some(Keep::AsServer)),
        "forever" => Ok(Some(Keep::Forever)),
        // What is out of bounds is refused where all of it is decided.
        _ => match days() {
            Some(days) if days > 0 => Ok(Some(Keep::Days(days))),
            _ => Err(Error::invalid(field, "Choose default, forever, or a number of days.")),
        },
    }
}

impl Chat {
    /// How long a room keeps its messages and its files now; `None`: for ever. Files are not kept for longer than their messages.
    pub fn kept_for(&self, messages: Keep, files: Keep) -> [Option<Duration>; 2] {
        let server = self.settings.now().retention;
        let messages = messages.period(server.messages);
        let files = files.period(server.files);
        [messages, files.into_iter().chain(messages).min()]
    }

    /// The same, of a room.
    pub fn room_kept_for(&self, room: &Room) -> [Option<Duration>; 2] {
        self.kept_for(room.keep_messages, room.keep_files)
    }

    /// How long the server keeps messages and files in rooms that do not say otherwise.
    pub fn server_keeps(&self) -> [Option<Duration>; 2] {
        let server = self.settings.now().retention;
        [server.messages, server.files]
    }

    /// Decides how long a room keeps its messages and files.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, `invalid` for `messages` or `files`, or a refusal by the ledger.
    pub async fn set_retention(
        &self,
        caller: Caller,
        slug: &str,
        messages: Option<Keep>,
        files: Option<Keep>,
        source: &Source,
    ) -> Result<()> {
        self.allow(caller.id, ActionKind::Describe)?;
        let room = self.room_to_manage(caller, slug).await?;
        let change = RetentionChange { messages, files, server: self.server_keeps() };
        self.ledger.submit_from(caller, room, Change::SetRetention(change), source)?.outcome().await.map(drop)
    }

    /// Queues the deletion of what has expired of some messages of a room. `author` is anybody who wrote in it.
    ///
    /// # Errors
    /// `busy`.
    pub fn expire(&self, author: UserId, room: RoomId, expiry: Expiry) -> Result<Pending> {
        self.ledger.submit(Caller::as_member(author), room, Change::Expire(expiry))
    }

    /// Has deleted rooms purged that waited for a hold.
    pub fn purge_soon(&self) {
        self.purge.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_days() {
        assert_eq!(parse_keep("files", "").unwrap(), None);
        assert_eq!(parse_keep("files", "default").unwrap(), Some(Keep::AsServer));
        assert_eq!(parse_keep("files", "forever").unwrap(), Some(Keep::Forever));
        assert_eq!(parse_keep("files", "90").unwrap(), Some(Keep::Days(90)));
        assert_eq!(parse_keep("files", "7d").unwrap(), Some(Keep::Days(7)));
        for wrong in ["0", "-1", "1h", "often"] {
            assert_eq!(parse_keep("files", wrong).unwrap_err().field(), Some("files"), "{wrong}");
        }
    }
}
