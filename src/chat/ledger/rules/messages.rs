//! Rules about messages: posting, editing, deleting, reacting, pinning.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Batch, Besides, Words};
use crate::chat::ledger::change::Effect;
use crate::chat::markdown::Rendered;
use crate::db::ledger::{MentionTargets, Person, Revision, RoomState};
use crate::error::{Error, Result};
use crate::model::Logged;
use crate::model::{Kind, Message, Pin, Reaction, RoomId, validate};
use crate::permissions::Action;
use crate::security_log;

const BLOCKED: Error = Error::Forbidden("You can’t send messages here: one of you has blocked the other.");

/// Maximum number of different emoji per message.
const MAX_EMOJI: usize = 50;
/// Maximum number of names that a message mentions; further ones are plain text.
const MAX_MENTIONS: usize = 50;

impl Batch {
    pub(super) fn post(&mut self, room: &RoomState, actor: &Person, words: Words<'_>, besides: &Besides<'_>) -> Result<Effect> {
        let Besides { nonce, reply_to, attachments, hides_links } = *besides;
        self.may(room, actor, Action::Read)?;
        if let Some(nonce) = nonce
            && let Some(&(posted_in, seq)) = self.known.nonces.get(&(actor.author.id, nonce.to_owned()))
        {
            // A retry of a committed post: returns the original and changes nothing.
            if posted_in != room.room.id {
                return Err(Error::invalid("nonce", "This nonce was used in another room."));
            }
            let original = self.known.messages.get(&(posted_in, seq)).ok_or(Error::NotFound("message"))?;
            return Ok(Effect::Posted(Arc::new(Logged::new(posted_in, original.clone()))));
        }
        self.may(room, actor, Action::Post)?;
        self.may_mention(room, actor, words.rendered)?;
        self.check_blocks(room, actor)?;
        if let Some(seq) = reply_to
            && !(1..=room.head.seq).contains(&seq)
        {
            return Err(Error::invalid("reply_to", "The message you’re replying to isn’t in this room."));
        }
        let attachments = self.attachments(actor, attachments)?;
        self.slow_down(room, actor)?;
        let mut message = self.record(room.room.id, actor, Kind::Text, words.body);
        words.rendered.html.clone_into(&mut message.html);
        message.nonce = nonce.map(ToOwned::to_owned);
        message.reply_to = reply_to;
        message.links_off = hides_links;
        if let Some(seq) = reply_to {
            self.writes.set_reply((room.room.id, message.seq), seq);
        }
        if let Some(nonce) = nonce {
            self.known.nonces.insert((actor.author.id, nonce.to_owned()), (room.room.id, message.seq));
        }
        self.address(room, &mut message, words);
        self.attach(room.room.id, &mut message, attachments);
        self.preview_links(&room.room, &mut message, words.rendered);
        Ok(Effect::Message(self.keep(room.room.id, message)))
    }

    pub(super) fn edit(&mut self, room: &RoomState, actor: &Person, seq: i64, words: Words<'_>) -> Result<Arc<Logged>> {
        self.may(room, actor, Action::Participate)?;
        let mut message = self.message(room, seq)?;
        self.may(room, actor, Action::Edit(message.author.id))?;
        self.may_mention(room, actor, words.rendered)?;
        self.check_blocks(room, actor)?;
        if message.body == words.body {
            return Ok(Arc::new(Logged::new(room.room.id, message)));
        }
        if words.body.is_empty() && message.attachments.is_empty() {
            return Err(validate::empty_body());
        }
        let written_at = message.edited_at.unwrap_or(message.created_at);
        let before = std::mem::replace(&mut message.body, words.body.to_owned());
        message.rev = self.next_rev(room.room.id);
        if self.known.holds.cover(room.room.id, message.author.id) {
            self.writes.keep_all_revisions((room.room.id, seq));
        }
        self.writes.keep_revision((room.room.id, seq), message.rev, Revision { body: before, written_at });
        words.rendered.html.clone_into(&mut message.html);
        message.edited_at = Some(self.now);
        self.address(room, &mut message, words);
        self.preview_links(&room.room, &mut message, words.rendered);
        Ok(self.keep(room.room.id, message))
    }

