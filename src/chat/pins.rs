//! The pinned messages of a room.
//!
//! Owns reading them. Pinning changes the room's log, so the ledger does it.

use std::sync::Arc;

use serde::Serialize;

use super::{Chat, history};
use crate::db::rooms::RoomView;
use crate::error::Result;
use crate::model::Logged;
use crate::model::pagination::PinCursor;

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
}
