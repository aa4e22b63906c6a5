//! Legal holds, as administrators use them.
//!
//! Owns who may, and how many there may be. What a hold does is decided where things are deleted: in the ledger's rules, when an account is
//! deleted, and when a deleted room is purged.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Retention;
use crate::clock::Millis;
use crate::db::holds::{HeldRow, Hold, NewHold, Scope};
use crate::encoding::hex;
use crate::error::{Error, Result};
use crate::model::username::Username;
use crate::model::{Attachment, validate};
use crate::permissions::{self, Actor, ServerAction};
use crate::security_log::{Action, Event, Source};

/// The most holds at a time: each deletion looks at all of them.
pub const MOST: usize = 200;
/// Holds, and kept texts, per page.
const PAGE: usize = 50;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// A page of a list, the latest first.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `before` of the next page.
    pub next: Option<i64>,
}

/// A text that was kept of a deleted message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HeldText)]
pub struct Held {
    /// Its place in the list.
    #[serde(skip)]
    pub id: i64,
    /// The slug of its room.
    pub room: String,
    /// Its place there.
    pub seq: i64,
    /// The kind of the message.
    pub kind: String,
    /// The author's username.
    pub author: String,
    /// The text as typed.
    pub body: String,
    /// Its files. Only administrators can read them.
    pub attachments: Vec<Attachment>,
    /// When the message was posted.
    pub created_at: Millis,
    /// When this text was written.
    pub written_at: Millis,
    /// When the message was deleted.
    pub deleted_at: Millis,
}

impl From<HeldRow> for Held {
    fn from(row: HeldRow) -> Self {
        let HeldRow { id, room, seq, kind, author, body, attachments, created_at, written_at, held_at } = row;
        let attachments = attachments.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        Self { id, room, seq, kind, author, body, attachments, created_at, written_at, deleted_at: held_at }
    }
}

/// What a new hold is to cover, as typed: a room, a person, or everything.
#[derive(Clone, Debug, Default)]
pub struct WantedHold<'a> {
    /// `room`, `person` or `everything`.
    pub scope: &'a str,
    /// The room's slug, or the person's username.
    pub target: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Chosen by who wants it: with the same one again there is no other.
    pub nonce: Option<&'a str>,
}

impl Retention {
    /// A page of the holds.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn holds(&self, actor: Actor, before: Option<i64>) -> Result<Page<Hold>> {
        permissions::may_administer(actor, ServerAction::ManageHolds)?;
        let found = self.db.list_holds(before.unwrap_or(i64::MAX), PAGE as i64 + 1).await?;
        Ok(page(found, |hold| hold.id))
    }

    /// Adds a hold, unless there is one with its nonce. Returns the one that is there, and whether it is new.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `invalid` for `scope`, `target`, `reason` or `nonce`, or when there are too many; `too_long`.
    pub async fn add_hold(&self, actor: Actor, by: &Arc<str>, new: WantedHold<'_>, source: &Source) -> Result<(Hold, bool)> {
        permissions::may_administer(actor, ServerAction::ManageHolds)?;
        let reason = validate::line("reason", new.reason, LONGEST_REASON)?;
        if reason.is_empty() {
            return Err(Error::invalid("reason", "Say why, such as the name of the case."));
        }
        let target = new.target.trim();
        let (scope, name): (_, Option<Arc<str>>) = match new.scope {
            "room" => {
                let slug = target.trim_start_matches('#');
                let room = self.db.find_room_to_hold(slug).await?;
                let room = room.ok_or_else(|| Error::invalid("target", "There is no room with this address."))?;
                (Scope::Room(room), Some(slug.into()))
            }
            "person" => {
                let unknown = || Error::invalid("target", "Nobody has this username.");
                let username = Username::parse(target.trim_start_matches('@')).map_err(|_| unknown())?;
                let person = self.db.find_user_by_name(username.as_str()).await?.ok_or_else(unknown)?;
                (Scope::Person(person.id), Some(person.username))
            }
            "everything" => (Scope::Everything, None),
            _ => return Err(Error::invalid("scope", "Choose room, person or everything.")),
        };
        let nonce = new.nonce.map(validate::nonce).transpose()?;
        let nonce = nonce.map(|nonce| hex(&Sha256::digest(format!("hold {} {nonce}", actor.id))));
        let event = Event::new(self.clock.now(), Action::AddHold, source).by(actor.id, by);
        let event = event.about(name.as_deref()).note(&format!("{}: {reason}", new.scope));
        let new = NewHold { scope, reason, by: by.to_string(), nonce };
        let Some((id, is_new)) = self.db.insert_hold(new, MOST as i64, &event).await? else {
            return Err(Error::invalid("scope", format!("There are {MOST} holds already. Release one first.")));
        };
        if is_new {
            event.write_line();
        }
        Ok((self.db.find_hold(id).await?.ok_or(Error::NotFound("hold"))?, is_new))
    }

    /// Releases a hold: what only it has kept is deleted, and what has expired meanwhile.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn release_hold(&self, actor: Actor, by: &Arc<str>, id: &str, source: &Source) -> Result<()> {
        permissions::may_administer(actor, ServerAction::ManageHolds)?;
        let hold = self.hold(id).await?;
        let event = Event::new(self.clock.now(), Action::ReleaseHold, source).by(actor.id, by);
        let event = event.about(target(&hold)).note(&hold.reason);
        if !self.db.delete_hold(hold.id, &event).await? {
            return Err(Error::NotFound("hold"));
        }
        event.write_line();
        self.chat.purge_soon();
        self.look_soon();
        Ok(())
    }

    /// A hold, and a page of what was kept of what it covers. That it was read is recorded.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn held(
        &self,
        actor: Actor,
        by: &Arc<str>,
        id: &str,
        before: Option<i64>,
        source: &Source,
    ) -> Result<(Hold, Page<Held>)> {
        permissions::may_administer(actor, ServerAction::ManageHolds)?;
        let hold = self.hold(id).await?;
        let found = self.db.list_held(hold.scope(), before.unwrap_or(i64::MAX), PAGE as i64 + 1).await?;
        if !found.is_empty() {
            let event = Event::new(self.clock.now(), Action::ReadHeld, source).by(actor.id, by);
            let event = event.about(target(&hold)).note(&hold.reason);
            self.db.insert_audit(std::slice::from_ref(&event)).await?;
            event.write_line();
        }
        Ok((hold, page(found.into_iter().map(Held::from).collect(), |held| held.id)))
    }

    async fn hold(&self, id: &str) -> Result<Hold> {
        let id = id.parse().map_err(|_| Error::NotFound("hold"))?;
        self.db.find_hold(id).await?.ok_or(Error::NotFound("hold"))
    }
}

/// What it covers, as the audit log names it.
fn target(hold: &Hold) -> Option<&str> {
    hold.slug.as_deref().or(hold.username.as_deref())
}

fn page<T>(mut found: Vec<T>, id: impl Fn(&T) -> i64) -> Page<T> {
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| has_more).map(id);
    Page { items: found, next }
}
