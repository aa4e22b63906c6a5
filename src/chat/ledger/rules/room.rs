//! Rules about the room itself, and about how far its members have read.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Batch;
use crate::chat::ledger::change::{Effect, Outcome, Settings};
use crate::chat::room_names::{fold, taken};
use crate::db::ledger::{Person, RoomState};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::{Kind, Occurrence, Room, Visibility};
use crate::permissions::Action;
use crate::security_log;

const HELD: Error = Error::Forbidden("This room can’t be deleted at the moment. Administrators see why at /admin/holds.");

impl Batch {
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

    /// Changes the settings that differ from what they are.
    pub(super) fn describe(&mut self, room: &RoomState, actor: &Person, wanted: &Settings) -> Outcome {
        self.may(room, actor, Action::ChangeTopic)?;
        let was = &room.room;
        let name = wanted.name.as_deref().filter(|name| *name != was.name);
        let topic = wanted.topic.as_deref().filter(|topic| *topic != was.topic);
        let visibility = wanted.visibility.filter(|visibility| *visibility != was.visibility);
        let posting = wanted.posting.filter(|role| *role != was.policy.posting);
        let mass_mentions = wanted.mass_mentions.filter(|role| *role != was.policy.mass_mentions);
        let slow_mode = wanted.slow_mode.filter(|slow_mode| *slow_mode != was.slow_mode);
        let link_previews = wanted.link_previews.filter(|on| *on != was.link_previews);
        let slug = wanted.slug.as_ref().and_then(|(slug, other)| {
            let slug = if self.known.taken_slugs.contains(slug) { other } else { slug };
            (**slug != *was.slug).then(|| Arc::<str>::from(slug.as_str()))
        });
        if name.is_some()
            || visibility.is_some()
            || posting.is_some()
            || mass_mentions.is_some()
            || slug.is_some()
            || slow_mode.is_some()
            || link_previews.is_some()
        {
            self.may(room, actor, Action::Configure)?;
        }
        if let Some(name) = name {
            self.check_name(room, actor, name)?;
        }
        // Checked here and not in the form: the room may have become private since its page was rendered.
        if visibility == Some(Visibility::Public) && !wanted.is_confirmed {
            return Err(Error::invalid("confirm", "Confirm that everyone can read this room’s messages."));
        }
        let notices = [(Kind::Renamed, name), (Kind::Topic, topic), (Kind::Visibility, visibility.map(Visibility::as_str))];
        let mut last = Effect::Unchanged;
        for (kind, body) in notices {
            if let Some(body) = body {
                let message = self.record(was.id, actor, kind, body);
                last = Effect::Message(self.keep(was.id, message));
            }
        }
        let before = present(json!({
            "name": name.map(|_| &was.name), "topic": topic.map(|_| &was.topic), "visibility": visibility.map(|_| was.visibility),
            "slug": slug.as_ref().map(|_| &was.slug), "posting": posting.map(|_| was.policy.posting),
            "mass_mentions": mass_mentions.map(|_| was.policy.mass_mentions), "slow_mode": slow_mode.map(|_| was.slow_mode),
            "link_previews": link_previews.map(|_| was.link_previews),
        }));
        let after = present(json!({
            "name": name, "topic": topic, "visibility": visibility, "slug": slug, "posting": posting, "mass_mentions": mass_mentions,
            "slow_mode": slow_mode, "link_previews": link_previews,
        }));
        if after.as_object().is_none_or(Map::is_empty) {
            return Ok(last);
        }
        let event = self.audited(security_log::Action::ChangeRoom, actor, &was.slug);
        self.writes.audit.push(event.changed(Some(before), Some(after)));
        let now = self.now;
        let state = self.state(was.id);
        if let Some(name) = name {
            name.clone_into(&mut state.room.name);
        }
        if let Some(topic) = topic {
            topic.clone_into(&mut state.room.topic);
        }
        state.room.visibility = visibility.unwrap_or(state.room.visibility);
        state.room.policy.posting = posting.unwrap_or(state.room.policy.posting);
        state.room.policy.mass_mentions = mass_mentions.unwrap_or(state.room.policy.mass_mentions);
        state.room.slow_mode = slow_mode.unwrap_or(state.room.slow_mode);
        state.room.link_previews = link_previews.unwrap_or(state.room.link_previews);
        if let Some(slug) = slug {
            let old = std::mem::replace(&mut state.room.slug, slug);
            self.writes.slugs.insert((was.id, old.to_string()), now);
        }
        for other in self.known.names.values_mut().flatten().filter(|other| other.room == was.id) {
            if let Some(name) = name {
                name.clone_into(&mut other.name);
            }
        }
        self.changed(room);
        Ok(last)
    }

