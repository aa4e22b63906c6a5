//! `pins {room, before?}`: what is pinned in a room.

use serde::Serialize;

use super::payload::Payload;
use super::reply::{Reply, weigh};
use crate::chat::pins::Pins;
use crate::error::Result;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

/// A page of the pinned messages, the last pinned first.
#[derive(Debug, Serialize)]
pub struct Pinned {
    #[serde(flatten)]
    pins: Pins,
    /// How many are pinned in all.
    count: i64,
}

impl Reply for Pinned {
    fn weight(&self) -> usize {
        weigh(&self.pins.messages)
    }
}

/// Answers `pins`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Pinned> {
    let view = realtime.chat.view(connected.connection.user, payload.text("room")?).await?;
    let pins = realtime.chat.pins(&view, payload.optional_text("before")?).await?;
    Ok(Pinned { pins, count: realtime.chat.count_pins(&view).await? })
}
