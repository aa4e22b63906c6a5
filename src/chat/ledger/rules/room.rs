//! Rules about members and the room itself.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Batch;
use crate::chat::ledger::change::{Effect, Outcome};
use crate::chat::room_names::{fold, taken};
use crate::db::ledger::{Person, RoomState};
use crate::error::{Error, Result};
use crate::events::{Event, Removal};
use crate::model::Logged;
use crate::model::{Kind, Membership, UserId, Visibility};
use crate::permissions::Action;
use crate::security_log;

impl Batch {
    pub(super) fn enter(&mut self, room: &RoomState, actor: &Person) -> Outcome {
        if self.known.members.contains_key(&(room.room.id, actor.author.id)) {
            return Ok(Effect::Unchanged);
        }
        self.may(room, actor, Action::JoinOrLeave)?;
        // `room` has checked it: the room is public, or the empty private room that they have created.
        Ok(Effect::Message(self.join(room, actor, "")))
    }

    pub(super) fn admit(&mut self, room: &RoomState, actor: &Person, user: UserId) -> Outcome {
        self.may(room, actor, Action::AddMember)?;
        let guest = self.known.people.get(&user).cloned().ok_or(Error::NotFound("person"))?;
        if self.known.members.contains_key(&(room.room.id, user)) {
            return Ok(Effect::Unchanged);
        }
        let event = self.audited(security_log::Action::AddMember, actor, &room.room.slug);
        self.writes.audit.push(event.changed(None, Some(json!({ "member": guest.author.username }))));
        let by = actor.author.username.to_string();
        Ok(Effect::Message(self.join(room, &guest, &by)))
    }

    /// Adds a member. Earlier messages do not count as unread.
    fn join(&mut self, room: &RoomState, person: &Person, by: &str) -> Arc<Logged> {
        let message = self.record(room.room.id, person, Kind::Joined, by);
        let membership = Membership { joined_at: self.now, read_seq: message.seq };
        self.known.members.insert((room.room.id, person.author.id), membership);
        self.writes.set_membership((room.room.id, person.author.id), Some(membership));
        self.events.push(Event::MemberAdded { room: room.room.id, user: person.author.id, rev: message.rev });
        self.keep(room.room.id, message)
    }

    pub(super) fn leave(&mut self, room: &RoomState, actor: &Person) -> Outcome {
        if !self.known.members.contains_key(&(room.room.id, actor.author.id)) {
            return Ok(Effect::Unchanged);
        }
        self.may(room, actor, Action::JoinOrLeave)?;
        Ok(Effect::Message(self.part(room, actor, "", Removal::Left)))
    }

    pub(super) fn remove(&mut self, room: &RoomState, actor: &Person, user: UserId) -> Outcome {
        if user == actor.author.id {
            self.membership(room, actor)?;
            return self.leave(room, actor);
        }
        self.may(room, actor, Action::RemoveMember)?;
        let guest = self.known.people.get(&user).cloned().ok_or(Error::NotFound("person"))?;
        if !self.known.members.contains_key(&(room.room.id, user)) {
            return Ok(Effect::Unchanged);
        }
        let event = self.audited(security_log::Action::RemoveMember, actor, &room.room.slug);
        self.writes.audit.push(event.changed(Some(json!({ "member": guest.author.username })), None));
        let by = actor.author.username.to_string();
        Ok(Effect::Message(self.part(room, &guest, &by, Removal::Removed)))
    }

    fn part(&mut self, room: &RoomState, person: &Person, by: &str, reason: Removal) -> Arc<Logged> {
        let message = self.record(room.room.id, person, Kind::Left, by);
        self.known.members.remove(&(room.room.id, person.author.id));
        self.writes.set_membership((room.room.id, person.author.id), None);
        // Published first, so that the leaver's sockets are out before the room gets the message.
        self.events.push(Event::MemberRemoved {
            room: room.room.id,
            slug: room.room.slug.clone(),
            user: person.author.id,
            rev: message.rev,
            reason,
        });
        self.keep(room.room.id, message)
    }

