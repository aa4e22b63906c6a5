//! People who keep writing in a private room whatever happens to the server. Each keeps a journal of what they sent, what was
//! acknowledged, and what they received.
//!
//! Owns their behavior: each reconnects, catches up, and sends again, with the same nonce, what was not acknowledged. A stranger tries
//! to get in all the time. The checker judges.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::checker::{Journal, Standing, Verdict, check, check_gapless};
use crate::client::{Person, Site, Socket};
use crate::quantile;

/// How many of a writer's posts are on their way at once.
const IN_FLIGHT: usize = 8;

/// How long a client waits for an answer before it closes the connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it waits before it reconnects.
const BACKOFF: Duration = Duration::from_millis(50);

/// How long all of them together may take to complete what they began.
const SETTLING: Duration = Duration::from_secs(120);

/// One of them.
pub struct Client {
    /// Who.
    pub person: Person,
    /// Their journal.
    pub journal: Journal,
    /// How long each acknowledgement took.
    pub latencies: Vec<Duration>,
    room: String,
    is_writing: bool,
    /// How many new posts it may begin until the disturbance is over.
    left: usize,
    unsettled: VecDeque<String>,
    connections: u32,
}

impl Client {
    /// Somebody with an empty journal.
    pub fn new(person: Person, room: &str, standing: Standing, is_writing: bool) -> Self {
        let journal = Journal::new(&person.username, standing);
        let (latencies, unsettled) = (Vec::new(), VecDeque::new());
        Self { person, journal, latencies, room: room.to_owned(), is_writing, left: usize::MAX, unsettled, connections: 0 }
    }

    /// Connects, catches up, and writes until the connection ends or `stop` is set. Then it waits for what is in flight.
    async fn connect_and_write(&mut self, mut stop: watch::Receiver<bool>) {
        let Ok(socket) = self.person.try_socket().await else { return };
        self.connections += 1;
        if self.journal.standing == Standing::Stranger {
            self.try_to_get_in(&socket).await;
        } else if self.catch_up(&socket).await.is_none() {
            self.note_live(&socket);
            return;
        }
        if self.is_writing {
            self.write(&socket, &mut stop).await;
        } else {
            self.listen(&socket, &mut stop).await;
        }
        self.note_live(&socket);
    }

    async fn listen(&self, socket: &Socket, stop: &mut watch::Receiver<bool>) {
        tokio::select! {
            () = socket.end() => {}
            _ = stop.wait_for(|stopping| *stopping) => {}
        }
    }

    async fn write(&mut self, socket: &Socket, stop: &mut watch::Receiver<bool>) {
        let mut under_way = VecDeque::new();
        let (mut is_over, mut patience) = (false, PATIENCE);
        loop {
            let is_stopping = is_over || *stop.borrow_and_update();
            while under_way.len() < IN_FLIGHT && !is_stopping {
                let Some(nonce) = self.unsettled.pop_front().or_else(|| self.next_nonce()) else { break };
                let data = json!({ "room": self.room, "body": nonce, "nonce": nonce });
                under_way.push_back((nonce, Instant::now(), socket.send("message", data).await));
            }
            let Some((nonce, began, pending)) = under_way.pop_front() else {
                if !is_stopping {
                    // It has written all that it may.
                    self.listen(socket, stop).await;
                }
                return;
            };
            let answer = pending.within(patience).await;
            match answer {
                Some(_) => self.latencies.push(began.elapsed()),
                // The others have waited as long: what is not here now will not come over this connection.
                None => patience = Duration::ZERO,
            }
            is_over |= !self.settle(nonce, answer);
        }
    }

