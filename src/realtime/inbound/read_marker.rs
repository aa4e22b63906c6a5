//! `read {room, seq}` and `unread {room, seq}`: move the read marker.

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::read_markers::{Marker, Unread};
use crate::error::Result;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

impl Reply for Unread {}

/// Answers `read`: up to this message.
pub async fn read(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Unread> {
    let (slug, seq) = (payload.text("room")?, payload.number("seq")?);
    let room = realtime.known_room(&connected.connection, slug).await?;
    let marker = Marker { user: connected.connection.user, room, slug, origin: Some(&connected.id()) };
    realtime.chat.mark_read(marker, seq).await
}

/// Answers `unread`: to just before this message.
pub async fn unread(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Unread> {
    let (slug, seq) = (payload.text("room")?, payload.number("seq")?);
    let room = realtime.known_room(&connected.connection, slug).await?;
    let marker = Marker { user: connected.connection.user, room, slug, origin: Some(&connected.id()) };
    realtime.chat.mark_unread(marker, seq).await
}