    /// Gives the room another icon, or none.
    pub(super) fn set_icon(&mut self, room: &RoomState, actor: &Person, icon: Option<&Arc<str>>) -> Outcome {
        self.may(room, actor, Action::SetIcon)?;
        let was = &room.room;
        if icon == was.icon.as_ref() {
            return Ok(Effect::Unchanged);
        }
        let event = self.audited(security_log::Action::ChangeRoom, actor, &was.slug);
        self.writes.audit.push(event.changed(Some(json!({ "icon": was.icon })), Some(json!({ "icon": icon }))));
        self.state(was.id).room.icon = icon.cloned();
        self.writes.icons.insert(was.id, icon.cloned());
        self.changed(room);
        Ok(Effect::Unchanged)
    }

    /// Archives or restores the room, which the log records.
    pub(super) fn archive(&mut self, room: &RoomState, actor: &Person, on: bool) -> Outcome {
        self.may(room, actor, Action::Archive)?;
        if room.room.is_archived == on {
            return Ok(Effect::Unchanged);
        }
        let action = if on { security_log::Action::ArchiveRoom } else { security_log::Action::RestoreRoom };
        let event = self.audited(action, actor, &room.room.slug);
        self.writes.audit.push(event);
        let message = self.record(room.room.id, actor, Kind::Archived, if on { "archived" } else { "restored" });
        let now = self.now;
        let state = self.state(room.room.id);
        state.archived_at = on.then_some(now);
        state.room.is_archived = on;
        let logged = self.keep(room.room.id, message);
        self.changed(room);
        Ok(Effect::Message(logged))
    }

    /// Deletes the room: from here on nobody is a member, and nobody can see it.
    pub(super) fn delete_room(&mut self, room: &RoomState, actor: &Person) -> Outcome {
        self.may(room, actor, Action::DeleteRoom)?;
        if self.known.holds.covers_room(room.room.id) {
            return Err(HELD);
        }
        let Room { id, slug, name, visibility, .. } = &room.room;
        let event = self.audited(security_log::Action::DeleteRoom, actor, slug);
        let before = json!({ "name": name, "visibility": visibility, "entries": room.head.seq });
        self.writes.audit.push(event.changed(Some(before), None));
        self.tell(*id, Occurrence::RoomDeleted, None, Some(json!({ "room": slug, "name": name })));
        self.state(*id).is_deleted = true;
        self.writes.deleted.insert(*id, self.now);
        self.events.push(Event::RoomDeleted { room: *id, slug: slug.clone() });
        Ok(Effect::Unchanged)
    }

    /// Records that the settings of a room changed, as a write and as an event. `was` is how it was.
    pub(super) fn changed(&mut self, was: &RoomState) {
        let now = self.known.rooms[&was.room.id].room.clone();
        self.writes.settings.insert(now.id);
        let was = (was.room.slug != now.slug).then(|| was.room.slug.clone());
        self.events.push(Event::RoomChanged { room: now.id, is_direct: now.is_direct, now, was });
    }
}

/// An object without the fields that are null.
pub(super) fn present(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    object
}
