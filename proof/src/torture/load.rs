//! People who keep talking in a private room whatever happens to the server, and note what they meant, were promised and heard.
//!
//! Owns their habits: each comes back when it loses the connection, asks for what it missed, and tries again, with the same nonce,
//! whatever was not acknowledged. A stranger stands by all the time and tries to listen in. Judging is the checker's.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::checker::{Journal, Standing, Verdict, check};
use crate::client::{Person, Site, Socket};

/// How many of a writer's posts are on their way at once.
const IN_FLIGHT: usize = 8;

/// How long a client waits for an answer before it gives the connection up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it waits before it comes back; not for a result, but not to be a flood.
const BACKOFF: Duration = Duration::from_millis(50);

/// How long all of them together may take to settle what they began.
const SETTLING: Duration = Duration::from_secs(120);

/// One of them.
pub struct Client {
    /// Who.
    pub person: Person,
    /// What they noted.
    pub journal: Journal,
    /// How long each acknowledgement took.
    pub latencies: Vec<Duration>,
    room: String,
    is_writing: bool,
    unsettled: VecDeque<String>,
    connections: u32,
}

/// What came of a post.
enum Told {
    /// There was an acknowledgement, good or bad.
    Answer(Value),
    /// Nobody knows.
    Nothing,
}

impl Client {
    /// Somebody who has noted nothing yet.
    pub fn new(person: Person, room: &str, standing: Standing, is_writing: bool) -> Self {
        let journal = Journal::new(&person.username, standing);
        let (latencies, unsettled) = (Vec::new(), VecDeque::new());
        Self { person, journal, latencies, room: room.to_owned(), is_writing, unsettled, connections: 0 }
    }

    /// Connects, catches up, and talks until the connection ends or `stop` is told. What is under way then is waited for.
    async fn stay(&mut self, mut stop: watch::Receiver<bool>) {
        let Ok(socket) = self.person.try_socket().await else { return };
        self.connections += 1;
        if self.journal.standing == Standing::Stranger {
            self.pry(&socket).await;
        } else if self.catch_up(&socket).await.is_none() {
            self.note_live(&socket);
            return;
        }
        if self.is_writing {
            self.write(&socket, &mut stop).await;
        } else {
            tokio::select! {
                () = socket.end() => {}
                _ = stop.wait_for(|stopping| *stopping) => {}
            }
        }
        self.note_live(&socket);
    }

    async fn write(&mut self, socket: &Socket, stop: &mut watch::Receiver<bool>) {
        let mut under_way = VecDeque::new();
        let (mut is_over, mut patience) = (false, PATIENCE);
        loop {
            let is_stopping = is_over || *stop.borrow_and_update();
            while under_way.len() < IN_FLIGHT && !is_stopping {
                let nonce = self.unsettled.pop_front().unwrap_or_else(|| self.next_nonce());
                let data = json!({ "room": self.room, "body": nonce, "nonce": nonce });
                under_way.push_back((nonce, Instant::now(), socket.send("message", data).await));
            }
            let Some((nonce, began, pending)) = under_way.pop_front() else { break };
            let told = pending.within(patience).await.map_or(Told::Nothing, Told::Answer);
            match told {
                Told::Answer(_) => self.latencies.push(began.elapsed()),
                // The others have waited as long: what is not here now will not come over this connection.
                Told::Nothing => patience = Duration::ZERO,
            }
            is_over |= !self.settle(nonce, &told);
        }
    }

    fn next_nonce(&mut self) -> String {
        let nonce = format!("{}-{}", self.person.username, self.journal.intended.len() + 1);
        self.journal.intended.push(nonce.clone());
        nonce
    }

    /// Notes what came of a post; whether to go on over this connection.
    fn settle(&mut self, nonce: String, told: &Told) -> bool {
        match told {
            Told::Answer(answer) if answer["ok"] == json!(true) => {
                self.journal.acknowledge(&nonce, &answer["message"]);
                true
            }
            Told::Answer(answer) => {
                let code = answer["error"]["code"].as_str().unwrap_or_default();
                if !["busy", "unavailable", "rate_limited"].contains(&code) {
                    self.journal.contradictions.push(format!("{nonce} was refused: {answer}"));
                }
                self.unsettled.push_back(nonce);
                // It comes back a moment later, and does not hammer at a server that is unwell.
                false
            }
            Told::Nothing => {
                self.unsettled.push_back(nonce);
                false
            }
        }
    }

    /// Learns what changed since it last looked; nothing when that could not be had.
    async fn catch_up(&mut self, socket: &Socket) -> Option<()> {
        let mut event = "join";
        loop {
            let data = json!({ "room": self.room, "after": self.journal.rev });
            let mut part = socket.send(event, data).await.within(PATIENCE).await?;
            for message in part["messages"].as_array_mut()?.drain(..) {
                let rev = message["rev"].as_i64().unwrap_or_default();
                if rev <= self.journal.rev {
                    self.journal.contradictions.push(format!("a replay after {} holds {message}", self.journal.rev));
                }
                self.journal.learn(message);
                self.journal.rev = rev;
            }
            if part["complete"] == json!(true) {
                return Some(());
            }
            event = "sync";
        }
    }

    /// A stranger tries every way in.
    async fn pry(&mut self, socket: &Socket) {
        for event in ["join", "sync", "history"] {
            let data = json!({ "room": self.room, "after": 0 });
            if let Some(answer) = socket.send(event, data).await.within(PATIENCE).await
                && answer["ok"] == json!(true)
            {
                self.journal.overheard.push(format!("what `{event}` gives"));
            }
        }
    }

