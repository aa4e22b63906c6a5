//! Rules about what a message shows beside its text: files, and previews of its links.
//!
//! Owns that a message takes only complete uploads of its author, each once, and that nothing is added to a message that changed
//! meanwhile. The bytes are stored before this: `files` does it.

use std::sync::Arc;

use super::Batch;
use crate::chat::ledger::change::{Effect, Enrichment, NewAttachment, Outcome};
use crate::chat::markdown::Rendered;
use crate::db::ledger::{File, Person, RoomState};
use crate::error::{Error, Result};
use crate::model::{Attachment, Kind, LinkPreview, Logged, Message, Room, RoomId, Task};
use crate::permissions::Action;

/// The place of the first link preview's picture among a message's files.
const FIRST_LINK: i64 = 1000;

impl Batch {
    /// The files that a new message is to take.
    pub(super) fn attachments(&self, actor: &Person, wanted: &[NewAttachment]) -> Result<Vec<Attachment>> {
        let mut found: Vec<Attachment> = Vec::with_capacity(wanted.len());
        for NewAttachment { id, alt } in wanted {
            let file = self.known.files.get(id).filter(|file| file.owner_id == actor.author.id && !self.has_expired(file));
            let file = file.ok_or_else(|| refused("One of the files isn’t there any more. Upload it again."))?;
            if !file.is_stored {
                return Err(refused("One of the files isn’t uploaded completely yet."));
            }
            if file.room_id.is_some() || found.iter().any(|other| other.id == *id) {
                return Err(refused("One of the files is in a message already. Upload it again."));
            }
            found.push(file.attachment(alt.clone().unwrap_or_else(|| file.alt.clone())));
        }
        Ok(found)
    }

    fn has_expired(&self, file: &File) -> bool {
        file.expires_at.is_some_and(|at| at <= self.now)
    }

    /// Gives files to a new message.
    pub(super) fn attach(&mut self, room: RoomId, message: &mut Message, attachments: Vec<Attachment>) {
        for (place, attachment) in (0..).zip(&attachments) {
            // It may be made at this moment, by a job that does not know of this message.
            if self.known.files.get(&attachment.id).is_some_and(|file| file.is_preview_open) {
                self.writes.tasks.push((Task::Preview { file: attachment.id.clone() }, self.now));
            }
            self.take(&attachment.id, (room, message.seq), place);
        }
        message.attachments = attachments;
    }

    fn take(&mut self, id: &str, (room, seq): (RoomId, i64), place: i64) {
        if let Some(file) = self.known.files.get_mut(id) {
            file.room_id = Some(room);
        }
        self.writes.taken.insert(id.to_owned(), (room, seq, place));
    }

    /// Has the links of a new text previewed, and drops previews of links that are gone.
    pub(super) fn preview_links(&mut self, room: &Room, message: &mut Message, rendered: &Rendered) {
        let links = &rendered.links[..rendered.links.len().min(LinkPreview::MOST)];
        let is_same = message.links.len() == links.len() && message.links.iter().all(|preview| links.contains(&preview.url));
        if message.links_off || is_same {
            return;
        }
        if !message.links.is_empty() {
            message.links.clear();
            self.writes.unlink((room.id, message.seq));
        }
        if !links.is_empty() && room.link_previews {
            self.writes.tasks.push((Task::LinkPreviews { room: room.id, seq: message.seq }, self.now));
        }
    }

    /// Removes the link previews of a message: its author, or whoever may delete it.
    pub(super) fn hide_links(&mut self, room: &RoomState, actor: &Person, seq: i64) -> Result<Arc<Logged>> {
        self.may(room, actor, Action::Participate)?;
        let mut message = self.message(room, seq)?;
        self.may(room, actor, Action::Delete(message.author.id))?;
        if message.links_off {
            return Ok(Arc::new(Logged::new(room.room.id, message)));
        }
        message.links.clear();
        message.links_off = true;
        message.rev = self.next_rev(room.room.id);
        self.writes.unlink((room.room.id, seq));
        Ok(self.keep(room.room.id, message))
    }

    /// Adds what was found out after a message was posted. A retry changes nothing.
    pub(super) fn enrich(&mut self, room: RoomId, enrichment: &Enrichment) -> Outcome {
        let seq = enrichment.seq;
        let is_there = self.known.rooms.get(&room).is_some_and(|room| !room.is_deleted);
        let message = self.known.messages.get(&(room, seq)).filter(|_| is_there);
        let Some(before) = message.filter(|message| message.kind == Kind::Text && message.deleted_at.is_none()) else {
            return Ok(Effect::Unchanged);
        };
        let before = before.clone();
        let mut message = Message::clone(&before);
        for preview in &enrichment.previews {
            if let Some(attachment) =
                message.attachments.iter_mut().find(|attachment| attachment.id == preview.file && !attachment.has_expired)
            {
                attachment.width = Some(preview.width);
                attachment.height = Some(preview.height);
                attachment.blur.clone_from(&preview.blur);
                attachment.preview = Some(preview_path(&preview.file));
            }
        }
        if message.links.is_empty() && !message.links_off && message.body == enrichment.body {
            for (place, (link, picture)) in (FIRST_LINK..).zip(&enrichment.links) {
                let picture = picture.as_deref().filter(|id| self.is_free(id));
                if let Some(id) = picture {
                    self.take(id, (room, seq), place);
                }
                message.links.push(LinkPreview { image: picture.map(preview_path), ..link.clone() });
            }
        }
        if message == *before {
            return Ok(Effect::Unchanged);
        }
        message.rev = self.next_rev(room);
        Ok(Effect::Message(self.keep(room, message)))
    }

    /// Whether it is a picture that can be shown, and that no message has.
    fn is_free(&self, id: &str) -> bool {
        self.known.files.get(id).is_some_and(|file| file.is_stored && file.has_preview && file.room_id.is_none())
    }
}

fn refused(why: &'static str) -> Error {
    Error::invalid("attachments", why)
}

fn preview_path(id: &str) -> String {
    format!("/files/{id}/preview")
}
