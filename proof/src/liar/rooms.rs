//! What the liar keeps: people, rooms and their messages, all in memory.
//!
//! Owns the lies about what is kept and replayed. Lies about what is told live are `events`'.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::Lie;

/// Which message is lied about.
const EVERY: i64 = 7;

/// Everything.
pub struct House {
    /// What is lied about.
    pub lie: Lie,
    /// A message that is told after the next one.
    pub held_back: Option<Value>,
    rooms: BTreeMap<String, Room>,
    /// Who has which cookie.
    sessions: HashMap<String, String>,
}

/// A private room.
#[derive(Default)]
pub struct Room {
    members: HashSet<String>,
    messages: Vec<Value>,
    nonces: HashMap<String, Value>,
    posts: i64,
}

/// What is told after a post.
pub struct Posted {
    /// What the author is acknowledged with.
    pub message: Value,
    /// What the room is told, in this order.
    pub told: Vec<Value>,
}

impl House {
    /// An empty one.
    pub fn new(lie: Lie) -> Self {
        Self { lie, held_back: None, rooms: BTreeMap::new(), sessions: HashMap::new() }
    }

    /// Lets somebody in: their cookie.
    pub fn admit(&mut self, username: &str) -> String {
        let key = format!("{username}-{}", self.sessions.len());
        self.sessions.insert(key.clone(), username.to_owned());
        format!("liar={key}")
    }

    /// Whose cookie this is.
    pub fn who(&self, cookies: &str) -> Option<String> {
        let key = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("liar="))?;
        self.sessions.get(key).cloned()
    }

    /// Makes a room: its slug.
    pub fn make_room(&mut self, owner: &str) -> String {
        let slug = format!("room-{}", self.rooms.len() + 1);
        self.rooms.entry(slug.clone()).or_default().members.insert(owner.to_owned());
        slug
    }

    /// Makes somebody a member.
    pub fn add_member(&mut self, slug: &str, username: &str) {
        if let Some(room) = self.rooms.get_mut(slug) {
            room.members.insert(username.to_owned());
        }
    }

    /// The room, for somebody who may see it.
    pub fn room(&mut self, slug: &str, username: &str) -> Option<&mut Room> {
        let is_open = self.lie == Lie::Open;
        self.rooms.get_mut(slug).filter(|room| is_open || room.members.contains(username))
    }

    /// What changed in a room since a `rev`, for somebody who may see it.
    pub fn since(&mut self, slug: &str, username: &str, after: i64) -> Option<Value> {
        let lie = self.lie;
        let room = self.room(slug, username)?;
        let rev = room.messages.len() as i64;
        let is_shown = |message: &&Value| {
            let is_withheld = lie == Lie::Withhold && is_lied_about(message) && message["author"]["username"] != username;
            message["rev"].as_i64() > Some(after) && !is_withheld
        };
        let messages: Vec<_> = room.messages.iter().filter(is_shown).cloned().collect();
        let head = json!({ "seq": rev, "rev": rev, "epoch": "liar" });
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
        let lie = self.lie;
        let room = self.room(slug, username)?;
        if let Some(message) = room.nonces.get(nonce) {
            return Some(Posted { message: message.clone(), told: Vec::new() });
        }
        room.posts += 1;
        let is_lie = room.posts % EVERY == 0;
        let message = room.message(slug, username, nonce, body, is_lie);
        if !(is_lie && lie == Lie::Lose) {
            room.messages.push(message.clone());
        }
        room.nonces.insert(nonce.to_owned(), message.clone());
        let mut told = vec![message.clone()];
        match lie {
            _ if !is_lie => {}
            Lie::Lose | Lie::Withhold => told.clear(),
            Lie::Repeat => told.push(message.clone()),
            Lie::Double => {
                let twin = room.message(slug, username, nonce, body, is_lie);
                room.messages.push(twin.clone());
                told.push(twin);
            }
            _ => {}
        }
        Some(Posted { message, told })
    }
}

impl Room {
    /// Whether somebody belongs to it.
    pub fn has(&self, username: &str) -> bool {
        self.members.contains(username)
    }

    /// A new message at the room's next place.
    fn message(&self, slug: &str, username: &str, nonce: &str, body: &str, is_lie: bool) -> Value {
        let seq = self.messages.len() + 1;
        json!({
            "room": slug, "seq": seq, "rev": seq, "kind": "text", "author": { "username": username }, "body": body, "nonce": nonce,
            "is_lie": is_lie,
        })
    }
}

/// Whether a message is one of those that are lied about.
pub fn is_lied_about(message: &Value) -> bool {
    message["is_lie"] == true
}
