//! `mentions {before?, limit?}`: the messages that mention one.

use super::history::PAGE;
use super::payload::Payload;
use super::reply::{Reply, weigh};
use crate::chat::mentions::Mentions;
use crate::error::Result;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

impl Reply for Mentions {
    fn weight(&self) -> usize {
        weigh(&self.mentions)
    }
}

/// Answers `mentions`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Mentions> {
    let limit = payload.optional_number("limit")?.unwrap_or(PAGE);
    realtime.chat.mentions(connected.connection.user, payload.optional_number("before")?, limit).await
}
