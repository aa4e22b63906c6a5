//! What a change does to a room: the rules, applied to a snapshot in memory.
//!
//! Owns every decision about a change: who may make it, which `seq` and `rev` it takes, what it leaves behind. It must
//! not wait or touch the database: the ledger loads the snapshot before and writes what changed after, in one transaction,
//! so each change of a batch is accepted or refused by itself and none can see half of another.

use std::sync::Arc;

use super::change::{Change, Event, Logged, Request};
use super::types::{Kind, Membership, Message, Reaction, RoomId, UserId, Visibility};
use crate::clock::Millis;
use crate::db::ledger::{Person, RoomState, Snapshot, Wanted, Writes};
use crate::error::{Error, Result};

/// How many different emoji one message may carry.
const MAX_EMOJI: usize = 50;

/// What one change came to.
pub type Outcome = Result<Done>;

/// What a change that was allowed did.
#[derive(Clone, Debug)]
pub enum Done {
    /// It made or changed this message, or found it as it was to be.
    Kept(Arc<Logged>),
    /// It moved a read marker to this place.
    Read(i64),
    /// Everything was as it was to be.
    Nothing,
}

/// The rows that `requests` need before they can be decided.
pub fn wanted<'a>(requests: impl Iterator<Item = &'a Request>) -> Wanted {
    let mut wanted = Wanted::default();
    for request in requests {
        wanted.pairs.insert((request.room, request.actor));
        match &request.change {
            Change::Post { nonce: Some(nonce), .. } => {
                wanted.nonces.insert((request.actor, nonce.clone()));
            }
            Change::Edit { seq, .. } | Change::Delete { seq } | Change::React { seq, .. } => {
                wanted.messages.insert((request.room, *seq));
            }
            Change::Admit { user } | Change::Remove { user } => {
                wanted.pairs.insert((request.room, *user));
            }
            _ => {}
        }
    }
    wanted
}

/// A batch under way: the snapshot as the changes so far have left it, what to write, and what to tell.
pub struct Batch {
    now: Millis,
    known: Snapshot,
    writes: Writes,
    events: Vec<Event>,
}

impl Batch {
    /// A batch that begins from `known`, at `now`.
    pub fn new(known: Snapshot, now: Millis) -> Self {
        Self { now, known, writes: Writes::default(), events: Vec::new() }
    }

    /// Decides one change, and applies it when it is allowed. A refusal leaves the batch as it was.
    pub fn apply(&mut self, request: &Request) -> Outcome {
        let actor = self.person(request.actor)?;
        let room = self.room(request.room, request.actor)?;
        match &request.change {
            Change::Post { body, html, nonce, reply_to } => {
                self.post(&room, &actor, body, html, nonce.as_deref(), *reply_to).map(Done::Kept)
            }
            Change::Edit { seq, body, html } => self.edit(&room, &actor, *seq, body, html).map(Done::Kept),
            Change::Delete { seq } => self.delete(&room, &actor, *seq).map(Done::Kept),
            Change::React { seq, emoji, on } => self.react(&room, &actor, *seq, emoji, *on).map(Done::Kept),
            Change::Enter => self.enter(&room, &actor),
            Change::Leave => self.leave(&room, &actor),
            Change::Admit { user } => self.admit(&room, &actor, *user),
            Change::Remove { user } => self.remove(&room, &actor, *user),
            Change::Describe { name, topic, visibility } => {
                self.describe(&room, &actor, name.as_deref(), topic.as_deref(), *visibility)
            }
            Change::Read { seq } => self.read(&room, &actor, *seq),
        }
    }

    // ---- who and where -------------------------------------------------------------------------------------------

    fn person(&self, id: UserId) -> Result<Person> {
        let person = self.known.people.get(&id).ok_or(Error::Unauthenticated)?;
        if person.is_banned { Err(Error::Unauthenticated) } else { Ok(person.clone()) }
    }

    /// The room, if the actor may know of it: a public one, one of theirs, or the empty private one they just made.
    fn room(&self, id: RoomId, actor: UserId) -> Result<RoomState> {
        let room = self.known.rooms.get(&id).ok_or(Error::NotFound("room"))?;
        let may_know = room.room.visibility == Visibility::Public
            || self.known.members.contains_key(&(id, actor))
            || (room.created_by == Some(actor) && room.head.rev == 0);
        if may_know { Ok(room.clone()) } else { Err(Error::NotFound("room")) }
    }

    /// The one place that says who may change what a room holds: its members.
    fn must_be_member(&self, room: &RoomState, person: &Person) -> Result<Membership> {
        self.known.members.get(&(room.room.id, person.author.id)).copied().ok_or(Error::Forbidden("Enter the room first."))
    }

    /// Whether this person looks after the room: who made it, or an administrator.
    fn is_keeper(room: &RoomState, person: &Person) -> bool {
        room.created_by == Some(person.author.id) || person.is_admin
    }

    fn message(&self, room: &RoomState, seq: i64) -> Result<Message> {
        let message = self.known.messages.get(&(room.room.id, seq)).ok_or(Error::NotFound("message"))?;
        if message.kind != Kind::Text || message.deleted_at.is_some() {
            return Err(Error::invalid("seq", "This message cannot be changed."));
        }
        Ok(message.clone())
    }

