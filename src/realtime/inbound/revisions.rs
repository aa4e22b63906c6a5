//! `revisions {room, seq, before? | after?}`: the edit history of a message.

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::revisions::Revisions;
use crate::error::Result;
use crate::model::pagination::RevisionWindow;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

impl Reply for Revisions {
    fn weight(&self) -> usize {
        self.bytes
    }
}

/// Answers `revisions`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Revisions> {
    let caller = connected.connection.caller();
    let view = realtime.chat.view(caller.id, payload.text("room")?).await?;
    let place = RevisionWindow::new(payload.optional_number("before")?, payload.optional_number("after")?)?;
    realtime.chat.revisions(&view, caller, payload.number("seq")?, place).await
}
