//! The journal of one client: what it sent, what was acknowledged, and what it received.
//!
//! Owns recording, not judging. Only a contradiction that could not be recorded otherwise (an acknowledgement with a second `seq`) is kept
//! as a finding.

use std::collections::BTreeMap;

use serde_json::Value;

/// What somebody is to the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// They may receive all of it.
    #[default]
    Member,
    /// They may receive nothing of it.
    Stranger,
}

/// A message that was received live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which of the client's connections it came over: 1, 2, 3 …
    pub connection: u32,
    /// Its place in the room.
    pub seq: i64,
    /// Its change.
    pub rev: i64,
}

/// One client's journal of one room.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Whose it is.
    pub who: String,
    /// What they are to the room.
    pub standing: Standing,
    /// The nonce of each message that they tried to send, in order. A message's text is its nonce.
    pub intended: Vec<String>,
    /// The `seq` of each acknowledged message, by nonce.
    pub acknowledged: BTreeMap<String, i64>,
    /// Acknowledgements that contradict an earlier one or what was sent, in words.
    pub contradictions: Vec<String>,
    /// What came live, in order.
    pub live: Vec<Heard>,
    /// The room as they know it: the latest known state of each message, by `seq`.
    pub stream: BTreeMap<i64, Value>,
    /// The last `rev` up to which they know everything.
    pub rev: i64,
    /// What a stranger received of the room, in words.
    pub overheard: Vec<String>,
}

impl Journal {
    /// An empty one.
    pub fn new(who: &str, standing: Standing) -> Self {
        Self { who: who.to_owned(), standing, ..Self::default() }
    }

    /// Records an acknowledgement.
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

    /// Records what came live over a connection.
    pub fn hear(&mut self, connection: u32, message: Value) {
        let number = |field: &str| message[field].as_i64().unwrap_or_default();
        self.live.push(Heard { connection, seq: number("seq"), rev: number("rev") });
        self.learn(message);
    }

    /// Adds a message to the stream: the higher `rev` wins.
    pub fn learn(&mut self, message: Value) {
        let seq = message["seq"].as_i64().unwrap_or_default();
        let known = self.stream.get(&seq).and_then(|known| known["rev"].as_i64());
        if known < message["rev"].as_i64() {
            self.stream.insert(seq, message);
        }
    }
}
