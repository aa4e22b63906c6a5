//! `preview {body}`: how a message would look.

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::markdown::Preview;
use crate::error::Result;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

impl Reply for Preview {
    fn weight(&self) -> usize {
        self.html.len()
    }
}

/// Answers `preview`.
pub fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Preview> {
    realtime.chat.preview(connected.connection.user, payload.text("body")?)
}
