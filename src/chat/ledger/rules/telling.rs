//! Which webhooks are told of a change.
//!
//! Owns what a webhook may be told: nothing of conversations, of private rooms only where it names them. It is decided again when a delivery
//! is made (`webhooks`), because a room may be private by then. What the server does to many messages by itself is not told
//! (docs/decisions/0107-deletions-by-the-server-are-not-told.md): a row for each would leave no room for what people do.

use serde_json::Value;

use super::Batch;
use crate::db::ledger::Telling;
use crate::model::{Occurrence, RoomId, Visibility};

impl Batch {
    /// Tells the webhooks that want to know. `message` is its `seq` with the `rev` of the change.
    pub(super) fn tell(&mut self, room: RoomId, event: Occurrence, message: Option<(i64, i64)>, payload: Option<Value>) {
        let Some(state) = self.known.rooms.get(&room).filter(|state| !state.room.is_direct) else { return };
        let is_public = state.room.visibility == Visibility::Public;
        let told = self.known.subscriptions.iter().filter(|one| {
            let is_chosen = if one.rooms.is_empty() { is_public } else { one.rooms.contains(&room) };
            is_chosen && (one.events.is_empty() || one.events.contains(&event))
        });
        let payload: Option<std::sync::Arc<str>> = payload.map(|payload| payload.to_string().into());
        let at = self.now;
        self.writes.tellings.extend(told.map(|one| Telling {
            webhook: one.id,
            event,
            room,
            message,
            payload: payload.clone(),
            at,
        }));
    }
}
