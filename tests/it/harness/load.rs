//! People who keep writing whatever happens to the server, and note what they were promised.
//!
//! Owns the checker of what must never be lost: every acknowledged message is in the database exactly once and in each reader's
//! stream exactly once after catching up, one that was not acknowledged at most once, and everybody sees one order.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Database, Person, Socket};

/// How many of a writer's posts are on their way at once.
const IN_FLIGHT: usize = 8;

/// How long a client waits before it tries to come back; not for a result, but not to be a flood.
const BACKOFF: Duration = Duration::from_millis(20);

/// One such person, in one room.
pub struct Writer {
    /// Who.
    pub person: Person,
    room: String,
    count: usize,
    /// Posts whose outcome is not known: to be tried again with the same nonce.
    unsettled: VecDeque<String>,
    /// Where each acknowledged post is.
    acknowledged: BTreeMap<String, i64>,
    /// The room as this person knows it: each message by its place.
    seen: BTreeMap<i64, Value>,
    rev: i64,
}

impl Writer {
    /// Somebody who has written nothing yet.
    pub fn new(person: Person, room: &str) -> Self {
        Self {
            person,
            room: room.to_owned(),
            count: 0,
            unsettled: VecDeque::new(),
            acknowledged: BTreeMap::new(),
            seen: BTreeMap::new(),
            rev: 0,
        }
    }

    /// How many posts were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Connects, catches up, and writes until the connection ends or `stop` is told. New posts are only begun until then; those
    /// under way are waited for.
    pub async fn write(&mut self, mut stop: watch::Receiver<bool>) {
        let Ok(socket) = self.person.try_socket().await else { return };
        if self.catch_up(&socket).await.is_none() {
            return;
        }
        let mut under_way = VecDeque::new();
        let mut is_over = false;
        while !is_over {
            let is_stopping = *stop.borrow_and_update();
            while under_way.len() < IN_FLIGHT && !is_stopping {
                let nonce = self.unsettled.pop_front().unwrap_or_else(|| {
                    self.count += 1;
                    format!("{}-{}", self.person.username, self.count)
                });
                let data = json!({ "room": self.room, "body": nonce, "nonce": nonce });
                under_way.push_back((nonce, socket.send("message", data).await));
            }
            let Some((nonce, pending)) = under_way.pop_front() else { break };
            match pending.outcome().await {
                Some(answer) => self.settle(nonce, &answer),
                None => {
                    self.unsettled.push_back(nonce);
                    is_over = true;
                }
            }
        }
        for (nonce, pending) in under_way {
            match pending.outcome().await {
                Some(answer) => self.settle(nonce, &answer),
                None => self.unsettled.push_back(nonce),
            }
        }
        for message in socket.peek_at("message") {
            self.apply(message);
        }
    }

    fn settle(&mut self, nonce: String, answer: &Value) {
        if answer["ok"] == json!(true) {
            assert_eq!(answer["message"]["nonce"], json!(nonce));
            let seq = answer["message"]["seq"].as_i64().expect("a number");
            let before = self.acknowledged.insert(nonce, seq);
            assert!(before.is_none_or(|before| before == seq), "acknowledged at two places");
            return;
        }
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        assert!(["busy", "unavailable"].contains(&code), "refused for good: {answer}");
        self.unsettled.push_back(nonce);
    }

    /// Learns what changed since it last looked; nothing when the connection ends meanwhile.
    async fn catch_up(&mut self, socket: &Socket) -> Option<()> {
        let mut event = "join";
        loop {
            let data = json!({ "room": self.room, "after": self.rev });
            let mut part = socket.send(event, data).await.outcome().await?;
            if part["ok"] != json!(true) {
                let code = part["error"]["code"].as_str().unwrap_or_default();
                assert!(["busy", "unavailable"].contains(&code), "{part}");
                return None;
            }
            for message in part["messages"].as_array_mut().expect("messages").drain(..) {
                let rev = message["rev"].as_i64().expect("a number");
                assert!(rev > self.rev, "in rev order");
                self.apply(message);
                self.rev = rev;
            }
            if part["complete"] == json!(true) {
                return Some(());
            }
            event = "sync";
        }
    }

    /// Takes a message in: the higher rev wins.
    fn apply(&mut self, message: Value) {
        let seq = message["seq"].as_i64().expect("a number");
        let known = self.seen.get(&seq).and_then(|known| known["rev"].as_i64());
        if known < message["rev"].as_i64() {
            self.seen.insert(seq, message);
        }
    }
}

/// Lets everybody write until `disturbance` is over, and ends what they began.
pub async fn write_during<T>(writers: &mut [Writer], disturbance: impl Future<Output = T>) -> T {
    let (stop, stopping) = watch::channel(false);
    let writing = futures_util::future::join_all(writers.iter_mut().map(|writer| {
        let stopping = stopping.clone();
        async move {
            let over = stopping.clone();
            // Whoever loses the connection comes back, as long as it goes on.
            while !*over.borrow() {
                writer.write(stopping.clone()).await;
                tokio::time::sleep(BACKOFF).await;
            }
        }
    }));
    let disturbing = async {
        let outcome = disturbance.await;
        stop.send_replace(true);
        outcome
    };
    tokio::join!(writing, disturbing).1
}

/// Lets everybody settle what they began and read all there is; then checks it all.
pub async fn check(writers: &mut [Writer], database: &Database) {
    for writer in writers.iter_mut() {
        while !writer.unsettled.is_empty() {
            let socket = writer.person.socket().await;
            writer.catch_up(&socket).await.expect("the server is well again");
            for nonce in std::mem::take(&mut writer.unsettled) {
                let data = json!({ "room": writer.room, "body": nonce, "nonce": nonce });
                let answer = socket.ask("message", data).await;
                writer.settle(nonce, &answer);
            }
        }
    }
    for writer in writers.iter_mut() {
        let socket = writer.person.socket().await;
        writer.catch_up(&socket).await.expect("the server is well again");
    }
    database.check_rooms().await;
    let rows = database.query("select seq, nonce, body from messages where kind = 'text'").await;
    let mut places: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in &rows {
        assert_eq!(row["nonce"], row["body"], "words under another's nonce");
        let nonce = row["nonce"].as_str().expect("a nonce").to_owned();
        places.entry(nonce).or_default().push(row["seq"].as_i64().expect("a number"));
    }
    for writer in writers.iter() {
        for (nonce, seq) in &writer.acknowledged {
            assert_eq!(places.get(nonce), Some(&vec![*seq]), "{nonce} was acknowledged at {seq}");
        }
    }
    let acknowledged: usize = writers.iter().map(Writer::acknowledged).sum();
    assert_eq!(places.len(), acknowledged, "a message that nobody wrote");
    for writer in writers.iter() {
        let seqs: Vec<_> = writer.seen.keys().copied().collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "{} misses some", writer.person.username);
        assert_eq!(writer.seen, writers[0].seen, "{} and {} differ", writer.person.username, writers[0].person.username);
    }
}