    /// Checks that the actor may mention everybody, if a text does.
    fn may_mention(&self, room: &RoomState, actor: &Person, rendered: &Rendered) -> Result<()> {
        if rendered.mentions.iter().any(|name| name.starts_with('@')) {
            self.may(room, actor, Action::MentionEverybody)?;
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, room: &RoomState, actor: &Person, seq: i64) -> Result<Arc<Logged>> {
        self.may(room, actor, Action::Participate)?;
        if let Some(gone) = self.known.messages.get(&(room.room.id, seq))
            && gone.deleted_at.is_some()
            && self.may(room, actor, Action::Delete(gone.author.id)).is_ok()
        {
            // A retry of a deletion.
            return Ok(Arc::new(Logged::new(room.room.id, gone.clone())));
        }
        let message = match self.known.messages.get(&(room.room.id, seq)) {
            Some(notice) if notice.kind != Kind::Text => {
                self.may(room, actor, Action::DeleteNotice)?;
                Message::clone(notice)
            }
            _ => self.message(room, seq)?,
        };
        self.may(room, actor, Action::Delete(message.author.id))?;
        if message.author.id != actor.author.id || message.kind != Kind::Text {
            let target = format!("{}/{seq}", room.room.slug);
            let event = self.audited(security_log::Action::DeleteMessage, actor, &target);
            self.writes.audit.push(event.changed(Some(json!({ "author": message.author.username })), None));
        }
        let gone = self.erase(room.room.id, message);
        Ok(self.keep(room.room.id, gone))
    }

    /// What is left of a message that is deleted: its `seq`. The caller keeps it.
    pub(super) fn erase(&mut self, room: RoomId, mut message: Message) -> Message {
        self.hold(room, &message);
        message.body.clear();
        message.html.clear();
        message.reactions.clear();
        message.mentions.clear();
        message.pinned = None;
        message.attachments.clear();
        message.links.clear();
        message.links_off = false;
        message.edited_at = None;
        message.deleted_at = Some(self.now);
        message.rev = self.next_rev(room);
        self.writes.forget((room, message.seq));
        message
    }

    pub(super) fn react(&mut self, room: &RoomState, actor: &Person, seq: i64, emoji: &str, on: bool) -> Result<Arc<Logged>> {
        self.may(room, actor, Action::Participate)?;
        let mut message = self.message(room, seq)?;
        let username = &actor.author.username;
        let chosen = (self.now, actor.author.id);
        let place = message.reactions.iter().position(|reaction| reaction.emoji == emoji);
        let is_on = place.is_some_and(|place| message.reactions[place].users.contains(username));
        if is_on == on {
            return Ok(Arc::new(Logged::new(room.room.id, message)));
        }
        match place {
            Some(place) if on => {
                // Ordered by time, then by user id, as when they are read.
                let reaction = &mut message.reactions[place];
                let at = reaction.chosen.partition_point(|other| *other < chosen);
                reaction.users.insert(at, username.clone());
                reaction.chosen.insert(at, chosen);
            }
            Some(place) => {
                let reaction = &mut message.reactions[place];
                if let Some(at) = reaction.users.iter().position(|user| user == username) {
                    reaction.users.remove(at);
                    reaction.chosen.remove(at);
                }
            }
            None if message.reactions.len() >= MAX_EMOJI => {
                return Err(Error::invalid("emoji", "This message has reached the limit of 50 different reactions."));
            }
            None => {
                let users = vec![username.clone()];
                message.reactions.push(Reaction { emoji: emoji.to_owned(), users, chosen: vec![chosen] });
            }
        }
        message.reactions.retain(|reaction| !reaction.users.is_empty());
        message.reactions.sort_by(|one, other| (one.chosen.first(), &one.emoji).cmp(&(other.chosen.first(), &other.emoji)));
        message.rev = self.next_rev(room.room.id);
        self.writes.set_reaction((room.room.id, seq, actor.author.id, emoji.to_owned()), on.then_some(self.now));
        Ok(self.keep(room.room.id, message))
    }

    pub(super) fn pin(&mut self, room: &RoomState, actor: &Person, seq: i64, on: bool) -> Result<Arc<Logged>> {
        self.may(room, actor, Action::Participate)?;
        let mut message = self.message(room, seq)?;
        if message.pinned.is_some() == on {
            return Ok(Arc::new(Logged::new(room.room.id, message)));
        }
        message.pinned = on.then(|| Pin { by: actor.author.username.clone(), at: self.now });
        message.rev = self.next_rev(room.room.id);
        Ok(self.keep(room.room.id, message))
    }

    /// Refuses direct messages between two people, if one has blocked the other.
    fn check_blocks(&self, room: &RoomState, actor: &Person) -> Result<()> {
        let is_blocked = self.known.blocked.contains(&(room.room.id, actor.author.id));
        if is_blocked { Err(BLOCKED) } else { Ok(()) }
    }

    /// Refuses posts that follow each other faster than the room's slow mode allows, except those of moderators.
    fn slow_down(&mut self, room: &RoomState, actor: &Person) -> Result<()> {
        if room.room.slow_mode == 0 || self.may(room, actor, Action::Moderate).is_ok() {
            return Ok(());
        }
        let key = (room.room.id, actor.author.id);
        if let Some(last) = self.known.posted.get(&key) {
            // A clock that was set back delays nobody for longer than the slow mode.
            let wait = (last.0 + room.room.slow_mode * 1000 - self.now.0).min(room.room.slow_mode * 1000);
            if wait > 0 {
                return Err(Error::SlowMode { retry_after: Duration::from_millis(wait.unsigned_abs()) });
            }
        }
        self.known.posted.insert(key, self.now);
        self.writes.posted.insert(key, self.now);
        Ok(())
    }

    /// Sets the mentions of a message. Usernames are resolved when they are written.
    fn address(&mut self, room: &RoomState, message: &mut Message, words: Words<'_>) {
        let had_any = !message.mentions.is_empty();
        message.mentions = words.rendered.mentions.iter().take(MAX_MENTIONS).cloned().collect();
        if !had_any && message.mentions.is_empty() {
            return;
        }
        let is_for = |group: &str| message.mentions.iter().any(|name| name == group);
        let addressed = MentionTargets {
            author: message.author.id,
            names: message.mentions.iter().filter(|name| !name.starts_with('@')).cloned().collect(),
            is_for_all: is_for("@room"),
            online: if is_for("@here") { words.online.to_vec() } else { Vec::new() },
        };
        self.writes.set_mentions((room.room.id, message.seq), addressed);
    }
}