    fn next_nonce(&mut self) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        let nonce = format!("{}-{}", self.person.username, self.journal.intended.len() + 1);
        self.journal.intended.push(nonce.clone());
        Some(nonce)
    }

    /// Notes the answer to a post, if there was one; whether to go on over this connection. After a refusal it reconnects a moment
    /// later, and does not flood a server that has a fault.
    fn settle(&mut self, nonce: String, answer: Option<Value>) -> bool {
        if let Some(answer) = &answer {
            if answer["ok"] == json!(true) {
                self.journal.acknowledge(&nonce, &answer["message"]);
                return true;
            }
            let code = answer["error"]["code"].as_str().unwrap_or_default();
            if !["busy", "unavailable", "rate_limited"].contains(&code) {
                self.journal.contradictions.push(format!("{nonce} was refused: {answer}"));
            }
        }
        self.unsettled.push_back(nonce);
        false
    }

    /// Catches up by `rev`; nothing when that fails.
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

    /// Tries every way to read the room.
    async fn try_to_get_in(&mut self, socket: &Socket) {
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

    /// Completes what it began, and catches up.
    async fn complete(&mut self) {
        loop {
            if let Ok(socket) = self.person.try_socket().await {
                self.connections += 1;
                if self.catch_up(&socket).await.is_some() {
                    for nonce in std::mem::take(&mut self.unsettled) {
                        let data = json!({ "room": self.room, "body": nonce, "nonce": nonce });
                        let answer = socket.send("message", data).await.within(PATIENCE).await;
                        self.settle(nonce, answer);
                    }
                    self.note_live(&socket);
                    if self.unsettled.is_empty() {
                        return;
                    }
                }
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
    /// `writers` members who write, one who only listens, and a stranger.
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

    /// The same on several nodes: `writers` on each, and somebody on each who only listens.
    pub async fn gather_on(sites: &[&Site], writers: usize) -> Self {
        let mut load = Self::gather(sites[0], writers * sites.len()).await;
        let (owner, room) = load.witness();
        for nth in 1..sites.len() {
            let name = format!("listener{nth}");
            let listener = sites[0].register(&name).await;
            owner.post(&format!("/rooms/{room}/members"), &[("username", &name)]).await.expect(303);
            load.clients.insert(0, Client::new(listener, &room, Standing::Member, false));
        }
        let mut turns = [0, 0];
        for client in &mut load.clients {
            let turn = &mut turns[usize::from(client.is_writing)];
            client.person = client.person.at(sites[*turn % sites.len()]);
            *turn += 1;
        }
        load
    }

    /// Moves everybody to another address of the same server, such as a proxy's.
    pub fn move_to(&mut self, site: &Site) {
        for client in &mut self.clients {
            client.person = client.person.at(site);
        }
    }

    /// The member who only listens, and the room's slug.
    pub fn witness(&self) -> (Person, String) {
        (self.clients[self.clients.len() - 2].person.clone(), self.room.clone())
    }

    /// How many messages were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.clients.iter().map(|client| client.journal.acknowledged.len()).sum()
    }

    /// Lets everybody write until `disturbance` is over.
    pub async fn during<T>(&mut self, disturbance: impl Future<Output = T>) -> T {
        let (stop, stopping) = watch::channel(false);
        let talking = futures_util::future::join_all(self.clients.iter_mut().map(|client| {
            let stopping = stopping.clone();
            async move {
                let over = stopping.clone();
                while !*over.borrow() {
                    client.connect_and_write(stopping.clone()).await;
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

    /// The same, but no more than `most` new posts of all writers together: for what keeps only so much.
    pub async fn during_at_most<T>(&mut self, most: usize, disturbance: impl Future<Output = T>) -> T {
        let writers = self.clients.iter().filter(|client| client.is_writing).count();
        self.let_each_write(most / writers.max(1));
        let outcome = self.during(disturbance).await;
        self.let_each_write(usize::MAX);
        outcome
    }

    fn let_each_write(&mut self, most: usize) {
        for client in &mut self.clients {
            client.left = most;
        }
    }

    /// Lets everybody complete what they began and catch up, reads the history as a page's JSON, and checks.
    pub async fn verdict(&mut self) -> Verdict {
        let settling = async {
            // Twice: new messages may come until everybody has completed.
            for _ in 0..2 {
                let members = self.clients.iter_mut().filter(|client| client.journal.standing == Standing::Member);
                futures_util::future::join_all(members.map(Client::complete)).await;
            }
        };
        tokio::time::timeout(SETTLING, settling).await.expect("everybody completes once the server is well");
        let (owner, room) = self.witness();
        let history = history(&owner, &room).await;
        let journals: Vec<_> = self.clients.iter().map(|client| &client.journal).collect();
        check(&journals, &history)
    }

    /// The same, and what each member heard live must be the log without a gap.
    pub async fn gapless_verdict(&mut self) -> Verdict {
        let mut verdict = self.verdict().await;
        let journals: Vec<_> = self.clients.iter().map(|client| &client.journal).collect();
        verdict += check_gapless(&journals);
        verdict
    }

    /// A quantile (such as 0.99) of the time that acknowledgements took, since the last call.
    pub fn take_latency(&mut self, share: f64) -> Duration {
        let mut all: Vec<_> = self.clients.iter_mut().flat_map(|client| std::mem::take(&mut client.latencies)).collect();
        quantile(&mut all, share)
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
