//! Read markers: how far a member has read in a room.
//!
//! Owns moving them. The ledger writes them in order with messages, so that a marker never exceeds the end of the log, and in the same
//! commits (docs/decisions/0057).

use serde::Serialize;
use utoipa::ToSchema;

use super::Chat;
use crate::chat::ledger::Pending;
use crate::chat::ledger::change::{Change, Effect};
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::{ConnectionId, RoomId, UserId};
use crate::permissions::Caller;

/// Unread messages and mentions after a read marker, at most 1,000 each.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Unread {
    /// Unread messages.
    pub unread: i64,
    /// Unread mentions.
    pub mentions: i64,
}

/// A read marker to move.
#[derive(Clone, Copy, Debug)]
pub struct Marker<'a> {
    /// Whose marker.
    pub user: UserId,
    /// The room.
    pub room: RoomId,
    /// The room's slug.
    pub slug: &'a str,
    /// The connection that moves it, which gets no event.
    pub origin: Option<&'a ConnectionId>,
}

impl Chat {
    /// Moves a read marker forward to a message and publishes it to the user's other connections.
    ///
    /// # Errors
    /// `rate_limited`, `invalid` for a negative `seq`, `busy`, or a refusal by the rules.
    pub async fn mark_read(&self, marker: Marker<'_>, seq: i64) -> Result<Unread> {
        self.allow(marker.user, ActionKind::Mark)?;
        if seq < 0 {
            return Err(Error::invalid("seq", "A seq is not negative."));
        }
        self.moved(marker, self.ledger.submit(Caller::as_member(marker.user), marker.room, Change::Read { seq })?).await
    }

    /// Moves a read marker to just before a message, possibly backwards, and publishes it to the user's other connections.
    ///
    /// # Errors
    /// `rate_limited`, `busy`, or a refusal by the rules: `not_found` if there is no such message.
    pub async fn mark_unread(&self, marker: Marker<'_>, seq: i64) -> Result<Unread> {
        self.allow(marker.user, ActionKind::Mark)?;
        self.moved(marker, self.ledger.submit(Caller::as_member(marker.user), marker.room, Change::Unread { seq })?).await
    }

    /// The number of unread messages of a user in a room, at most 1,000.
    pub async fn unread(&self, room: RoomId, user: UserId) -> Result<i64> {
        Ok(self.db.unread(room, user).await?)
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