    // ---- messages ------------------------------------------------------------------------------------------------

    fn post(
        &mut self,
        room: &RoomState,
        actor: &Person,
        body: &str,
        html: &str,
        nonce: Option<&str>,
        reply_to: Option<i64>,
    ) -> Result<Arc<Logged>> {
        self.must_be_member(room, actor)?;
        if let Some(nonce) = nonce
            && let Some(&(posted_in, seq)) = self.known.nonces.get(&(actor.author.id, nonce.to_owned()))
        {
            // A retry of a post that was committed: the original answers, and nothing happens twice.
            if posted_in != room.room.id {
                return Err(Error::invalid("nonce", "This nonce was used in another room."));
            }
            let original = self.known.messages.get(&(posted_in, seq)).ok_or(Error::NotFound("message"))?;
            return Ok(Arc::new(Logged::new(posted_in, original.clone())));
        }
        if let Some(seq) = reply_to
            && !(1..=room.head.seq).contains(&seq)
        {
            return Err(Error::invalid("reply_to", "The message to answer is not in this room."));
        }
        let mut message = self.record(room.room.id, actor, Kind::Text, body);
        html.clone_into(&mut message.html);
        message.nonce = nonce.map(ToOwned::to_owned);
        message.reply_to = reply_to;
        if let Some(nonce) = nonce {
            self.known.nonces.insert((actor.author.id, nonce.to_owned()), (room.room.id, message.seq));
        }
        Ok(self.keep(room.room.id, message))
    }

    fn edit(&mut self, room: &RoomState, actor: &Person, seq: i64, body: &str, html: &str) -> Result<Arc<Logged>> {
        self.must_be_member(room, actor)?;
        let mut message = self.message(room, seq)?;
        if message.author.id != actor.author.id {
            return Err(Error::Forbidden("Only its author may edit a message."));
        }
        if message.body == body {
            return Ok(Arc::new(Logged::new(room.room.id, message)));
        }
        body.clone_into(&mut message.body);
        html.clone_into(&mut message.html);
        message.edited_at = Some(self.now);
        message.rev = self.next_rev(room.room.id);
        Ok(self.keep(room.room.id, message))
    }

    fn delete(&mut self, room: &RoomState, actor: &Person, seq: i64) -> Result<Arc<Logged>> {
        self.must_be_member(room, actor)?;
        if let Some(gone) = self.known.messages.get(&(room.room.id, seq))
            && gone.deleted_at.is_some()
            && (gone.author.id == actor.author.id || Self::is_keeper(room, actor))
        {
            // The retry of a deletion finds it done.
            return Ok(Arc::new(Logged::new(room.room.id, gone.clone())));
        }
        let mut message = self.message(room, seq)?;
        if message.author.id != actor.author.id && !Self::is_keeper(room, actor) {
            return Err(Error::Forbidden("Only its author or the room's keeper may delete a message."));
        }
        message.body.clear();
        message.html.clear();
        message.reactions.clear();
        message.edited_at = None;
        message.deleted_at = Some(self.now);
        message.rev = self.next_rev(room.room.id);
        self.writes.clear_reactions(room.room.id, seq);
        Ok(self.keep(room.room.id, message))
    }

