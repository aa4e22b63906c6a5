//! Rules about how long a room keeps what is in it, about what has expired, and about what must be kept.
//!
//! Owns that nothing under a hold expires, and that what people delete of it stays for administrators. A message that has expired is deleted as
//! a person would delete it.

use serde_json::json;

use super::Batch;
use super::room::present;
use crate::chat::ledger::change::{Effect, Expiry, Outcome, RetentionChange};
use crate::db::ledger::{HeldText, Person, RoomState};
use crate::error::Error;
use crate::model::{Keep, Message, RoomId};
use crate::permissions::Action;
use crate::security_log;

impl Batch {
    /// Deletes what has expired. A retry changes nothing.
    pub(super) fn expire(&mut self, room: RoomId, expiry: &Expiry) -> Outcome {
        if self.known.rooms.get(&room).is_none_or(|room| room.is_deleted) {
            return Err(Error::NotFound("room"));
        }
        let (mut messages, mut files) = (0, 0);
        for seq in &expiry.seqs {
            let Some(message) = self.known.messages.get(&(room, *seq)).filter(|message| message.deleted_at.is_none()) else {
                continue;
            };
            if self.known.holds.cover(room, message.author.id) {
                continue;
            }
            let is_before = |moment: Option<crate::clock::Millis>| moment.is_some_and(|moment| message.created_at < moment);
            let is_only_files = message.body.is_empty() && !message.attachments.is_empty();
            let has_files =
                message.attachments.iter().any(|file| !file.has_expired) || message.links.iter().any(|link| link.image.is_some());
            let mut message = Message::clone(message);
            if is_before(expiry.messages_before) || (is_before(expiry.files_before) && is_only_files) {
                self.writes.unreport((room, *seq));
                let gone = self.erase(room, message);
                self.keep_untold(room, gone);
                messages += 1;
            } else if is_before(expiry.files_before) && has_files {
                files += message.attachments.iter().filter(|file| !file.has_expired).count() as u64;
                let attachments = std::mem::take(&mut message.attachments);
                message.attachments = attachments.into_iter().map(crate::model::Attachment::expired).collect();
                for link in &mut message.links {
                    link.image = None;
                }
                message.rev = self.next_rev(room);
                self.writes.strip((room, *seq));
                self.keep_untold(room, message);
            }
        }
        Ok(Effect::Expired { messages, files })
    }

    /// Keeps for administrators what a hold covers of a message that is about to be deleted.
    pub(super) fn hold(&mut self, room: RoomId, message: &Message) {
        if !self.known.holds.cover(room, message.author.id) {
            return;
        }
        let text = HeldText {
            author: message.author.id,
            kind: message.kind,
            body: message.body.clone(),
            attachments: serde_json::to_string(&message.attachments).ok().filter(|_| !message.attachments.is_empty()),
            created_at: message.created_at,
            written_at: message.edited_at.unwrap_or(message.created_at),
            rev: self.known.rooms.get(&room).map_or(0, |room| room.head.rev + 1),
            held_at: self.now,
        };
        self.writes.hold((room, message.seq), text);
    }

    /// Decides how long the room keeps its messages and files.
    pub(super) fn set_retention(&mut self, room: &RoomState, actor: &Person, wanted: &RetentionChange) -> Outcome {
        self.may(room, actor, Action::SetRetention)?;
        let was = &room.room;
        let messages = wanted.messages.filter(|keep| *keep != was.keep_messages);
        let files = wanted.files.filter(|keep| *keep != was.keep_files);
        for (field, keep, server) in [("messages", messages, wanted.server[0]), ("files", files, wanted.server[1])] {
            let Some(keep) = keep else { continue };
            if let Keep::Days(days) = keep
                && !(1..=Keep::MOST_DAYS).contains(&days)
            {
                return Err(Error::invalid(field, format!("Choose 1 to {} days.", Keep::MOST_DAYS)));
            }
            if !actor.is_admin && !keep.is_within(server) {
                return Err(Error::invalid(field, "Only admins can have a room keep this for longer than the server does."));
            }
        }
        if messages.is_none() && files.is_none() {
            return Ok(Effect::Unchanged);
        }
        let before = present(json!({
            "keep_messages": messages.map(|_| shown(was.keep_messages)), "keep_files": files.map(|_| shown(was.keep_files)),
        }));
        let after = present(json!({ "keep_messages": messages.map(shown), "keep_files": files.map(shown) }));
        let event = self.audited(security_log::Action::ChangeRoom, actor, &was.slug);
        self.writes.audit.push(event.changed(Some(before), Some(after)));
        let state = self.state(was.id);
        state.room.keep_messages = messages.unwrap_or(state.room.keep_messages);
        state.room.keep_files = files.unwrap_or(state.room.keep_files);
        self.changed(room);
        Ok(Effect::Unchanged)
    }
}

/// As forms have it, for the audit log.
fn shown(keep: Keep) -> String {
    match keep {
        Keep::AsServer => "default".to_owned(),
        Keep::Forever => "forever".to_owned(),
        Keep::Days(days) => format!("{days}d"),
    }
}
