//! `join {room, after?}`: makes the connection live in a room, and replays what its client has missed.

use std::sync::Arc;

use serde::Serialize;

use super::payload::Payload;
use super::reply::{Reply, weigh};
use crate::chat::presence::Online;
use crate::error::{Error, Result};
use crate::model::{Logged, Room, Scope};
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;
use crate::realtime::outbound::HeadAck;

/// The room, and what the client has missed.
#[derive(Debug, Serialize)]
pub struct Joined {
    room: Room,
    /// The last messages, or all that changed after `after`.
    messages: Vec<Arc<Logged>>,
    head: HeadAck,
    /// Whether older messages exist.
    more: bool,
    /// Whether the changes are all of them; only with `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    online: Online,
}

impl Reply for Joined {
    fn weight(&self) -> usize {
        weigh(&self.messages)
    }
}

/// Answers `join`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Joined> {
    let (slug, after) = (payload.text("room")?, payload.optional_number("after")?);
    let (chat, connection) = (&realtime.chat, &connected.connection);
    let view = if connection.allows(Scope::Write) {
        chat.enter(connection.user, slug).await?
    } else {
        // It reads where its owner is a member, and makes them none.
        let view = chat.view(connection.user, slug).await?;
        if view.membership.is_none() {
            return Err(Error::Forbidden("You’re not in this room, and this access token’s scopes don’t allow to join it."));
        }
        view
    };
    let room = view.room.id;
    if view.is_hidden {
        chat.opened_hidden(connection.user, &view).await?;
    }
    // Subscribe first, then read: what is committed in between comes twice, never zero times.
    let subscribed = realtime.registry.subscribe(connected, room, &view.room.slug, view.head);
    let is_first = subscribed.ok_or(Error::NotFound("room"))?;
    if is_first {
        realtime.entered_room(room, &view.room.slug, connection).await;
    }
    let (messages, head, complete, more) = match after {
        None => {
            let recent = chat.recent(&view).await?;
            (recent.messages.iter().cloned().collect(), recent.head, None, recent.has_more())
        }
        Some(after) => {
            let changes = chat.changes(&view, after).await?;
            let more = changes.messages.iter().map(|logged| logged.message.seq).min().is_none_or(|seq| seq > 1);
            (changes.messages, changes.head, Some(changes.complete), more && changes.head.seq > 0)
        }
    };
    let online = realtime.registry.online(room);
    Ok(Joined { room: view.room, messages, head: realtime.head(head), more, complete, online })
}
