//! Default rooms: every new user joins them.
//!
//! Owns when that happens. The account and its memberships are not one transaction: the account is created with `is_new`, which
//! is cleared after the joins. If something fails in between, it is repeated at the next log-in or visit of `/`. The same covers
//! accounts created at the command line, which has no ledger.

use std::sync::Arc;

use super::Chat;
use super::names::Names;
use crate::chat::ledger::change::Change;
use crate::error::{Error, Result};
use crate::model::{UserId, Visibility};

/// Warns at start about default rooms that do not exist.
pub(super) fn warn_of_missing(default_rooms: &[String], names: &Names) {
    for slug in default_rooms.iter().filter(|slug| !names.is_public_room(slug)) {
        tracing::warn!(
            "DEFAULT_ROOMS: there is no public room /rooms/{slug}. New accounts won’t be members of it until there is one"
        );
    }
}

impl Chat {
    /// Adds a new user to the default rooms and stores the first of them as their last visited room; returns its slug. Does
    /// nothing later on: a room that they left stays left.
    ///
    /// # Errors
    /// The ledger's; it can be repeated.
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