    fn react(&mut self, room: &RoomState, actor: &Person, seq: i64, emoji: &str, on: bool) -> Result<Arc<Logged>> {
        self.must_be_member(room, actor)?;
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
                // In the order of reading: by time, and by number where the time is the same.
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
                return Err(Error::invalid("emoji", "This message has all the different emoji it can hold."));
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

    // ---- people --------------------------------------------------------------------------------------------------

    fn enter(&mut self, room: &RoomState, actor: &Person) -> Outcome {
        if self.known.members.contains_key(&(room.room.id, actor.author.id)) {
            return Ok(Done::Nothing);
        }
        // `room` let them in: it is public, or the empty private room that they made.
        Ok(Done::Kept(self.join(room, actor, "")))
    }

    fn admit(&mut self, room: &RoomState, actor: &Person, user: UserId) -> Outcome {
        self.must_be_member(room, actor)?;
        let guest = self.known.people.get(&user).cloned().ok_or(Error::NotFound("person"))?;
        if self.known.members.contains_key(&(room.room.id, user)) {
            return Ok(Done::Nothing);
        }
        let by = actor.author.username.to_string();
        Ok(Done::Kept(self.join(room, &guest, &by)))
    }

    /// Makes a person a member. They have read nothing yet, but what came before they entered does not wait for them.
    fn join(&mut self, room: &RoomState, person: &Person, by: &str) -> Arc<Logged> {
        let message = self.record(room.room.id, person, Kind::Joined, by);
        let membership = Membership { joined_at: self.now, read_seq: message.seq };
        self.known.members.insert((room.room.id, person.author.id), membership);
        self.writes.set_membership((room.room.id, person.author.id), Some(membership));
        self.keep(room.room.id, message)
    }

    fn leave(&mut self, room: &RoomState, actor: &Person) -> Outcome {
        if !self.known.members.contains_key(&(room.room.id, actor.author.id)) {
            return Ok(Done::Nothing);
        }
        Ok(Done::Kept(self.part(room, actor, "", "left")))
    }

    fn remove(&mut self, room: &RoomState, actor: &Person, user: UserId) -> Outcome {
        self.must_be_member(room, actor)?;
        if user == actor.author.id {
            return self.leave(room, actor);
        }
        if !Self::is_keeper(room, actor) {
            return Err(Error::Forbidden("Only the room's keeper may remove somebody."));
        }
        let guest = self.known.people.get(&user).cloned().ok_or(Error::NotFound("person"))?;
        if !self.known.members.contains_key(&(room.room.id, user)) {
            return Ok(Done::Nothing);
        }
        let by = actor.author.username.to_string();
        Ok(Done::Kept(self.part(room, &guest, &by, "removed")))
    }

    fn part(&mut self, room: &RoomState, person: &Person, by: &str, reason: &'static str) -> Arc<Logged> {
        let message = self.record(room.room.id, person, Kind::Left, by);
        self.known.members.remove(&(room.room.id, person.author.id));
        self.writes.set_membership((room.room.id, person.author.id), None);
        // Told first, so that the leaver's sockets are out before the room hears of it.
        self.events.push(Event::Removed {
            room: room.room.id,
            slug: room.room.slug.clone(),
            user: person.author.id,
            rev: message.rev,
            reason,
        });
        self.keep(room.room.id, message)
    }

    fn read(&mut self, room: &RoomState, actor: &Person, seq: i64) -> Outcome {
        let mut membership = self.must_be_member(room, actor)?;
        let seq = seq.min(room.head.seq);
        if seq > membership.read_seq {
            membership.read_seq = seq;
            let key = (room.room.id, actor.author.id);
            self.known.members.insert(key, membership);
            self.writes.set_read(key, seq);
            return Ok(Done::Read(seq));
        }
        Ok(Done::Nothing)
    }

    // ---- the room itself -----------------------------------------------------------------------------------------

    fn describe(
        &mut self,
        room: &RoomState,
        actor: &Person,
        name: Option<&str>,
        topic: Option<&str>,
        visibility: Option<Visibility>,
    ) -> Outcome {
        self.must_be_member(room, actor)?;
        let name = name.filter(|name| *name != room.room.name);
        let topic = topic.filter(|topic| *topic != room.room.topic);
        let visibility = visibility.filter(|visibility| *visibility != room.room.visibility);
        if (name.is_some() || visibility.is_some()) && !Self::is_keeper(room, actor) {
            return Err(Error::Forbidden("Only the room's keeper may rename it or change who sees it."));
        }
        let mut last = Done::Nothing;
        if let Some(name) = name {
            let message = self.record(room.room.id, actor, Kind::Renamed, name);
            last = Done::Kept(self.keep(room.room.id, message));
        }
        if let Some(topic) = topic {
            let message = self.record(room.room.id, actor, Kind::Topic, topic);
            last = Done::Kept(self.keep(room.room.id, message));
        }
        if name.is_some() || topic.is_some() || visibility.is_some() {
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
            let described = state.room.clone();
            self.writes.rooms.insert(room.room.id);
            self.events.push(Event::Described(described));
        }
        Ok(last)
    }

    // ---- numbers -------------------------------------------------------------------------------------------------

    fn state(&mut self, room: RoomId) -> &mut RoomState {
        self.known.rooms.get_mut(&room).expect("a change is applied only to a room of the snapshot")
    }

    fn next_rev(&mut self, room: RoomId) -> i64 {
        let head = &mut self.state(room).head;
        head.rev += 1;
        head.rev
    }

    /// A new message at the next place of the room.
    fn record(&mut self, room: RoomId, person: &Person, kind: Kind, body: &str) -> Message {
        let (now, rev) = (self.now, self.next_rev(room));
        let state = self.state(room);
        state.head.seq += 1;
        if kind == Kind::Text {
            state.talk_seq = state.head.seq;
        }
        Message {
            room: state.room.slug.clone(),
            seq: state.head.seq,
            rev,
            kind,
            author: person.author.clone(),
            body: body.to_owned(),
            html: String::new(),
            created_at: now,
            nonce: None,
            edited_at: None,
            deleted_at: None,
            reply_to: None,
            reactions: Vec::new(),
        }
    }

    /// Notes a message's new state for the database and for the room.
    fn keep(&mut self, room: RoomId, message: Message) -> Arc<Logged> {
        let key = (room, message.seq);
        let is_new = !self.known.messages.contains_key(&key);
        self.writes.set_message(key, is_new);
        self.writes.rooms.insert(room);
        self.known.messages.insert(key, message.clone());
        let logged = Arc::new(Logged::new(room, message));
        self.events.push(Event::Message(logged.clone()));
        logged
    }

    /// What the batch came to: the snapshot as it left it, what of it to write, and what to tell once it is committed.
    pub fn into_parts(self) -> (Snapshot, Writes, Vec<Event>) {
        (self.known, self.writes, self.events)
    }
}
