//! Rules about members: who is one, with which role, and who cannot come back.

use std::sync::Arc;

use serde_json::json;

use super::{Batch, is_being_created};
use crate::chat::ledger::change::{Effect, Outcome};
use crate::db::ledger::{Person, RoomState};
use crate::error::{Error, Result};
use crate::events::{Event, Removal};
use crate::model::{Kind, Logged, Membership, Occurrence, RoomRole, UserId};
use crate::permissions::Action;
use crate::security_log;

impl Batch {
    pub(super) fn enter(&mut self, room: &RoomState, actor: &Person) -> Outcome {
        if self.known.members.contains_key(&(room.room.id, actor.author.id)) {
            return Ok(Effect::Unchanged);
        }
        self.may(room, actor, Action::Join)?;
        // `room` has checked it: the room is public, or the empty private room that they have created.
        let role = if is_being_created(room, actor.author.id) { RoomRole::Owner } else { RoomRole::Member };
        Ok(Effect::Message(self.join(room, actor, "", role)))
    }

    pub(super) fn admit(&mut self, room: &RoomState, actor: &Person, user: UserId) -> Outcome {
        self.may(room, actor, Action::AddMember)?;
        let newcomer = self.somebody(user)?;
        if self.known.members.contains_key(&(room.room.id, user)) {
            return Ok(Effect::Unchanged);
        }
        if self.known.bans.contains(&(room.room.id, user)) {
            return Err(Error::invalid("username", "They’re banned from this room. Lift the ban first."));
        }
        let event = self.audited(security_log::Action::AddMember, actor, &room.room.slug);
        self.writes.audit.push(event.changed(None, Some(json!({ "member": newcomer.author.username }))));
        let by = actor.author.username.to_string();
        Ok(Effect::Message(self.join(room, &newcomer, &by, RoomRole::Member)))
    }

    /// Adds a member. Earlier messages do not count as unread.
    fn join(&mut self, room: &RoomState, person: &Person, by: &str, role: RoomRole) -> Arc<Logged> {
        let message = self.record(room.room.id, person, Kind::Joined, by);
        if is_being_created(room, person.author.id) {
            self.tell(room.room.id, Occurrence::RoomCreated, Some((message.seq, message.rev)), None);
        }
        let membership = Membership { joined_at: self.now, read_seq: message.seq, role };
        self.known.members.insert((room.room.id, person.author.id), membership);
        self.writes.set_membership((room.room.id, person.author.id), Some(membership));
        self.events.push(Event::MemberAdded { room: room.room.id, user: person.author.id, rev: message.rev });
        self.keep(room.room.id, message)
    }

    pub(super) fn leave(&mut self, room: &RoomState, actor: &Person) -> Outcome {
        if !self.known.members.contains_key(&(room.room.id, actor.author.id)) {
            return Ok(Effect::Unchanged);
        }
        self.may(room, actor, Action::Leave)?;
        Ok(Effect::Message(self.part(room, actor, "", Removal::Left)))
    }

    pub(super) fn remove(&mut self, room: &RoomState, actor: &Person, user: UserId) -> Outcome {
        if user == actor.author.id {
            self.membership(room, actor)?;
            return self.leave(room, actor);
        }
        let role = self.role(room, user);
        self.may(room, actor, Action::RemoveMember(role.unwrap_or_default()))?;
        let member = self.somebody(user)?;
        if role.is_none() {
            return Ok(Effect::Unchanged);
        }
        let event = self.audited(security_log::Action::RemoveMember, actor, &room.room.slug);
        self.writes.audit.push(event.changed(Some(json!({ "member": member.author.username })), None));
        let by = actor.author.username.to_string();
        Ok(Effect::Message(self.part(room, &member, &by, Removal::Removed)))
    }

    /// Ends a membership. If it was the last owner's, somebody else owns the room from now on.
    fn part(&mut self, room: &RoomState, person: &Person, by: &str, reason: Removal) -> Arc<Logged> {
        let key = (room.room.id, person.author.id);
        let message = self.record(room.room.id, person, Kind::Left, by);
        let ended = self.known.members.remove(&key);
        self.writes.set_membership(key, None);
        // Published first, so that the leaver's sockets are out before the room gets the message.
        self.events.push(Event::MemberRemoved {
            room: room.room.id,
            slug: room.room.slug.clone(),
            user: person.author.id,
            rev: message.rev,
            reason,
        });
        let logged = self.keep(room.room.id, message);
        if ended.is_some_and(|membership| membership.role == RoomRole::Owner) {
            self.hand_over(room);
        }
        logged
    }

