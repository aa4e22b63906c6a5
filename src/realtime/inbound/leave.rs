//! `leave {room}`: the connection is no longer live in a room. The membership stays.

use super::payload::Payload;
use super::reply::Nothing;
use crate::error::Result;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

/// Answers `leave`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Nothing> {
    let room = realtime.chat.view(connected.connection.user, payload.text("room")?).await?.room;
    if realtime.registry.unsubscribe(connected, room.id) {
        realtime.left_room(room.id, &room.slug, &connected.connection);
    }
    Ok(Nothing {})
}
