//! The rules: what a change does to a room, applied to a snapshot in memory.
//!
//! Owns the `seq` and `rev` that a change takes, and its effects. It must not wait or use the database: the ledger loads the
//! snapshot and writes the result in one transaction, so that each change of a batch is accepted or refused independently.
//!
//! `permissions` decides who may make a change. This module has the batch and the numbering, `messages` the rules about messages,
//! `files` those about what a message shows beside its text, `retention` those about what has expired and what is kept, `members` those about members, `room` those about
//! the room itself, `telling` which webhooks are told.

mod cleanup;
mod files;
mod members;
mod messages;
mod retention;
mod room;
mod telling;

use std::sync::Arc;

use crate::chat::ledger::change::{Change, CleanUp, Effect, Enrichment, Expiry, NewAttachment, Outcome, Request, Settings};
use crate::chat::markdown::Rendered;
use crate::clock::Millis;
use crate::db::ledger::{Person, RoomState, Snapshot, SnapshotKeys, Writes};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::Logged;
use crate::model::{Kind, Membership, Message, Occurrence, RoomId, UserId};
use crate::permissions::{self, Action, Actor, Caller, RoomFacts};
use crate::security_log::{self, Source};

/// The text of a message.
#[derive(Clone, Copy)]
struct Words<'a> {
    body: &'a str,
    rendered: &'a Rendered,
    /// Connected users, if the text mentions `@here`.
    online: &'a [UserId],
}

/// What a new message has beside its text.
struct Besides<'a> {
    nonce: Option<&'a str>,
    reply_to: Option<i64>,
    attachments: &'a [NewAttachment],
    hides_links: bool,
}

/// The keys of the rows that `requests` need.
pub fn keys<'a>(requests: impl Iterator<Item = &'a Request>) -> SnapshotKeys {
    let mut keys = SnapshotKeys::default();
    for request in requests {
        keys.pairs.insert((request.room, request.caller.id));
        keys.asks_holds |= may_lose(&request.change);
        match &request.change {
            Change::Post { nonce, attachments, .. } => {
                keys.nonces.extend(nonce.iter().map(|nonce| (request.caller.id, nonce.clone())));
                keys.files.extend(attachments.iter().map(|attachment| attachment.id.clone()));
            }
            Change::Edit { seq, .. }
            | Change::Delete { seq }
            | Change::React { seq, .. }
            | Change::Pin { seq, .. }
            | Change::HideLinks { seq } => {
                keys.messages.insert((request.room, *seq));
            }
            Change::CleanUp(CleanUp { seqs, .. }) | Change::Expire(Expiry { seqs, .. }) => {
                keys.messages.extend(seqs.iter().map(|seq| (request.room, *seq)));
            }
            Change::Enrich(Enrichment { seq, links, .. }) => {
                keys.messages.insert((request.room, *seq));
                keys.files.extend(links.iter().filter_map(|(_, file)| file.clone()));
            }
            Change::Admit { user } => {
                keys.pairs.insert((request.room, *user));
            }
            Change::Leave => {
                keys.departures.insert((request.room, request.caller.id));
            }
            Change::Remove { user } | Change::SetRole { user, .. } | Change::Ban { user, .. } => {
                keys.pairs.insert((request.room, *user));
                keys.departures.insert((request.room, *user));
            }
            Change::Describe(Settings { name, slug, .. }) => {
                if name.is_some() || slug.is_some() {
                    keys.names.insert(request.caller.id);
                }
                keys.slugs.extend(slug.iter().map(|(slug, _)| (request.room, slug.clone())));
            }
            _ => {}
        }
    }
    keys
}

/// Whether a text or a file may be lost by it.
fn may_lose(change: &Change) -> bool {
    matches!(change, Change::Edit { .. } | Change::Delete { .. } | Change::CleanUp(_) | Change::Expire(_) | Change::DeleteRoom)
}

/// Whether an administrator may make this change in a room that they cannot see.
fn is_administration(change: &Change, actor: UserId) -> bool {
    match change {
        Change::Remove { user } => *user != actor,
        Change::SetRole { .. } | Change::Ban { .. } | Change::Archive { .. } | Change::SetRetention(_) | Change::DeleteRoom => {
            true
        }
        _ => false,
    }
}

