//! `sync {room, after}`: what changed in a room since a `rev`.

use std::sync::Arc;

use serde::Serialize;

use super::payload::Payload;
use super::reply::{Reply, weigh};
use crate::error::Result;
use crate::model::Logged;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;
use crate::realtime::outbound::HeadAck;

/// What changed, in rev order.
#[derive(Debug, Serialize)]
pub struct Synced {
    messages: Vec<Arc<Logged>>,
    head: HeadAck,
    /// Whether that is all.
    complete: bool,
}

impl Reply for Synced {
    fn weight(&self) -> usize {
        weigh(&self.messages)
    }
}

/// Answers `sync`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Synced> {
    let (slug, after) = (payload.text("room")?, payload.number("after")?);
    let view = realtime.chat.view(connected.connection.user, slug).await?;
    let changes = realtime.chat.changes(&view, after).await?;
    Ok(Synced { messages: changes.messages, head: realtime.head(changes.head), complete: changes.complete })
}
