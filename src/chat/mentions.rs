//! Messages that mention a user, across all rooms that they can see.
//!
//! Owns reading them. The ledger writes a row for each mention.

use std::sync::Arc;

use serde::Serialize;

use super::Chat;
use crate::error::{Error, Result};
use crate::limits;
use crate::model::Logged;
use crate::model::{RoomId, UserId};

/// Maximum number of mentions in an answer.
pub const MENTIONS_LIMIT: i64 = 100;

/// Messages that mention a user, newest first.
#[derive(Debug, Serialize)]
pub struct Mentions {
    /// The messages.
    pub mentions: Vec<Arc<Logged>>,
    /// Whether there are older ones.
    pub more: bool,
    /// The `before` of the next page.
    pub next: Option<i64>,
}

impl Chat {
    /// A page of messages that mention a user, newest first.
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

    /// The number of unread mentions of a user in a room.
    pub async fn waiting_mentions(&self, room: RoomId, user: UserId) -> Result<i64> {
        Ok(self.db.waiting_mentions(room, user).await?)
    }
}
