//! Which webhooks are told of a change.
//!
//! Owns what a webhook may be told: nothing of conversations, of private rooms only where it names them, but that a room became private to
//! whoever knew it. It is decided again when a delivery is made (`webhooks`), because a room may be private by then. What the server does to many messages by itself is not told
//! (docs/decisions/0107-deletions-by-the-server-are-not-told.md): a row for each would leave no room for what people do.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Batch;
use crate::db::ledger::Telling;
use crate::model::{Occurrence, RoomId, Visibility};

impl Batch {
    /// Tells the webhooks that want to know. `message` is its `seq` with the `rev` of the change.
    pub(super) fn tell(&mut self, room: RoomId, event: Occurrence, message: Option<(i64, i64)>, payload: Option<Value>) {
        let Some(state) = self.known.rooms.get(&room).filter(|state| !state.room.is_direct) else { return };
        let is_public = state.room.visibility == Visibility::Public;
        // It is told before it is done: what is public now becomes private, and the other way round.
        let is_turned = event == Occurrence::RoomVisibility;
        let told = self.known.subscriptions.iter().filter(|one| {
            let is_chosen = if one.rooms.is_empty() { is_public || is_turned } else { one.rooms.contains(&room) };
            is_chosen && (one.events.is_empty() || one.events.contains(&event))
        });
        let payload: Option<Arc<str>> = payload.map(|payload| payload.to_string().into());
        // Who may not know the room any more is told with what they knew, and not with its message.
        let parting: Option<Arc<str>> = (is_turned && is_public).then(|| {
            let data = json!({ "room": state.room.slug, "name": state.room.name, "visibility": Visibility::Private });
            data.to_string().into()
        });
        let at = self.now;
        self.writes.tellings.extend(told.map(|one| {
            let (message, payload) = match &parting {
                Some(parting) if one.rooms.is_empty() => (None, Some(parting.clone())),
                _ => (message, payload.clone()),
            };
            Telling { webhook: one.id, event, room, message, payload, at }
        }));
    }
}
