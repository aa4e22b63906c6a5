//! Notification levels per room.
//!
//! Owns the level of a member in a room. The default level is part of the profile.

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::{ConnectionId, NotificationLevel, UserId};
use crate::permissions;

impl Chat {
    /// Sets a member's notification level for a room and publishes it to their other connections; `None` is their default.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, or `forbidden` for non-members.
    pub async fn set_level(
        &self,
        user: UserId,
        slug: &str,
        level: Option<NotificationLevel>,
        origin: Option<&ConnectionId>,
    ) -> Result<()> {
        let room = self.view(user, slug).await?.room;
        self.allow(user, ActionKind::NotificationLevel)?;
        if !self.db.set_level(room.id, user, level).await? {
            return Err(permissions::NOT_A_MEMBER);
        }
        self.events.publish(vec![Event::NotificationLevelSet { user, slug: room.slug, level, origin: origin.cloned() }]).await;
        Ok(())
    }

    /// Parses a level; empty for the default.
    ///
    /// # Errors
    /// `invalid` for `level`.
    pub fn level(text: Option<&str>) -> Result<Option<NotificationLevel>> {
        match text {
            None | Some("") => Ok(None),
            Some(word) => match NotificationLevel::parse(word) {
                Some(level) => Ok(Some(level)),
                None => Err(Error::invalid("level", "Choose all messages, mentions only or muted.")),
            },
        }
    }
}
