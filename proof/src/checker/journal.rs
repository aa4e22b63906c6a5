//! What one client notes: what it meant to say, what was acknowledged, and what it heard.
//!
//! Owns the notes alone. It must not judge them; only what cannot be noted twice (an acknowledgement at a second place) is kept as a
//! complaint.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What somebody is to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They may hear all of it.
    Member,
    /// They may hear nothing of it.
    Stranger,
}

/// A message as it was heard live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which of the client's connections it came over: 1, 2, 3 …
    pub connection: u32,
    /// Its place in the room.
    pub seq: i64,
    /// The change that it tells of.
    pub rev: i64,
}

/// One client's notes about one room.
#[derive(Clone, Debug)]
pub struct Journal {
    /// Who writes them.
    pub who: String,
    /// What they are to the room.
    pub standing: Standing,
    /// The nonce of each message that they tried to send, in that order. A message's words are its nonce.
    pub intended: Vec<String>,
    /// Where each acknowledged message is: nonce to `seq`.
    pub acknowledged: BTreeMap<String, i64>,
    /// What was acknowledged a second time at another place, or with other words, in words.
    pub contradictions: Vec<String>,
    /// What came live, in the order in which it came.
    pub live: Vec<Heard>,
    /// The room as they know it: the latest state that they have of each message, by `seq`.
    pub stream: BTreeMap<i64, Value>,
    /// The last `rev` up to which they know everything.
    pub rev: i64,
    /// What a stranger got of the room, in words.
    pub overheard: Vec<String>,
    /// Nonces that were refused for good, so that they must not be there.
    pub refused: BTreeSet<String>,
}

impl Journal {
    /// An empty one.
    pub fn new(who: &str, standing: Standing) -> Self {
        Self {
            who: who.to_owned(),
            standing,
            intended: Vec::new(),
            acknowledged: BTreeMap::new(),
            contradictions: Vec::new(),
            live: Vec::new(),
            stream: BTreeMap::new(),
            rev: 0,
            overheard: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Notes that a message was acknowledged.
    pub fn acknowledge(&mut self, nonce: &str, message: &Value) {
        let seq = message["seq"].as_i64().unwrap_or_default();
        if message["nonce"] != nonce || message["body"] != nonce {
            self.contradictions.push(format!("{nonce} was acknowledged as {message}"));
        }
        let before = self.acknowledged.insert(nonce.to_owned(), seq);
        if let Some(before) = before.filter(|before| *before != seq) {
            self.contradictions.push(format!("{nonce} was acknowledged at {before} and at {seq}"));
        }
    }

    /// Notes what came live over a connection.
    pub fn hear(&mut self, connection: u32, message: Value) {
        let number = |field: &str| message[field].as_i64().unwrap_or_default();
        self.live.push(Heard { connection, seq: number("seq"), rev: number("rev") });
        self.learn(message);
    }

    /// Takes a message into the stream: the higher `rev` wins.
    pub fn learn(&mut self, message: Value) {
        let seq = message["seq"].as_i64().unwrap_or_default();
        let known = self.stream.get(&seq).and_then(|known| known["rev"].as_i64());
        if known < message["rev"].as_i64() {
            self.stream.insert(seq, message);
        }
    }
}
