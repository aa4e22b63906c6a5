//! `level {room, level}`: one's notification level for a room.

use serde::Serialize;

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::Chat;
use crate::error::Result;
use crate::model::NotificationLevel;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

/// What the room is set to now; none for the person's default.
#[derive(Debug, Serialize)]
pub struct LevelSet {
    level: Option<NotificationLevel>,
}

impl Reply for LevelSet {}

/// Answers `level`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<LevelSet> {
    let slug = payload.text("room")?;
    let level = Chat::level(payload.optional_text("level")?)?;
    realtime.chat.set_level(connected.connection.user, slug, level, Some(&connected.id())).await?;
    Ok(LevelSet { level })
}
