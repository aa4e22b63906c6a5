//! Monitoring: the numbers of all parts, under the names that Prometheus reads.
//!
//! Owns the names, and how often the database is asked for numbers. Each part counts its own work; nothing is counted a second time here,
//! but for requests, which nobody else sees. It must not decide who may read: `web` does.

mod exposition;
mod process;
mod requests;
mod stored;

use std::fmt;
use std::sync::Arc;

pub use self::exposition::CONTENT_TYPE;
pub use self::requests::Requests;
use self::stored::Stored;
use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::cluster::node::Node;
use crate::config::{Config, Metrics};
use crate::db::Db;
use crate::realtime::Realtime;
use crate::server::Connections;

/// The parts whose numbers are shown.
pub struct Parts {
    /// The database.
    pub db: Arc<Db>,
    /// Rooms and messages.
    pub chat: Arc<Chat>,
    /// People.
    pub accounts: Arc<Accounts>,
    /// The sockets.
    pub realtime: Arc<Realtime>,
    /// This node.
    pub node: Arc<Node>,
    /// The open connections.
    pub connections: Connections,
    /// The time.
    pub clock: Clock,
}

/// The numbers of this node.
pub struct Monitoring {
    parts: Parts,
    /// Requests; none are counted if nobody can read the numbers.
    requests: Option<Requests>,
    stored: Stored,
    memory_limit: usize,
}

impl Monitoring {
    /// Watches these parts.
    #[must_use]
    pub fn new(parts: Parts, config: &Config) -> Self {
        let requests = (config.metrics != Metrics::Off).then(Requests::default);
        Self { parts, requests, stored: Stored::default(), memory_limit: config.memory_limit }
    }

    /// Where requests are counted, if anybody can read it.
    #[must_use]
    pub fn requests(&self) -> Option<&Requests> {
        self.requests.as_ref()
    }

    /// All numbers, as OpenMetrics text.
    ///
    /// # Errors
    /// Never: a text in memory can always be written.
    pub async fn text(&self) -> Result<String, fmt::Error> {
        let stored = self.stored.get(&self.parts).await;
        let process = process::look().await;
        exposition::text(self, stored.as_deref(), process)
    }
}