    pub(super) fn read(&mut self, room: &RoomState, actor: &Person, seq: i64) -> Outcome {
        let mut membership = self.membership(room, actor)?;
        let seq = seq.min(room.head.seq);
        if seq > membership.read_seq {
            membership.read_seq = seq;
            let key = (room.room.id, actor.author.id);
            self.known.members.insert(key, membership);
            self.writes.set_read(key, seq);
            return Ok(Effect::ReadMarker(seq));
        }
        Ok(Effect::Unchanged)
    }

    /// Moves the read marker to just before a message, in either direction.
    pub(super) fn unread(&mut self, room: &RoomState, actor: &Person, seq: i64) -> Outcome {
        let mut membership = self.membership(room, actor)?;
        if !(1..=room.head.seq).contains(&seq) {
            return Err(Error::NotFound("message"));
        }
        membership.read_seq = seq - 1;
        let key = (room.room.id, actor.author.id);
        self.known.members.insert(key, membership);
        self.writes.set_read(key, seq - 1);
        Ok(Effect::ReadMarker(seq - 1))
    }

    /// Refuses a name that another room has, of those that the actor can see: others would reveal themselves.
    fn check_name(&self, room: &RoomState, actor: &Person, name: &str) -> Result<()> {
        let folded = fold(name);
        if folded == fold(&room.room.name) {
            return Ok(());
        }
        let mut names = self.known.names.get(&actor.author.id).into_iter().flatten();
        match names.find(|other| other.room != room.room.id && fold(&other.name) == folded) {
            Some(other) => Err(taken(&other.name)),
            None => Ok(()),
        }
    }

    pub(super) fn describe(
        &mut self,
        room: &RoomState,
        actor: &Person,
        name: Option<&str>,
        topic: Option<&str>,
        visibility: Option<Visibility>,
        is_confirmed: bool,
    ) -> Outcome {
        self.may(room, actor, Action::ChangeTopic)?;
        let name = name.filter(|name| *name != room.room.name);
        let topic = topic.filter(|topic| *topic != room.room.topic);
        let visibility = visibility.filter(|visibility| *visibility != room.room.visibility);
        if name.is_some() || visibility.is_some() {
            self.may(room, actor, Action::Configure)?;
        }
        if let Some(name) = name {
            self.check_name(room, actor, name)?;
        }
        // Checked here and not in the form: the room may have become private since its page was rendered.
        if visibility == Some(Visibility::Public) && !is_confirmed {
            return Err(Error::invalid("confirm", "Confirm that everyone can read this room’s messages."));
        }
        let mut last = Effect::Unchanged;
        if let Some(name) = name {
            let message = self.record(room.room.id, actor, Kind::Renamed, name);
            last = Effect::Message(self.keep(room.room.id, message));
        }
        if let Some(topic) = topic {
            let message = self.record(room.room.id, actor, Kind::Topic, topic);
            last = Effect::Message(self.keep(room.room.id, message));
        }
        if let Some(visibility) = visibility {
            let message = self.record(room.room.id, actor, Kind::Visibility, visibility.as_str());
            last = Effect::Message(self.keep(room.room.id, message));
        }
        if name.is_some() || topic.is_some() || visibility.is_some() {
            let was = &room.room;
            let before = json!({
                "name": name.map(|_| &was.name), "topic": topic.map(|_| &was.topic), "visibility": visibility.map(|_| was.visibility),
            });
            let after = json!({ "name": name, "topic": topic, "visibility": visibility });
            let event = self.audited(security_log::Action::ChangeRoom, actor, &was.slug);
            self.writes.audit.push(event.changed(Some(present(before)), Some(present(after))));
            let state = self.state(room.room.id);
            if let Some(name) = name {
                name.clone_into(&mut state.room.name);
            }
            if let Some(topic) = topic {
                topic.clone_into(&mut state.room.topic);
            }
            if let Some(visibility) = visibility {
                state.room.visibility = visibility;
            }
            let now = state.room.clone();
            for other in self.known.names.values_mut().flatten().filter(|other| other.room == now.id) {
                now.name.clone_into(&mut other.name);
            }
            self.writes.rooms.insert(room.room.id);
            self.events.push(Event::RoomChanged { room: now.id, is_direct: now.is_direct, now });
        }
        Ok(last)
    }
}

/// An object without the fields that are null.
fn present(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}