/// Whether it is the empty room that this person has just created.
fn is_being_created(room: &RoomState, person: UserId) -> bool {
    room.created_by == Some(person) && room.head.rev == 0
}

/// A batch in progress: the snapshot with the changes so far, the writes, and the events.
pub struct Batch {
    now: Millis,
    known: Snapshot,
    writes: Writes,
    events: Vec<Event>,
    /// Where the change that is applied comes from.
    source: Source,
}

impl Batch {
    /// A batch that starts from a snapshot.
    pub fn new(known: Snapshot, now: Millis) -> Self {
        Self { now, known, writes: Writes::at(now), events: Vec::new(), source: Source::default() }
    }

    /// Applies a change if it is allowed. A refused change leaves the batch as it was.
    pub fn apply(&mut self, request: &Request) -> Outcome {
        self.source.clone_from(&request.source);
        if let Change::CleanUp(cleanup) = &request.change {
            return self.clean_up(request.room, request.caller.id, cleanup);
        }
        if let Change::Enrich(enrichment) = &request.change {
            return self.enrich(request.room, enrichment);
        }
        if let Change::Expire(expiry) = &request.change {
            return self.expire(request.room, expiry);
        }
        let actor = self.actor(request.caller)?;
        let room = self.room(request.room, &actor, &request.change)?;
        match &request.change {
            Change::Post { body, rendered, online, nonce, reply_to, attachments, hides_links } => {
                let words = Words { body, rendered, online };
                let (nonce, reply_to, hides_links) = (nonce.as_deref(), *reply_to, *hides_links);
                self.post(&room, &actor, words, &Besides { nonce, reply_to, attachments, hides_links })
            }
            Change::Edit { seq, body, rendered, online } => {
                self.edit(&room, &actor, *seq, Words { body, rendered, online }).map(Effect::Message)
            }
            Change::Delete { seq } => self.delete(&room, &actor, *seq).map(Effect::Message),
            Change::React { seq, emoji, on } => self.react(&room, &actor, *seq, emoji, *on).map(Effect::Message),
            Change::Pin { seq, on } => self.pin(&room, &actor, *seq, *on).map(Effect::Message),
            Change::Enter => self.enter(&room, &actor),
            Change::Leave => self.leave(&room, &actor),
            Change::Admit { user } => self.admit(&room, &actor, *user),
            Change::Remove { user } => self.remove(&room, &actor, *user),
            Change::SetRole { user, role } => self.set_role(&room, &actor, *user, *role),
            Change::Ban { user, on } => self.ban(&room, &actor, *user, *on),
            Change::Describe(settings) => self.describe(&room, &actor, settings),
            Change::Archive { on } => self.archive(&room, &actor, *on),
            Change::DeleteRoom => self.delete_room(&room, &actor),
            Change::SetIcon { icon } => self.set_icon(&room, &actor, icon.as_ref()),
            Change::HideLinks { seq } => self.hide_links(&room, &actor, *seq).map(Effect::Message),
            Change::SetRetention(wanted) => self.set_retention(&room, &actor, wanted),
            Change::CleanUp(_) | Change::Enrich(_) | Change::Expire(_) => Ok(Effect::Unchanged),
            Change::Read { seq } => self.read(&room, &actor, *seq),
            Change::Unread { seq } => self.unread(&room, &actor, *seq),
        }
    }

    // ---- users and rooms -----------------------------------------------------------------------------------------

    /// Whoever asks for a change: an administrator only if their session permits that too.
    fn actor(&self, caller: Caller) -> Result<Person> {
        let person = self.known.people.get(&caller.id).filter(|person| !person.is_banned).ok_or(Error::Unauthenticated)?;
        Ok(Person { is_admin: caller.administers(person.is_admin), ..person.clone() })
    }

    /// The room, if the actor can see it, if it is the empty private room that they have just created, or if they administer it.
    fn room(&self, id: RoomId, actor: &Person, change: &Change) -> Result<RoomState> {
        let room = self.known.rooms.get(&id).filter(|room| !room.is_deleted).ok_or(Error::NotFound("room"))?;
        let administers = actor.is_admin && !room.room.is_direct && is_administration(change, actor.author.id);
        if permissions::can_see(&self.facts(room, actor)) || is_being_created(room, actor.author.id) || administers {
            Ok(room.clone())
        } else {
            Err(Error::NotFound("room"))
        }
    }

