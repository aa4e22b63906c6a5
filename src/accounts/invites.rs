//! Invitations: creating, listing, revoking and checking them.
//!
//! Owns their bounds, and what a visitor learns about one. `registration` uses them; `chat::default_rooms` brings newcomers into their
//! rooms. A token is shown once: the database has only its hash.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::throttle::{Attempt, network};
use super::{Accounts, SessionUser, hash};
use crate::clock::Millis;
use crate::db::invites::{InviteRow, NewInvite};
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::model::{RoomId, UserId, validate};
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Event, Source};

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;
/// The most people that an invitation lets in.
pub const MAX_USES: i64 = 100;
/// The longest lifetime, in days.
pub const MAX_DAYS: i64 = 30;
/// The lifetime if none is chosen, in days.
pub const DAYS: i64 = 7;
/// The longest note, in characters.
pub const MAX_NOTE: usize = 200;
/// How many open invitations a person may have.
const MAX_OPEN: i64 = 100;
/// Invitations per page.
const PAGE: usize = 20;

const TOO_MANY: Error = Error::Forbidden("You have 100 open invites. Revoke some of them first.");

/// What an invitation permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How many people it lets in.
    pub uses: i64,
    /// For how many days.
    pub days: i64,
    /// What it is for; may be empty.
    pub note: String,
    /// The rooms that they become members of: id and slug. Whoever builds this has checked that the inviter may add people there.
    pub rooms: Vec<(RoomId, Arc<str>)>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { uses: 1, days: DAYS, note: String::new(), rooms: Vec::new() }
    }
}

/// An invitation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Invite)]
pub struct Invitation {
    /// Its public id, which is no secret.
    pub id: String,
    /// What it is worth now.
    pub state: State,
    /// How many people it lets in.
    pub uses: i64,
    /// How many more it would let in.
    pub left: i64,
    /// When it expires.
    pub expires_at: Millis,
    /// What its maker noted.
    pub note: String,
    /// The slugs of the rooms that newcomers become members of.
    pub rooms: Vec<String>,
    /// The role of newcomers.
    pub role: String,
    /// The username of its maker; `None` for the command line.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Who used it.
    pub used_by: Vec<Use>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
}

/// A use of an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = InviteUse)]
pub struct Use {
    /// The username of the new account.
    pub username: String,
    /// When it was created.
    pub at: Millis,
}

/// What an invitation is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InviteState)]
pub enum State {
    /// It can be used.
    Open,
    /// As many people as it lets in have used it.
    Used,
    /// Its time is over.
    Expired,
    /// It was revoked, or its maker is banned.
    Revoked,
}

/// A page of invitations, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The invitations.
    pub invites: Vec<Invitation>,
    /// The `after` of the next page.
    pub next: Option<String>,
}

/// The state of a visitor's invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invite {
    /// It is valid.
    Good {
        /// The username of its maker; `None` for the command line.
        by: Option<Arc<str>>,
    },
    /// It is used up.
    Used {
        /// Who created it; `None` for the command line.
        from: Option<Arc<str>>,
    },
    /// It has expired.
    Expired {
        /// Who created it; `None` for the command line.
        from: Option<Arc<str>>,
    },
    /// It was revoked, or its maker is banned.
    Revoked,
    /// There is no invitation with this token.
    Unknown,
}

/// The public id of the invitation with this hash.
pub(super) fn id_of(token_hash: &str) -> &str {
    token_hash.get(..16).unwrap_or(token_hash)
}

impl Accounts {
    /// Creates an invitation; returns it with its token.
    ///
    /// # Errors
    /// `forbidden` for those who may not invite or have too many open invitations; `invalid` or `too_long` for a field.
    pub async fn invite(&self, by: &SessionUser, terms: Terms, source: &Source) -> Result<(Invitation, String)> {
        permissions::may_administer(by.actor(), ServerAction::Invite(self.settings.now().inviters))?;
        if self.db.count_open_invites(by.id, self.clock.now()).await? >= MAX_OPEN {
            return Err(TOO_MANY);
        }
        let event = self.event(Action::CreateInvite, source).by(by.id, &by.username);
        self.create_invite(Some(by.id), Some(by.username.to_string()), terms, event).await
    }

    /// Creates an invitation at the command line; returns its token.
    ///
    /// # Errors
    /// `invalid` or `too_long` for a field.
    pub async fn invite_by_hand(&self, terms: Terms) -> Result<String> {
        let event = self.event(Action::CreateInvite, &Source::default()).by_hand();
        Ok(self.create_invite(None, None, terms, event).await?.1)
    }