    fn note_live(&mut self, socket: &Socket) {
        for (event, data) in socket.peek() {
            match (event.as_str(), self.journal.standing) {
                _ if data["room"] != json!(self.room) => {}
                ("message", _) => self.journal.hear(self.connections, data),
                (_, Standing::Stranger) => self.journal.overheard.push(format!("`{event}` {data}")),
                _ => {}
            }
        }
    }

    /// Settles what it began, and learns all there is.
    async fn come_to_rest(&mut self) {
        loop {
            let Ok(socket) = self.person.try_socket().await else {
                tokio::time::sleep(BACKOFF).await;
                continue;
            };
            self.connections += 1;
            if self.catch_up(&socket).await.is_none() {
                tokio::time::sleep(BACKOFF).await;
                continue;
            }
            for nonce in std::mem::take(&mut self.unsettled) {
                let data = json!({ "room": self.room, "body": nonce, "nonce": nonce });
                let told = socket.send("message", data).await.within(PATIENCE).await.map_or(Told::Nothing, Told::Answer);
                self.settle(nonce, &told);
            }
            self.note_live(&socket);
            if self.unsettled.is_empty() {
                return;
            }
            tokio::time::sleep(BACKOFF).await;
        }
    }
}

/// All of them, in one private room.
pub struct Load {
    /// The members first; the last one is the stranger.
    pub clients: Vec<Client>,
    /// The room's slug.
    pub room: String,
}

impl Load {
    /// So many members who write, one who only listens, and a stranger.
    pub async fn gather(site: &Site, writers: usize) -> Self {
        let owner = site.register("listener").await;
        let room = owner.create_room("The torture chamber", "private").await;
        let mut clients = Vec::new();
        for nth in 1..=writers {
            let name = format!("writer{nth}");
            let writer = site.register(&name).await;
            owner.post(&format!("/rooms/{room}/members"), &[("username", &name)]).await.expect(303);
            clients.push(Client::new(writer, &room, Standing::Member, true));
        }
        clients.push(Client::new(owner, &room, Standing::Member, false));
        clients.push(Client::new(site.register("stranger").await, &room, Standing::Stranger, false));
        Self { clients, room }
    }

    /// Brings everybody to another address of the same server, such as one behind a cable.
    pub fn move_to(&mut self, site: &Site) {
        for client in &mut self.clients {
            client.person = client.person.at(site);
        }
    }

    /// A member who writes nothing, for looking on, and the room's slug.
    pub fn witness(&self) -> (Person, String) {
        (self.clients[self.clients.len() - 2].person.clone(), self.room.clone())
    }

    /// How many messages were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.clients.iter().map(|client| client.journal.acknowledged.len()).sum()
    }

    /// Lets everybody talk until `disturbance` is over, and ends what they began.
    pub async fn during<T>(&mut self, disturbance: impl Future<Output = T>) -> T {
        let (stop, stopping) = watch::channel(false);
        let talking = futures_util::future::join_all(self.clients.iter_mut().map(|client| {
            let stopping = stopping.clone();
            async move {
                let over = stopping.clone();
                while !*over.borrow() {
                    client.stay(stopping.clone()).await;
                    tokio::time::sleep(BACKOFF).await;
                }
            }
        }));
        let disturbing = async {
            let outcome = disturbance.await;
            stop.send_replace(true);
            outcome
        };
        tokio::join!(talking, disturbing).1
    }

    /// Lets everybody settle what they began and read all there is, reads the history as a page's JSON, and judges.
    pub async fn verdict(&mut self) -> Verdict {
        let settling = async {
            // Twice: only when everybody has settled is there nothing more to learn.
            for _ in 0..2 {
                let members = self.clients.iter_mut().filter(|client| client.journal.standing == Standing::Member);
                futures_util::future::join_all(members.map(Client::come_to_rest)).await;
            }
        };
        tokio::time::timeout(SETTLING, settling).await.expect("everybody comes to rest once the server is well");
        let (owner, room) = self.witness();
        let history = history(&owner, &room).await;
        let journals: Vec<_> = self.clients.iter().map(|client| &client.journal).collect();
        check(&journals, &history)
    }

    /// The slowest of the given share (such as 0.99) of the acknowledgements so far; forgets them.
    pub fn take_latency(&mut self, share: f64) -> Duration {
        let mut all: Vec<_> = self.clients.iter_mut().flat_map(|client| std::mem::take(&mut client.latencies)).collect();
        all.sort_unstable();
        let place = (all.len() as f64 * share) as usize;
        all.get(place.min(all.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// A room's whole history, oldest first, as its pages give it.
pub async fn history(person: &Person, room: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let mut page = person.get_json(&format!("/rooms/{room}?after={after}&limit=200")).await.expect(200).json();
        let messages = std::mem::take(page["messages"].as_array_mut().expect("a page has messages"));
        let Some(last) = messages.last() else { return all };
        after = last["seq"].as_i64().expect("a message has a place");
        all.extend(messages);
    }
}

/// A room's last `rev`.
pub async fn head(socket: &Socket, room: &str) -> i64 {
    let answer = socket.ok("sync", json!({ "room": room, "after": 0 })).await;
    answer["head"]["rev"].as_i64().expect("a head has a rev")
}