    fn facts(&self, room: &RoomState, person: &Person) -> RoomFacts {
        let key = (room.room.id, person.author.id);
        RoomFacts {
            visibility: room.room.visibility,
            is_direct: room.room.is_direct,
            is_archived: room.room.is_archived,
            policy: room.room.policy,
            role: self.known.members.get(&key).map(|membership| membership.role),
            is_excluded: person.is_guest || self.known.bans.contains(&key),
        }
    }

    /// Checks a permission.
    fn may(&self, room: &RoomState, person: &Person, action: Action) -> Result<()> {
        let actor = Actor { id: person.author.id, is_admin: person.is_admin, is_guest: person.is_guest };
        permissions::may(actor, action, &self.facts(room, person))
    }

    fn membership(&self, room: &RoomState, person: &Person) -> Result<Membership> {
        self.known.members.get(&(room.room.id, person.author.id)).copied().ok_or(permissions::NOT_A_MEMBER)
    }

    fn message(&self, room: &RoomState, seq: i64) -> Result<Message> {
        let message = self.known.messages.get(&(room.room.id, seq)).ok_or(Error::NotFound("message"))?;
        if message.kind != Kind::Text || message.deleted_at.is_some() {
            return Err(Error::invalid("seq", "This message can’t be changed."));
        }
        Ok(Message::clone(message))
    }

    // ---- numbering -----------------------------------------------------------------------------------------------

    fn state(&mut self, room: RoomId) -> &mut RoomState {
        self.known.rooms.get_mut(&room).expect("a change is applied only to a room of the snapshot")
    }

    fn next_rev(&mut self, room: RoomId) -> i64 {
        let head = &mut self.state(room).head;
        head.rev += 1;
        head.rev
    }

    /// A new message with the next `seq` of the room.
    fn record(&mut self, room: RoomId, person: &Person, kind: Kind, body: &str) -> Message {
        let (now, rev) = (self.now, self.next_rev(room));
        let state = self.state(room);
        state.head.seq += 1;
        if kind == Kind::Text {
            state.talk_seq = state.head.seq;
        }
        Message::new(state.room.slug.clone(), state.head.seq, rev, kind, person.author.clone(), body.to_owned(), now)
    }

    /// Records the new state of a message, as a write and as an event, and tells the webhooks.
    fn keep(&mut self, room: RoomId, message: Message) -> Arc<Logged> {
        // Nobody needs to be told where nobody listens.
        if !self.known.subscriptions.is_empty() {
            let before = self.known.messages.get(&(room, message.seq));
            if let Some((event, payload)) = Occurrence::of(before.map(|before| &**before), &message) {
                self.tell(room, event, Some((message.seq, message.rev)), payload);
            }
        }
        self.keep_untold(room, message)
    }

    /// As [`Self::keep`], of what the server does to many messages by itself: webhooks are not told.
    fn keep_untold(&mut self, room: RoomId, message: Message) -> Arc<Logged> {
        let key = (room, message.seq);
        let before = self.known.messages.get(&key);
        let is_new = before.is_none();
        let counts_otherwise = |before: &&Arc<Message>| {
            before.deleted_at.is_some() != message.deleted_at.is_some() || before.mentions != message.mentions
        };
        let mentions_before = before.filter(counts_otherwise).map(|before| before.mentions.clone());
        self.writes.set_message(key, is_new);
        self.writes.rooms.insert(room);
        let message = Arc::new(message);
        self.known.messages.insert(key, message.clone());
        let logged = Arc::new(Logged::new(room, message));
        self.events.push(Event::Message { logged: logged.clone(), is_new, mentions_before });
        logged
    }

    /// An event of the audit log, to be recorded with the change.
    fn audited(&self, action: security_log::Action, actor: &Person, target: &str) -> security_log::Event {
        security_log::Event::new(self.now, action, &self.source).by(actor.author.id, &actor.author.username).about(target)
    }

    /// The snapshot with all changes, the writes, and the events to publish after the commit.
    pub fn into_parts(self) -> (Snapshot, Writes, Vec<Event>) {
        (self.known, self.writes, self.events)
    }
}
