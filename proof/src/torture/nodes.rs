//! Several nodes of the program on one Postgres, each with a link of its own to one Redis.
//!
//! Owns starting and ending them. It must not know the cases.

use std::time::{Duration, Instant};

use serde_json::json;

use super::fixture::until_well;
use super::{Fixture, Load};
use crate::client::{DEADLINE, Person, Site, Socket};
use crate::faults::tcp_proxy::{Target, TcpProxy};
use crate::infra::process::Process;
use crate::infra::redis::Redis;
use crate::infra::stalls;

pub struct Nodes {
    pub fixture: Fixture,
    pub redis: Redis,
    /// Between each node and Redis.
    pub links: Vec<TcpProxy>,
    /// Between each node and Postgres.
    pub databases: Vec<TcpProxy>,
    pub all: Vec<Process>,
    settings: Vec<(&'static str, &'static str)>,
}

impl Nodes {
    /// So many of them, and a Redis that runs.
    pub async fn start(fixture: Fixture, count: usize) -> Self {
        let redis = tokio::task::block_in_place(Redis::start);
        Self::start_with(fixture, redis, count).await
    }

    /// The same, with further settings.
    pub async fn start_set(fixture: Fixture, count: usize, settings: &[(&'static str, &'static str)]) -> Self {
        let redis = tokio::task::block_in_place(Redis::start);
        Self::start_all(fixture, redis, count, settings.to_vec()).await
    }

    pub async fn start_with(fixture: Fixture, redis: Redis, count: usize) -> Self {
        Self::start_all(fixture, redis, count, Vec::new()).await
    }

    async fn start_all(fixture: Fixture, redis: Redis, count: usize, settings: Vec<(&'static str, &'static str)>) -> Self {
        let mut nodes = Self { fixture, redis, links: Vec::new(), databases: Vec::new(), all: Vec::new(), settings };
        for nth in 0..count {
            nodes.links.push(TcpProxy::to(Target::Unix(nodes.redis.socket())).await);
            nodes.databases.push(TcpProxy::to(Target::Unix(nodes.fixture.postgres().socket())).await);
            let process = nodes.launch(nth, "127.0.0.1:0").await;
            nodes.all.push(process);
        }
        nodes
    }

    async fn launch(&self, nth: usize, listen: &str) -> Process {
        let redis = format!("redis://{}", self.links[nth].address);
        let url = format!("postgres://postgres@{}/postgres?sslmode=disable", self.databases[nth].address);
        let own = [("REDIS_URL", &*redis), ("LISTEN", listen), ("DRAIN", "1s")];
        let settings: Vec<_> = own.into_iter().chain(self.settings.iter().copied()).collect();
        self.fixture.start_on(&url, &settings).await
    }

    pub fn sites(&self) -> Vec<&Site> {
        self.all.iter().map(|node| &node.site).collect()
    }

    /// Starts a node that has ended, at its address, and returns how long it took to recover.
    pub async fn start_again(&mut self, nth: usize) -> Duration {
        let began = Instant::now();
        self.all[nth] = self.launch(nth, &self.all[nth].address.to_string()).await;
        until_well(&self.all[nth], Duration::from_secs(60)).await;
        began.elapsed()
    }

    /// Everybody of a load, spread over the nodes: `writers` on each, and somebody on each who only listens.
    pub async fn gather(&self, writers: usize) -> Load {
        Load::gather_on(&self.sites(), writers).await
    }
}

/// Somebody who watches who is in a room, from one node.
pub struct Presence {
    pub socket: Socket,
    room: String,
}

impl Presence {
    pub async fn watch(person: &Person, room: &str) -> Self {
        Self { socket: person.join(room).await.0, room: room.to_owned() }
    }

    /// Waits until the node says that somebody is there, or is not, and returns how long that took.
    pub async fn until(&self, username: &str, is_there: bool, patience: Duration) -> Duration {
        let began = Instant::now();
        while self.has(username).await != is_there {
            assert!(
                stalls::elapsed(began) < patience,
                "{username} should be {} after {patience:?}",
                if is_there { "there" } else { "gone" }
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stalls::elapsed(began)
    }

    async fn has(&self, username: &str) -> bool {
        let joined = self.socket.ok("join", json!({ "room": self.room })).await;
        joined["online"]["users"].as_array().is_some_and(|users| users.contains(&json!(username)))
    }

    /// Waits until the people in the room have been told these moves of somebody, in order, and no others.
    pub async fn moved(&self, username: &str, expected: &[bool]) {
        let began = Instant::now();
        while self.moves(username) != expected {
            assert!(
                began.elapsed() < DEADLINE,
                "{username} should have moved {expected:?}, and moved {:?}",
                self.moves(username)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether they were there, each time that it changed, in order.
    pub fn moves(&self, username: &str) -> Vec<bool> {
        let moves = self.socket.peek_at("presence").into_iter().filter(|it| it["room"] == *self.room && it["user"] == username);
        moves.filter_map(|it| it["online"].as_bool()).collect()
    }
}
