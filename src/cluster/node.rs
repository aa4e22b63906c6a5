//! This node, as load balancers and administrators see it.
//!
//! Owns why it should get no requests, and how far it is behind. It must not act on either: whoever finds that out writes it here.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lease::Lease;
use super::redis::{Measures, Outgoing};
use super::skew::Skew;
use crate::encoding::random_hex;

/// Why a node should get no requests. A new reason is a variant here, and a line in [`Node::reasons`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is about to stop.
    Draining,
    /// The database does not answer, or takes no writes.
    Database,
    /// It does not hear what Postgres notifies it of, so it would not notice that access has ended.
    Notifications,
    /// Its clock differs from the database's.
    Clock,
}

impl Reason {
    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Database => "database",
            Self::Notifications => "notifications",
            Self::Clock => "clock",
        }
    }
}

/// Redis, as this node sees it. Without it a node is slower, and ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedisStatus {
    /// Frames come back.
    Up,
    /// They do not.
    Down,
    /// There is none.
    #[default]
    Off,
}

/// How far a node is behind the logs of the rooms that its people listen to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lag {
    /// How many rooms miss changes that are known to exist.
    pub rooms: usize,
    /// Since when the first of them does.
    pub since: Option<Instant>,
}

/// This node.
pub struct Node {
    /// Its id, new with each start.
    pub id: Arc<str>,
    /// What it is called: `NODE`, or the machine and the process.
    pub name: String,
    /// When it started.
    pub started: Instant,
    lease: Arc<Lease>,
    redis: OnceLock<Arc<Outgoing>>,
    is_draining: AtomicBool,
    /// Whether it has told the others that it stops; locked while its row is written.
    pub(super) has_left: tokio::sync::Mutex<bool>,
    /// One more than the milliseconds; zero if unknown.
    postgres_ms: AtomicU64,
    lag: Mutex<Lag>,
    skew: Skew,
}

impl Node {
    /// A node that has no others beside it.
    pub fn alone(name: Option<String>) -> Self {
        Self::new(random_hex().into(), name, Lease::unlimited())
    }

    /// A node that serves as long as it has the lease.
    pub fn new(id: Arc<str>, name: Option<String>, lease: Lease) -> Self {
        Self {
            id,
            name: name.unwrap_or_else(default_name),
            started: Instant::now(),
            lease: Arc::new(lease),
            redis: OnceLock::new(),
            is_draining: AtomicBool::new(false),
            has_left: tokio::sync::Mutex::new(false),
            postgres_ms: AtomicU64::new(0),
            lag: Mutex::default(),
            skew: Skew::default(),
        }
    }

    /// How long it may trust that it hears of ended access.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Why it should get no requests, except for the database, which is asked anew each time (`Db::is_healthy`).
    pub fn reasons(&self) -> Vec<Reason> {
        let reasons = [
            (Reason::Draining, self.is_draining()),
            (Reason::Notifications, !self.lease.is_valid()),
            (Reason::Clock, self.skew.is_refused()),
        ];
        reasons.into_iter().filter(|(_, holds)| *holds).map(|(reason, _)| reason).collect()
    }

    /// From now on it should get no requests, and admits no sockets.
    pub fn begin_draining(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Whether it is about to stop.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// How long Postgres took for the last statement of a heartbeat.
    pub(super) fn postgres_ms(&self) -> Option<u64> {
        self.postgres_ms.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Notes how long Postgres took.
    pub(super) fn set_postgres_ms(&self, ms: u64) {
        self.postgres_ms.store(ms.saturating_add(1), Ordering::Relaxed);
    }

    /// How many frames could not be sent to other nodes.
    pub(super) fn frames_dropped(&self) -> u64 {
        self.redis.get().map_or(0, |redis| redis.dropped())
    }

    /// How many frames were refused, because no node of this cluster has sent them in this form.
    pub(super) fn frames_refused(&self) -> u64 {
        self.redis.get().map_or(0, |redis| redis.refused())
    }

    /// How Redis is.
    pub fn redis(&self) -> RedisStatus {
        match self.redis.get() {
            None => RedisStatus::Off,
            Some(redis) if redis.is_up() => RedisStatus::Up,
            Some(_) => RedisStatus::Down,
        }
    }

    /// What is counted of the way to Redis, if there is one.
    pub fn redis_measures(&self) -> Option<&Measures> {
        self.redis.get().map(|redis| redis.measures())
    }

    /// The way to Redis, if there is one.
    pub(super) fn outgoing(&self) -> Option<&Arc<Outgoing>> {
        self.redis.get()
    }

    /// Sets the way to Redis.
    pub(super) fn set_outgoing(&self, redis: Arc<Outgoing>) {
        self.redis.set(redis).ok();
    }

    /// How far its clock is from the database's.
    pub fn skew(&self) -> &Skew {
        &self.skew
    }

    /// How far it is behind.
    pub fn lag(&self) -> Lag {
        *self.lag.lock()
    }

    /// Notes how far it is behind.
    pub(super) fn set_lag(&self, lag: Lag) {
        *self.lag.lock() = lag;
    }
}

/// The name of this machine, and the process id.
fn default_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("HOSTNAME").ok()).map(|host| host.trim().chars().take(100).collect::<String>());
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| "node".into());
    format!("{host}-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_until_it_drains_or_does_not_hear() {
        let node = Node::alone(None);
        assert!(node.name.ends_with(&format!("-{}", std::process::id())), "{}", node.name);
        assert!(node.reasons().is_empty());
        assert_eq!(node.redis(), RedisStatus::Off);
        node.begin_draining();
        assert_eq!(node.reasons(), [Reason::Draining]);
        let deaf = Node::new("a".into(), Some("a".into()), Lease::ended());
        assert_eq!(deaf.reasons(), [Reason::Notifications]);
    }
}
