//! A client that keeps a room complete exactly as `docs/protocol.md` says: by `rev` and `epoch`, filling gaps while it is connected.
//!
//! Owns that algorithm, and a journal of what it received. The people of the load catch up only when they connect; a follower depends
//! on live messages.

use std::time::{Duration, Instant};

use proof::checker::{Journal, Standing};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{DEADLINE, Person, Socket};

/// After so long without a message a follower asks whether the last ones were lost.
const QUIET: Duration = Duration::from_secs(1);

pub struct Follower {
    pub journal: Journal,
    pub gaps: u64,
    pub repeats: u64,
    pub fresh_starts: u64,
    person: Person,
    room: String,
    epoch: Option<String>,
    connections: u32,
}

impl Follower {
    pub fn new(person: Person, room: &str) -> Self {
        let journal = Journal::new(&format!("a follower named {}", person.username), Standing::Member);
        let (room, epoch) = (room.to_owned(), None);
        Self { journal, gaps: 0, repeats: 0, fresh_starts: 0, person, room, epoch, connections: 0 }
    }

    pub async fn follow_to(&mut self, rev: i64) {
        let (_goal, given) = watch::channel(Some(rev));
        self.follow(given).await;
    }

    /// The same up to a `rev` that becomes known meanwhile, over one connection.
    pub async fn follow(&mut self, goal: watch::Receiver<Option<i64>>) {
        let socket = self.person.socket().await;
        self.connections += 1;
        // What comes live meanwhile waits in the inbox.
        self.enter(&socket).await;
        let mut moved = Instant::now();
        while goal.borrow().is_none_or(|goal| self.journal.rev < goal) {
            let before = self.journal.rev;
            match tokio::time::timeout(QUIET, socket.next_any()).await {
                Ok(Some((event, message))) if event == "message" && message["room"] == json!(self.room) => {
                    self.take(&socket, message).await;
                }
                Ok(Some(_)) => {}
                Ok(None) => panic!("the connection ended at rev {before}"),
                // The last messages may be lost, and no later one shows the gap.
                Err(_) => self.sync(&socket).await,
            }
            if self.journal.rev > before {
                moved = Instant::now();
            }
            assert!(moved.elapsed() < DEADLINE, "nothing comes any more at rev {before} of {:?}", *goal.borrow());
        }
    }

    async fn enter(&mut self, socket: &Socket) {
        let known = self.epoch.is_some();
        let mut data = json!({ "room": self.room });
        if known {
            data["after"] = json!(self.journal.rev);
        }
        let mut answer = socket.ask("join", data).await;
        let is_ahead = answer["error"]["code"] == json!("invalid") && answer["error"]["field"] == json!("after");
        let is_other = answer["ok"] == json!(true) && known && answer["head"]["epoch"].as_str() != self.epoch.as_deref();
        if is_ahead || is_other {
            self.fresh_starts += 1;
            self.journal.stream.clear();
            self.journal.rev = 0;
            answer = socket.ask("join", json!({ "room": self.room })).await;
        }
        assert_eq!(answer["ok"], json!(true), "{answer}");
        self.epoch = answer["head"]["epoch"].as_str().map(ToOwned::to_owned);
        if self.journal.rev == 0 {
            // Everything, not only the page that a join without `after` gives.
            return self.sync(socket).await;
        }
        self.apply(socket, answer).await;
    }

    async fn take(&mut self, socket: &Socket, message: Value) {
        let rev = message["rev"].as_i64().unwrap_or_default();
        if rev <= self.journal.rev {
            self.repeats += 1;
        } else if rev == self.journal.rev + 1 {
            self.journal.rev = rev;
            self.journal.hear(self.connections, message);
        } else {
            self.gaps += 1;
            self.sync(socket).await;
        }
    }

    async fn sync(&mut self, socket: &Socket) {
        let answer = socket.ok("sync", json!({ "room": self.room, "after": self.journal.rev })).await;
        self.apply(socket, answer).await;
    }

    async fn apply(&mut self, socket: &Socket, mut answer: Value) {
        loop {
            for message in answer["messages"].as_array_mut().expect("an answer has messages").drain(..) {
                self.journal.rev = message["rev"].as_i64().expect("a message has a rev");
                self.journal.learn(message);
            }
            if answer["complete"] == json!(true) {
                self.journal.rev = answer["head"]["rev"].as_i64().expect("a head has a rev");
                return;
            }
            answer = socket.ok("sync", json!({ "room": self.room, "after": self.journal.rev })).await;
        }
    }
}
