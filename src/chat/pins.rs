//! Pinned messages of a room.
//!
//! Owns reading them. Pinning changes the log, so the ledger does it.

use std::sync::Arc;

use serde::Serialize;

use super::{Chat, history};
use crate::db::rooms::RoomView;
use crate::error::Result;
use crate::model::Logged;
use crate::model::pagination::PinCursor;

/// A page of pinned messages, the latest pin first.
#[derive(Debug, Serialize)]
pub struct Pins {
    /// The messages.
    pub messages: Vec<Arc<Logged>>,
    /// Whether there are earlier pins.
    pub more: bool,
    /// The `before` of the next page.
    pub next: Option<String>,
}

impl Chat {
    /// A page of pinned messages, starting after `before`: as many as fit into one answer.
    ///
    /// # Errors
    /// `invalid` for a `before` that is not the `next` of an earlier page.
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

    /// The number of pinned messages in a room.
    pub async fn count_pins(&self, view: &RoomView) -> Result<i64> {
        Ok(self.db.count_pins(view.room.id).await?)
    }
}
