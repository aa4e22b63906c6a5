//! Monitoring: the numbers of all parts, under the names that Prometheus reads.
//!
//! Owns the names, and how often the database is asked for numbers. Each part counts its own work; nothing is counted a second time here,
//! but for requests, which nobody else sees. It must not decide who may read: `web` does.

mod exposition;
mod process;
mod recent;
mod requests;
mod stored;

use std::fmt;
use std::sync::{Arc, Weak};

pub use self::exposition::CONTENT_TYPE;
use self::recent::Recent;
pub use self::recent::{Chart, EVERY, Unit};
pub use self::requests::Requests;
use self::stored::Stored;
use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::cluster::node::Node;
use crate::config::Config;
use crate::db::Db;
use crate::realtime::Realtime;
use crate::retention::Retention;
use crate::server::Connections;
use crate::tls::Tls;

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
    /// The certificate, if Parlor itself speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// The time.
    pub clock: Clock,
    /// What deletes what has expired.
    pub retention: Arc<Retention>,
}

/// The numbers of this node.
pub struct Monitoring {
    parts: Parts,
    requests: Requests,
    stored: Stored,
    recent: Recent,
    memory_limit: usize,
}

impl Monitoring {
    /// Watches these parts.
    #[must_use]
    pub fn new(parts: Parts, config: &Config) -> Self {
        let (requests, recent) = (Requests::default(), Recent::default());
        Self { parts, requests, stored: Stored::default(), recent, memory_limit: config.memory_limit }
    }

    /// Where requests are counted.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Takes samples for the charts, for as long as the server is there.
    pub async fn watch(this: Weak<Self>) {
        let mut time = tokio::time::interval(EVERY);
        loop {
            time.tick().await;
            let Some(this) = this.upgrade() else { return };
            this.recent.add(this.look().await);
        }
    }

    /// The last hour of this node.
    pub async fn charts(&self) -> Vec<Chart> {
        self.recent.charts(&self.look().await)
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
