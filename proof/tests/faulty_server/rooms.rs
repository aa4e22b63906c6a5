//! What it keeps, in memory: people, rooms and messages.
//!
//! Owns the faults in what is kept and replayed; those in what is sent live are in `events`.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::Fault;

/// Every how many posts of a room one is faulty.
const EVERY: i64 = 7;

pub struct Rooms {
    pub fault: Fault,
    /// A message that is to be sent after the next one.
    pub held_back: Option<Value>,
    rooms: BTreeMap<String, Room>,
    /// Who has which cookie.
    sessions: HashMap<String, String>,
}

#[derive(Default)]
pub struct Room {
    members: HashSet<String>,
    messages: Vec<Value>,
    nonces: HashMap<String, Value>,
    posts: i64,
}

pub struct Posted {
    pub message: Value,
    /// What is sent to the room, in this order.
    pub sent: Vec<Value>,
}

impl Rooms {
    pub fn new(fault: Fault) -> Self {
        Self { fault, held_back: None, rooms: BTreeMap::new(), sessions: HashMap::new() }
    }

    /// Lets somebody in, and gives their cookie.
    pub fn admit(&mut self, username: &str) -> String {
        let key = format!("{username}-{}", self.sessions.len());
        self.sessions.insert(key.clone(), username.to_owned());
        format!("faulty={key}")
    }

    /// Whose cookie this is.
    pub fn who(&self, cookies: &str) -> Option<String> {
        let key = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("faulty="))?;
        self.sessions.get(key).cloned()
    }

    /// Makes a room, and gives its slug.
    pub fn make_room(&mut self, owner: &str) -> String {
        let slug = format!("room-{}", self.rooms.len() + 1);
        self.rooms.entry(slug.clone()).or_default().members.insert(owner.to_owned());
        slug
    }

    pub fn add_member(&mut self, slug: &str, username: &str) {
        if let Some(room) = self.rooms.get_mut(slug) {
            room.members.insert(username.to_owned());
        }
    }

    /// The room, for somebody who may see it.
    pub fn room(&mut self, slug: &str, username: &str) -> Option<&mut Room> {
        let is_open = self.fault == Fault::Open;
        self.rooms.get_mut(slug).filter(|room| is_open || room.members.contains(username))
    }

    /// What changed in a room since a `rev`, for somebody who may see it.
    pub fn since(&mut self, slug: &str, username: &str, after: i64) -> Option<Value> {
        let fault = self.fault;
        let room = self.room(slug, username)?;
        let rev = room.messages.len() as i64;
        let is_shown = |message: &&Value| {
            let is_withheld = fault == Fault::Withhold && is_faulty(message) && message["author"]["username"] != username;
            message["rev"].as_i64() > Some(after) && !is_withheld
        };
        let messages: Vec<_> = room.messages.iter().filter(is_shown).cloned().collect();
        let head = json!({ "seq": rev, "rev": rev, "epoch": "faulty" });
        Some(json!({ "ok": true, "room": { "slug": slug }, "messages": messages, "head": head, "complete": true }))
    }

    /// A page of a room's history: the messages after a place.
    pub fn page(&mut self, slug: &str, username: &str, after: i64, limit: usize) -> Option<Value> {
        let room = self.room(slug, username)?;
        let messages: Vec<_> =
            room.messages.iter().filter(|message| message["seq"].as_i64() > Some(after)).take(limit).cloned().collect();
        Some(json!({ "room": { "slug": slug }, "messages": messages, "more_before": false, "more_after": false }))
    }

    /// Posts for somebody who may see the room.
    pub fn post(&mut self, slug: &str, username: &str, nonce: &str, body: &str) -> Option<Posted> {
        let fault = self.fault;
        let room = self.room(slug, username)?;
        if let Some(message) = room.nonces.get(nonce) {
            return Some(Posted { message: message.clone(), sent: Vec::new() });
        }
        room.posts += 1;
        let is_faulty = room.posts % EVERY == 0;
        let message = room.message(slug, username, nonce, body, is_faulty);
        if !(is_faulty && fault == Fault::Lose) {
            room.messages.push(message.clone());
        }
        room.nonces.insert(nonce.to_owned(), message.clone());
        let mut sent = vec![message.clone()];
        match fault {
            _ if !is_faulty => {}
            Fault::Lose | Fault::Withhold => sent.clear(),
            Fault::Repeat => sent.push(message.clone()),
            Fault::Double => {
                let twin = room.message(slug, username, nonce, body, is_faulty);
                room.messages.push(twin.clone());
                sent.push(twin);
            }
            _ => {}
        }
        Some(Posted { message, sent })
    }
}

impl Room {
    pub fn has(&self, username: &str) -> bool {
        self.members.contains(username)
    }

    /// A new message at the room's next place.
    fn message(&self, slug: &str, username: &str, nonce: &str, body: &str, is_faulty: bool) -> Value {
        let seq = self.messages.len() + 1;
        json!({
            "room": slug, "seq": seq, "rev": seq, "kind": "text", "author": { "username": username }, "body": body, "nonce": nonce,
            "is_faulty": is_faulty,
        })
    }
}

/// Whether a message is one of the faulty ones.
pub fn is_faulty(message: &Value) -> bool {
    message["is_faulty"] == true
}
