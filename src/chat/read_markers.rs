//! Read markers: how far somebody has read in a room, and what is unread behind it.
//!
//! Owns moving them. The ledger writes them in order with the room's messages, so a marker never points behind the end of the log.

use serde::Serialize;

use super::Chat;
use crate::chat::ledger::Pending;
use crate::chat::ledger::change::Change;
use crate::chat::ledger::rules::Effect;
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::{ConnectionId, RoomId, UserId};

/// What is unread behind a read marker; at most 1,000 of each are counted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Unread {
    /// How many messages.
    pub unread: i64,
    /// How many of them mention the person.
    pub mentions: i64,
}

/// A room whose read marker moves, and who moves it.
#[derive(Clone, Copy, Debug)]
pub struct Marker<'a> {
    /// Whose marker.
    pub user: UserId,
    /// The room.
    pub room: RoomId,
    /// The room's slug.
    pub slug: &'a str,
    /// The connection that moves it, which is not told.
    pub origin: Option<&'a ConnectionId>,
}

impl Chat {
    /// Moves a read marker forward to a message, and tells the person's other connections.
    ///
    /// # Errors
    /// `rate_limited`, `invalid` for a negative `seq`, `busy`, or what the rules refuse.
    pub async fn mark_read(&self, marker: Marker<'_>, seq: i64) -> Result<Unread> {
        self.allow(marker.user, ActionKind::Mark)?;
        if seq < 0 {
            return Err(Error::invalid("seq", "A seq is not negative."));
        }
        self.moved(marker, self.ledger.submit(marker.user, marker.room, Change::Read { seq })?).await
    }

    /// Moves a read marker to just before a message, also backwards, and tells the person's other connections.
    ///
    /// # Errors
    /// `rate_limited`, `busy`, or what the rules refuse: `not_found` where there is no such message.
    pub async fn mark_unread(&self, marker: Marker<'_>, seq: i64) -> Result<Unread> {
        self.allow(marker.user, ActionKind::Mark)?;
        self.moved(marker, self.ledger.submit(marker.user, marker.room, Change::Unread { seq })?).await
    }

    async fn moved(&self, Marker { user, room, slug, origin }: Marker<'_>, pending: Pending) -> Result<Unread> {
        let done = pending.outcome().await?;
        let unread = self.unread(room, user).await?;
        let mentions = self.waiting_mentions(room, user).await?;
        if let Effect::ReadMarker(seq) = done {
            let (slug, origin) = (slug.into(), origin.cloned());
            self.events.publish(vec![Event::ReadMarkerMoved { user, slug, seq, unread, mentions, origin }]).await;
        }
        Ok(Unread { unread, mentions })
    }
}
