//! `typing {room}`: somebody is writing.
//!
//! Owns how often it is passed on. It is a hint, and is never stored.

use std::sync::atomic::Ordering;

use super::payload::Payload;
use super::reply::Nothing;
use crate::error::Result;
use crate::events::Event;
use crate::permissions;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

/// How often a connection's typing is passed on, in milliseconds: it lasts 5 s at its readers.
const EVERY: i64 = 1_000;

/// Answers `typing`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Nothing> {
    let slug = payload.text("room")?;
    let connection = &connected.connection;
    let Some(room) = connection.live_room(slug) else {
        realtime.chat.view(connection.user, slug).await?;
        return Err(permissions::NOT_A_MEMBER);
    };
    let now = realtime.clock.now().0;
    let last = connection.typed_at.swap(now, Ordering::Relaxed);
    if (now - last).abs() < EVERY {
        connection.typed_at.store(last, Ordering::Relaxed);
        return Ok(Nothing {});
    }
    let (username, name) = (connection.username.clone(), realtime.chat.display_names().known(&connection.username));
    let typing = Event::Typing { room, slug: slug.into(), username, name, origin: connected.id() };
    realtime.chat.events().publish(vec![typing]).await;
    Ok(Nothing {})
}