    /// Makes the likeliest member the owner of a room that has none any more.
    fn hand_over(&mut self, room: &RoomState) {
        if self.has_owner_besides(room, None) {
            return;
        }
        let candidates = self.known.successors.get(&room.room.id).into_iter().flatten();
        let next = candidates.copied().find(|user| self.role(room, *user).is_some());
        if let Some(person) = next.and_then(|user| self.known.people.get(&user)).cloned() {
            self.appoint(room, &person, RoomRole::Owner, "");
        }
    }

    /// Whether somebody else owns the room.
    fn has_owner_besides(&self, room: &RoomState, user: Option<UserId>) -> bool {
        let candidates = self.known.successors.get(&room.room.id).into_iter().flatten();
        candidates.copied().any(|other| Some(other) != user && self.role(room, other) == Some(RoomRole::Owner))
    }

    /// Changes a role. An administrator who makes themselves the owner becomes a member with it.
    pub(super) fn set_role(&mut self, room: &RoomState, actor: &Person, user: UserId, role: RoomRole) -> Outcome {
        let takes_over = user == actor.author.id && role == RoomRole::Owner && actor.is_admin;
        self.may(room, actor, if takes_over { Action::TakeOwnership } else { Action::SetRole })?;
        let person = self.somebody(user)?;
        let before = self.role(room, user);
        if before == Some(role) {
            return Ok(Effect::Unchanged);
        }
        if before.is_none() && !takes_over {
            return Err(Error::invalid("username", "They’re not a member of this room."));
        }
        if person.is_guest && role > RoomRole::Member {
            return Err(Error::invalid("role", "Guests can’t be moderators or owners."));
        }
        if before == Some(RoomRole::Owner) && !self.has_owner_besides(room, Some(user)) {
            return Err(Error::invalid("role", "A room needs an owner. Make somebody else one first."));
        }
        let by = actor.author.username.to_string();
        let event = self.audited(security_log::Action::ChangeRoomRole, actor, &room.room.slug);
        let [was, is] =
            [before, Some(role)].map(|role| role.map(|role| json!({ "member": person.author.username, "role": role.as_str() })));
        self.writes.audit.push(event.changed(was, is));
        if before.is_none() {
            self.lift(room, user);
            self.join(room, &person, "", RoomRole::Member);
        }
        Ok(Effect::Message(self.appoint(room, &person, role, &by)))
    }

    /// Gives a member a role, which the log records.
    fn appoint(&mut self, room: &RoomState, person: &Person, role: RoomRole, by: &str) -> Arc<Logged> {
        let body = format!("{} {by}", role.as_str());
        let message = self.record(room.room.id, person, Kind::Role, body.trim_end());
        let key = (room.room.id, person.author.id);
        if let Some(membership) = self.known.members.get_mut(&key) {
            membership.role = role;
            self.writes.set_membership(key, Some(*membership));
        }
        self.keep(room.room.id, message)
    }

    /// Bans somebody from the room, which ends their membership, or lifts a ban.
    pub(super) fn ban(&mut self, room: &RoomState, actor: &Person, user: UserId, on: bool) -> Outcome {
        let key = (room.room.id, user);
        let role = self.role(room, user);
        self.may(room, actor, if on { Action::Ban(role.unwrap_or_default()) } else { Action::Unban })?;
        let person = self.somebody(user)?;
        if on && (user == actor.author.id || person.is_admin) {
            return Err(Error::invalid("username", "You can’t ban yourself or an admin from a room."));
        }
        if self.known.bans.contains(&key) == on {
            return Ok(Effect::Unchanged);
        }
        let action = if on { security_log::Action::BanFromRoom } else { security_log::Action::UnbanFromRoom };
        let event = self.audited(action, actor, &room.room.slug);
        self.writes.audit.push(event.changed(None, Some(json!({ "person": person.author.username }))));
        if !on {
            self.lift(room, user);
            return Ok(Effect::Unchanged);
        }
        self.known.bans.insert(key);
        self.writes.bans.insert(key, Some((actor.author.id, self.now)));
        if role.is_none() {
            return Ok(Effect::Unchanged);
        }
        let by = actor.author.username.to_string();
        Ok(Effect::Message(self.part(room, &person, &by, Removal::Removed)))
    }

    fn lift(&mut self, room: &RoomState, user: UserId) {
        let key = (room.room.id, user);
        if self.known.bans.remove(&key) {
            self.writes.bans.insert(key, None);
        }
    }

    /// Somebody whom a change is about, who may be banned from the server.
    fn somebody(&self, user: UserId) -> Result<Person> {
        self.known.people.get(&user).cloned().ok_or(Error::NotFound("person"))
    }

    fn role(&self, room: &RoomState, user: UserId) -> Option<RoomRole> {
        self.known.members.get(&(room.room.id, user)).map(|membership| membership.role)
    }
}