    async fn create_invite(
        &self,
        maker: Option<UserId>,
        created_by: Option<String>,
        terms: Terms,
        event: Event,
    ) -> Result<(Invitation, String)> {
        let Terms { uses, days, note, rooms } = terms;
        if !(1..=MAX_USES).contains(&uses) {
            return Err(Error::invalid("uses", format!("An invite is for 1 to {MAX_USES} people.")));
        }
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::invalid("days", format!("An invite lasts for 1 to {MAX_DAYS} days.")));
        }
        let note = validate::line("note", &note, MAX_NOTE)?;
        let token = random_hex();
        let token_hash = hash(&token);
        let created_at = self.clock.now();
        let (expires_at, role) = (created_at.plus(days * DAY), "member");
        let (ids, slugs): (Vec<_>, Vec<_>) = rooms.into_iter().map(|(id, slug)| (id, slug.to_string())).unzip();
        let after = json!({ "uses": uses, "expires_at": expires_at, "note": note, "rooms": slugs, "role": role });
        let event = event.about(id_of(&token_hash)).changed(None, Some(after));
        let invitation = Invitation {
            id: id_of(&token_hash).to_owned(),
            state: State::Open,
            uses,
            left: uses,
            expires_at,
            note: note.clone(),
            rooms: slugs,
            role: role.to_owned(),
            created_by,
            created_at,
            used_by: Vec::new(),
            revoked_at: None,
        };
        let new = NewInvite { token_hash, created_by: maker, created_at, expires_at, uses, note, role, rooms: ids };
        self.db.insert_invite(new, std::slice::from_ref(&event)).await?;
        self.reports.committed(&event);
        Ok((invitation, token))
    }

    /// A page of the person's own invitations, after the one with the id `after`, if it is not empty.
    ///
    /// # Errors
    /// `forbidden` for those who may not invite; `not_found` if there is no invitation with that id.
    pub async fn own_invites(&self, user: &SessionUser, after: &str) -> Result<Page> {
        permissions::may_administer(user.actor(), ServerAction::Invite(self.settings.now().inviters))?;
        self.list_invites(Some(user.id), after).await
    }

    /// A page of everybody's invitations.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found` if there is no invitation with the id `after`.
    pub async fn all_invites(&self, user: &SessionUser, after: &str) -> Result<Page> {
        permissions::may_administer(user.actor(), ServerAction::SeeAdministration)?;
        self.list_invites(None, after).await
    }

    async fn list_invites(&self, maker: Option<UserId>, after: &str) -> Result<Page> {
        let after = match after {
            "" => None,
            id => Some(self.find_invite(id, maker).await?).map(|row| (row.created_at, row.token_hash)),
        };
        let mut rows = self.db.list_invites(maker, after.as_ref(), PAGE as i64 + 1).await?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let hashes: Vec<_> = rows.iter().map(|row| &*row.token_hash).collect();
        let mut details = self.db.invite_details(&hashes).await?;
        let now = self.clock.now();
        let invites: Vec<_> =
            rows.into_iter().map(|row| Invitation::of(row, &mut details.uses, &mut details.rooms, now)).collect();
        let next = invites.last().filter(|_| has_more).map(|last| last.id.clone());
        Ok(Page { invites, next })
    }

    /// An invitation, of this maker if there is one.
    async fn find_invite(&self, id: &str, maker: Option<UserId>) -> Result<InviteRow> {
        let found = self.db.find_invite_by_id(id).await?;
        found.filter(|row| maker.is_none() || row.maker_id == maker).ok_or(Error::NotFound("invite"))
    }

    /// Revokes an invitation: its maker's, or any by an administrator. One that cannot be used any more stays as it is.
    ///
    /// # Errors
    /// `not_found`, also for an invitation of somebody else.
    pub async fn revoke_invite(&self, by: &SessionUser, id: &str, source: &Source) -> Result<()> {
        let is_admin = permissions::may_administer(by.actor(), ServerAction::SeeAdministration).is_ok();
        let row = self.find_invite(id, if is_admin { None } else { Some(by.id) }).await?;
        let before = json!({ "left": row.uses - row.used, "note": row.note, "created_by": row.maker });
        let event = self.event(Action::RevokeInvite, source).by(by.id, &by.username).about(id_of(&row.token_hash));
        let event = event.changed(Some(before), None);
        if self.db.revoke_invite(&row.token_hash, &event).await? {
            self.reports.committed(&event);
        }
        Ok(())
    }

    /// The state of the invitation with this token. An unknown token counts as a guess from its address.
    ///
    /// # Errors
    /// `rate_limited` after too many guesses.
    pub async fn check_invite(&self, token: &str, source: &Source) -> Result<Invite> {
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).note("invite"))?;
        let Some(found) = self.db.find_invite(&hash(token.trim())).await? else {
            self.failed(&attempt);
            return Ok(Invite::Unknown);
        };
        if found.revoked_at.is_some() || found.is_maker_banned {
            return Ok(Invite::Revoked);
        }
        let from = found.maker.map(Into::into);
        if found.used_at.is_some() {
            return Ok(Invite::Used { from });
        }
        if found.expires_at <= self.clock.now() {
            return Ok(Invite::Expired { from });
        }
        Ok(Invite::Good { by: found.maker_username.map(Into::into) })
    }
}

impl Invitation {
    fn of(
        row: InviteRow,
        uses: &mut HashMap<String, Vec<(String, Millis)>>,
        rooms: &mut HashMap<String, Vec<String>>,
        now: Millis,
    ) -> Self {
        let state = if row.revoked_at.is_some() || row.is_maker_banned {
            State::Revoked
        } else if row.used_at.is_some() {
            State::Used
        } else if row.expires_at <= now {
            State::Expired
        } else {
            State::Open
        };
        let used_by = uses.remove(&row.token_hash).unwrap_or_default();
        Self {
            id: id_of(&row.token_hash).to_owned(),
            state,
            uses: row.uses,
            left: if state == State::Used { 0 } else { row.uses - row.used },
            expires_at: row.expires_at,
            note: row.note,
            rooms: rooms.remove(&row.token_hash).unwrap_or_default(),
            role: row.role,
            created_by: row.maker,
            created_at: row.created_at,
            used_by: used_by.into_iter().map(|(username, at)| Use { username, at }).collect(),
            revoked_at: row.revoked_at,
        }
    }
}
