//! That somebody is writing.
//!
//! Owns how often it is passed on. It is a hint, and is never stored.

use std::sync::atomic::Ordering;

use super::Realtime;
use super::outgoing::{Answer, Nothing, Typing};
use super::seat::{Seated, channel};
use crate::error::{Error, Result};

/// How often a socket's typing is passed on, in milliseconds: it lasts 5 s at its readers.
const EVERY: i64 = 1_000;

impl Realtime {
    /// Passes on that somebody is writing.
    pub(super) async fn typing(&self, seated: &Seated, slug: &str) -> Result<Answer> {
        let Seated { socket, seat } = seated;
        let Some(room) = seat.live_room(slug) else {
            self.chat.view(seat.user, slug).await?;
            return Err(Error::Forbidden("Join the room first."));
        };
        let now = self.clock.now().0;
        let last = seat.typed_at.swap(now, Ordering::Relaxed);
        if (now - last).abs() >= EVERY {
            let typing = Typing { room: slug, user: &seat.username, name: self.chat.display_names().known(&seat.username) };
            // A hint that is stale in 5 s: whoever misses it misses nothing.
            socket.to(channel(room)).emit("typing", &typing).await.ok();
        } else {
            seat.typed_at.store(last, Ordering::Relaxed);
        }
        Ok(Answer::Nothing(Nothing {}))
    }
}
