//! Newcomers: whoever has a new account becomes a member of the default rooms.
//!
//! Owns when that happens. An account and its memberships are not one transaction: the account is marked as new in its own, and the
//! mark goes away once the ledger has let them into the rooms. What comes in between (a crash, a full queue) is made up for when they
//! log in or open `/`. So are accounts that were made at the command line, whose program has no ledger.

use std::sync::Arc;

use super::Chat;
use super::names::Names;
use crate::chat::ledger::change::Change;
use crate::error::{Error, Result};
use crate::model::{UserId, Visibility};

/// Warns of default rooms that nobody can be led into: at the start, where whoever set them looks.
pub(super) fn warn_of_missing(default_rooms: &[String], names: &Names) {
    for slug in default_rooms.iter().filter(|slug| !names.is_public_room(slug)) {
        tracing::warn!(
            "DEFAULT_ROOMS: there is no public room /rooms/{slug}. New accounts won’t be members of it until there is one"
        );
    }
}

impl Chat {
    /// Makes somebody who has not been here yet a member of the default rooms, and notes the first of them as the one to open, whose slug
    /// it gives. Later on it does nothing: a room that they left stays left.
    ///
    /// # Errors
    /// The ledger's, or the database's: then it can be tried again.
    pub async fn welcome(&self, person: UserId) -> Result<Option<Arc<str>>> {
        if !self.db.is_new(person).await? {
            return Ok(None);
        }
        let (mut first, mut entering) = (None, Vec::new());
        for slug in &self.default_rooms {
            let room = match self.view(person, slug).await {
                Ok(view) if view.membership.is_some() || view.room.visibility == Visibility::Public => view.room,
                Ok(_) | Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            entering.push(self.ledger.submit(person, room.id, Change::Enter)?);
            first = first.or(Some((room.id, room.slug)));
        }
        for pending in entering {
            match pending.outcome().await {
                // It may have become private just now.
                Ok(_) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.db.note_arrival(person, first.as_ref().map(|(id, _)| *id)).await?;
        Ok(first.map(|(_, slug)| slug))
    }
}
