//! `history {room, before? | after? | around?, limit?}`: a page of a room's messages.

use std::sync::Arc;

use super::payload::Payload;
use super::reply::{Reply, weigh};
use crate::error::{Error, Result};
use crate::model::{Logged, Page, Window};
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

/// How many messages a page holds when the client does not say.
pub const PAGE: i64 = 50;

impl Reply for Page<Arc<Logged>> {
    fn weight(&self) -> usize {
        weigh(&self.messages)
    }
}

/// Answers `history`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Page<Arc<Logged>>> {
    let slug = payload.text("room")?;
    let places = [payload.optional_number("before")?, payload.optional_number("after")?, payload.optional_number("around")?];
    let window = match places {
        [None, None, None] => Window::Latest,
        [Some(seq), None, None] => Window::Before(seq),
        [None, Some(seq), None] => Window::After(seq),
        [None, None, Some(seq)] => Window::Around(seq),
        _ => return Err(Error::invalid("before", "Give one of `before`, `after` and `around`.")),
    };
    let limit = payload.optional_number("limit")?.unwrap_or(PAGE);
    let view = realtime.chat.view(connected.connection.user, slug).await?;
    realtime.chat.page(&view, window, limit).await
}
