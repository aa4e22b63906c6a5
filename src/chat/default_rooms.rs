//! The rooms of new users: those that their invitation names, and the default rooms.
//!
//! Owns when they become members. The account and its memberships are not one transaction: the account is created with `is_new`, which
//! is cleared after the joins. If something fails in between, it is repeated at the next log-in or visit of `/`. The same covers
//! accounts created at the command line, which has no ledger.

use std::sync::Arc;

use super::Chat;
use super::names::Names;
use crate::chat::ledger::change::Change;
use crate::db::invites::InvitedRoom;
use crate::error::{Error, Result};
use crate::model::{RoomId, UserId, Visibility};
use crate::permissions::{self, Action, Actor, Caller};
use crate::settings::Name;

/// How many rooms an invitation may lead to.
const MAX_INVITED_TO: usize = 20;

/// Warns at start about default rooms that do not exist.
pub(super) fn warn_of_missing(default_rooms: &[String], names: &Names) {
    for slug in default_rooms.iter().filter(|slug| !names.is_public_room(slug)) {
        tracing::warn!(
            "DEFAULT_ROOMS: there is no public room /rooms/{slug}. New accounts won’t be members of it until there is one"
        );
    }
}

impl Chat {
    /// Adds a new user to the rooms of their invitation and to the default rooms, and stores the first of them as their last visited
    /// room; returns its slug. Does nothing later on: a room that they left stays left.
    ///
    /// # Errors
    /// The ledger's; it can be repeated.
    pub async fn welcome(&self, person: UserId) -> Result<Option<Arc<str>>> {
        if !self.db.is_new(person).await? {
            return Ok(None);
        }
        let (mut first, mut entering) = (self.enter_invited(person).await?, Vec::new());
        for slug in &self.settings.now().default_rooms {
            let room = match self.view(person, slug).await {
                Ok(view) if view.membership.is_some() || view.room.visibility == Visibility::Public => view.room,
                Ok(_) | Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            entering.push(self.ledger.submit(Caller::as_member(person), room.id, Change::Enter)?);
            first = first.or(Some((room.id, room.slug)));
        }
        for pending in entering {
            match pending.outcome().await {
                // It may have become private just now, or be archived.
                Ok(_) | Err(Error::NotFound(_) | Error::Forbidden(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.db.note_arrival(person, first.as_ref().map(|(id, _)| *id)).await?;
        Ok(first.map(|(_, slug)| slug))
    }

    /// Whether these changes of settings name only rooms that new users can join, besides those that are named already.
    ///
    /// # Errors
    /// `invalid` for `default_rooms`.
    pub fn check_default_rooms(&self, changes: &[(Name, String)]) -> Result<()> {
        let now = self.settings.now();
        let given = changes.iter().filter(|(name, _)| *name == Name::DefaultRooms).flat_map(|(_, text)| text.split(','));
        for slug in given.map(|slug| slug.trim().trim_start_matches('#')).filter(|slug| !slug.is_empty()) {
            if !self.names.is_public_room(slug) && !now.default_rooms.iter().any(|known| known == slug) {
                let slug: String = slug.chars().take(64).collect();
                return Err(Error::invalid(Name::DefaultRooms.as_str(), format!("There’s no public room “{slug}”.")));
            }
        }
        Ok(())
    }

    /// Adds a new user to the rooms of their invitation, in the name of its maker, who must still be allowed to; returns the first one.
    async fn enter_invited(&self, person: UserId) -> Result<Option<(RoomId, Arc<str>)>> {
        let mut pending = Vec::new();
        for InvitedRoom { room, slug, maker } in self.db.list_invited_rooms(person).await? {
            let admitted = self.ledger.submit(Caller::as_member(maker), room, Change::Admit { user: person })?;
            pending.push((room, slug, admitted));
        }
        let mut first = None;
        for (room, slug, admitted) in pending {
            match admitted.outcome().await {
                Ok(_) => first = first.or_else(|| Some((room, slug.into()))),
                Err(Error::NotFound(_) | Error::Forbidden(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(first)
    }

    /// The rooms that an invitation may lead to: the actor may add people there.
    ///
    /// # Errors
    /// `invalid` for `rooms`, alike for rooms that they cannot see and for missing ones.
    pub async fn rooms_to_invite_to(&self, actor: Actor, slugs: &[String]) -> Result<Vec<(RoomId, Arc<str>)>> {
        let mut rooms: Vec<(RoomId, Arc<str>)> = Vec::new();
        for slug in slugs {
            if rooms.iter().any(|(_, known)| **known == **slug) {
                continue;
            }
            if rooms.len() == MAX_INVITED_TO {
                return Err(Error::invalid("rooms", format!("Choose up to {MAX_INVITED_TO} rooms.")));
            }
            let view = match self.view(actor.id, slug).await {
                Ok(view) => view,
                Err(Error::NotFound(_)) => {
                    return Err(Error::invalid(
                        "rooms",
                        format!("There’s no room “{}”.", slug.chars().take(64).collect::<String>()),
                    ));
                }
                Err(error) => return Err(error),
            };
            if permissions::may(actor, Action::AddMember, &view.facts()).is_err() {
                return Err(Error::invalid("rooms", format!("You can’t add people to “{}”.", view.room.name)));
            }
            rooms.push((view.room.id, view.room.slug));
        }
        Ok(rooms)
    }
}
