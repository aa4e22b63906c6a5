//! The ledger, asked everything in every order: what people heard adds up to what a fresh reader sees.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::both;
use crate::harness::{Person, Socket, TestApp};

/// Somebody with a picture of the room, made only of what they were told.
struct Reader {
    person: Person,
    socket: Socket,
    known: BTreeMap<i64, Value>,
    rev: i64,
    nonces: Vec<String>,
}

impl Reader {
    fn apply(&mut self, message: Value) {
        let seq = message["seq"].as_i64().expect("a number");
        let rev = message["rev"].as_i64().expect("a number");
        if self.known.get(&seq).and_then(|known| known["rev"].as_i64()).is_none_or(|known| known < rev) {
            self.known.insert(seq, message);
        }
    }

    /// Takes in the live events so far. A rev that follows the last one moves the picture forward. Only two nodes may leave some out,
    /// where a message changed more than once while it was read; then the rest is asked for, as the protocol says.
    async fn listen(&mut self, app: &TestApp, room: &str) {
        for message in self.socket.peek_at("message") {
            let rev = message["rev"].as_i64().expect("a number");
            if rev > self.rev + 1 {
                assert!(app.has_two_nodes(), "{} missed something between {} and {rev}", self.person.username, self.rev);
                self.catch_up("sync", room).await;
            }
            if rev > self.rev {
                self.rev = rev;
                self.apply(message);
            }
        }
    }

    /// Asks for what changed since the picture was drawn.
    async fn catch_up(&mut self, event: &str, room: &str) {
        let mut event = event.to_owned();
        loop {
            let mut part = self.socket.ok(&event, json!({ "room": room, "after": self.rev })).await;
            for message in part["messages"].as_array_mut().expect("messages").drain(..) {
                self.rev = self.rev.max(message["rev"].as_i64().expect("a number"));
                self.apply(message);
            }
            if part["complete"] == json!(true) {
                return;
            }
            event = "sync".to_owned();
        }
    }

    async fn reconnect(&mut self, app: &TestApp, room: &str) {
        self.listen(app, room).await;
        self.socket = self.person.socket().await;
        self.catch_up("join", room).await;
    }
}

/// One step of somebody's, whatever becomes of it.
async fn step(app: &TestApp, reader: &mut Reader, room: &str, random: &mut StdRng, number: usize) {
    let seq = random.random_range(1..=(reader.known.len() as i64 + 2));
    let emoji = ["👍", "🎉", "👀"][random.random_range(0..3)];
    let (event, data) = match random.random_range(0..100) {
        0..40 => {
            let nonce = format!("{}-{number}", reader.person.username);
            reader.nonces.push(nonce.clone());
            ("message", json!({ "room": room, "body": format!("words {number}"), "nonce": nonce }))
        }
        40..50 if !reader.nonces.is_empty() => {
            let nonce = reader.nonces[random.random_range(0..reader.nonces.len())].clone();
            ("message", json!({ "room": room, "body": "again", "nonce": nonce }))
        }
        50..65 => ("edit", json!({ "room": room, "seq": seq, "body": format!("edit {number}") })),
        65..72 => ("delete", json!({ "room": room, "seq": seq })),
        72..88 => ("react", json!({ "room": room, "seq": seq, "emoji": emoji, "on": random.random_bool(0.6) })),
        88..92 => return reader.reconnect(app, room).await,
        92..95 => return reader.catch_up("sync", room).await,
        _ => {
            // Out of the room for good, and back.
            reader.person.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
            return reader.reconnect(app, room).await;
        }
    };
    let answer = reader.socket.ask(event, data).await;
    let code = answer["error"]["code"].as_str().unwrap_or("ok");
    assert!(["ok", "forbidden", "not_found", "invalid"].contains(&code), "{event}: {answer}");
}

async fn run(app: &TestApp, seed: u64) {
    println!("seed {seed}");
    let owner = app.register(&format!("owner{seed}")).await;
    let room = owner.create_room(&format!("Room {seed}"), "public").await;
    let mut readers = Vec::new();
    for name in ["ada", "grace", "mary"] {
        let person = app.register(&format!("{name}{seed}")).await;
        let socket = person.socket().await;
        let mut reader = Reader { person, socket, known: BTreeMap::new(), rev: 0, nonces: Vec::new() };
        reader.catch_up("join", &room).await;
        readers.push(reader);
    }
    let all = readers.iter_mut().enumerate().map(|(index, reader)| {
        let room = &room;
        let mut random = StdRng::seed_from_u64(seed * 100 + index as u64);
        async move {
            for number in 0..80 {
                step(app, reader, room, &mut random, number).await;
                if random.random_bool(0.2) {
                    reader.listen(app, room).await;
                }
            }
        }
    });
    futures_util::future::join_all(all).await;
    for reader in &mut readers {
        reader.reconnect(app, &room).await;
    }
    // A fresh reader, page by page.
    let mut fresh = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = owner.get_json(&format!("/rooms/{room}?after={after}&limit=50")).await.expect(200).json();
        for message in page["messages"].as_array().expect("messages") {
            after = message["seq"].as_i64().expect("a number");
            fresh.insert(after, message.clone());
        }
        if page["more_after"] == json!(false) {
            break;
        }
    }
    assert_eq!(fresh.keys().copied().collect::<Vec<_>>(), (1..=fresh.len() as i64).collect::<Vec<_>>());
    for reader in &readers {
        // Whoever came last made the last change, by entering; the others have that from their own catching up.
        let last = reader.rev;
        let known: BTreeMap<_, _> = reader.known.iter().filter(|(_, it)| it["rev"].as_i64() <= Some(last)).collect();
        let expected: BTreeMap<_, _> = fresh.iter().filter(|(_, it)| it["rev"].as_i64() <= Some(last)).collect();
        assert_eq!(known, expected, "what {} knows and what is there (seed {seed})", reader.person.username);
    }
    app.database.check_rooms().await;
}

#[apply(both)]
async fn what_everybody_heard_adds_up_to_what_is_there(app: &TestApp) {
    for seed in 1..=3 {
        run(app, seed).await;
    }
}
