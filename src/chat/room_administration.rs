//! What owners, moderators and administrators decide about rooms: roles, bans, archiving and deleting.
//!
//! Owns these use-cases. Administrators may also do this in rooms that they cannot see, and see nothing of them by it. The ledger's rules
//! decide who may.

use tracing::Instrument;

use super::Chat;
use crate::chat::ledger::change::Change;
use crate::chat::rate_limits::ActionKind;
use crate::db::Db;
use crate::db::people::{ListedBan, Member};
use crate::db::rooms::ManagedRoom;
use crate::error::{Error, Result};
use crate::events::{Bus, Event};
use crate::model::pagination::{PageRequest, PeopleListPage};
use crate::model::{RoomId, RoomRole};
use crate::permissions::{self, Action, Actor, Caller};
use crate::security_log::Source;

/// Parses a role in a room.
///
/// # Errors
/// `invalid` for `field`.
pub fn parse_role(field: &'static str, text: &str) -> Result<RoomRole> {
    match text {
        "member" => Ok(RoomRole::Member),
        "moderator" => Ok(RoomRole::Moderator),
        "owner" => Ok(RoomRole::Owner),
        _ => Err(Error::invalid(field, "Choose owner, moderator or member.")),
    }
}

/// The bots of a deleted room's webhooks are closed: tells that their photos are gone. Failures are only logged, because the room is deleted.
async fn tell_of_closed_bots(db: &Db, events: &Bus, usernames: impl Iterator<Item = &str>) {
    for username in usernames {
        match db.find_profile(username).await {
            Ok(Some(bot)) => {
                let (person, status) = (bot.author(), bot.status);
                events.publish(vec![Event::ProfileChanged { person, status, is_renamed: true }]).await;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, username, "nobody was told that a closed bot has no photo any more"),
        }
    }
}

impl Chat {
    /// A room that somebody can see, or administers.
    pub(super) async fn room_to_manage(&self, caller: Caller, slug: &str) -> Result<RoomId> {
        Ok(self.managed_room(caller, slug).await?.room)
    }

    /// Such a room with its name.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn managed_room(&self, caller: Caller, slug: &str) -> Result<ManagedRoom> {
        let mut found = self.db.find_managed_room(slug, caller).await?;
        if found.is_none()
            && let Some(present) = self.db.find_present_slug(slug).await?
        {
            found = self.db.find_managed_room(&present, caller).await?;
        }
        found.ok_or(Error::NotFound("room"))
    }

    /// Gives a member another role. An administrator who names themselves the owner takes the room over, which its log records.
    ///
    /// # Errors
    /// `rate_limited`, `not_found` for the room, `invalid` for `username` or `role`, or a refusal by the ledger.
    pub async fn set_room_role(&self, caller: Caller, slug: &str, username: &str, role: RoomRole, source: &Source) -> Result<()> {
        self.allow(caller.id, ActionKind::Remove)?;
        let room = self.room_to_manage(caller, slug).await?;
        let user = self.person(caller.id, username).await?;
        self.ledger.submit_from(caller, room, Change::SetRole { user, role }, source)?.outcome().await.map(drop)
    }

    /// Bans somebody from a room, which also ends their membership, or lifts a ban.
    ///
    /// # Errors
    /// As [`Self::set_room_role`].
    pub async fn ban_from_room(&self, caller: Caller, slug: &str, username: &str, on: bool, source: &Source) -> Result<()> {
        self.allow(caller.id, ActionKind::Remove)?;
        let room = self.room_to_manage(caller, slug).await?;
        let user = self.person(caller.id, username).await?;
        self.ledger.submit_from(caller, room, Change::Ban { user, on }, source)?.outcome().await.map(drop)
    }

    /// Archives a room, or restores it.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, or a refusal by the ledger.
    pub async fn archive(&self, caller: Caller, slug: &str, on: bool, source: &Source) -> Result<()> {
        self.allow(caller.id, ActionKind::Describe)?;
        let room = self.room_to_manage(caller, slug).await?;
        self.ledger.submit_from(caller, room, Change::Archive { on }, source)?.outcome().await.map(drop)
    }

    /// Deletes a room with all its messages. `confirm` is its slug or its name.
    ///
    /// # Errors
    /// `rate_limited`, `not_found`, `invalid` for `confirm`, or a refusal by the ledger.
    pub async fn delete_room(&self, actor: &Actor, slug: &str, confirm: &str, source: &Source) -> Result<()> {
        self.allow(actor.id, ActionKind::Describe)?;
        // The permission first: the error of the form is for those who may.
        let room = self.room_to_delete(actor, slug).await?;
        let confirm = confirm.trim();
        if confirm != room.slug && confirm != room.name {
            return Err(Error::invalid("confirm", "Type the room’s name to delete it."));
        }
        let hooks = self.db.list_hooks(room.room).await?;
        let pending = self.ledger.submit_from((*actor).into(), room.room, Change::DeleteRoom, source)?;
        let (db, events, purge) = (self.db.clone(), self.events.clone(), self.purge.clone());
        // By itself: what follows the deletion is done though the client has left.
        let work = tokio::spawn(
            async move {
                pending.outcome().await?;
                purge.notify_one();
                let with_photos = hooks.iter().filter(|hook| hook.photo.is_some()).map(|hook| &*hook.username);
                tell_of_closed_bots(&db, &events, with_photos).await;
                Ok(())
            }
            .in_current_span(),
        );
        work.await.unwrap_or_else(|fault| Err(Error::Internal(fault.to_string())))
    }

    /// A room that somebody may delete.
    ///
    /// # Errors
    /// `not_found`, or `forbidden` for others.
    pub async fn room_to_delete(&self, actor: &Actor, slug: &str) -> Result<ManagedRoom> {
        let room = self.managed_room((*actor).into(), slug).await?;
        permissions::may(*actor, Action::DeleteRoom, &room.facts())?;
        Ok(room)
    }

    /// A page of the people who are banned from a room, by username.
    ///
    /// # Errors
    /// `not_found`, or `forbidden` for members.
    pub async fn room_bans(&self, actor: &Actor, slug: &str, after: &str) -> Result<(ManagedRoom, PeopleListPage<ListedBan>)> {
        let room = self.managed_room((*actor).into(), slug).await?;
        permissions::may(*actor, Action::Unban, &room.facts())?;
        let bans = self.db.list_room_bans(room.room, after, PageRequest::LIMIT).await?;
        Ok((room, PeopleListPage::new(bans, |ban| &ban.username)))
    }

    /// A page of the members of a room that somebody administers.
    ///
    /// # Errors
    /// `not_found`, or `forbidden` for others.
    pub async fn managed_members(
        &self,
        actor: &Actor,
        slug: &str,
        request: &PageRequest,
    ) -> Result<(ManagedRoom, PeopleListPage<Member>)> {
        let room = self.managed_room((*actor).into(), slug).await?;
        permissions::may(*actor, Action::SetRole, &room.facts())?;
        let members = self.db.list_members((room.room, room.members), request, PageRequest::LIMIT).await?;
        Ok((room, PeopleListPage::new(members, |member| &member.person.username)))
    }
}
