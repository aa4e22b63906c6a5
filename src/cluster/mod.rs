//! Several nodes on one Postgres.
//!
//! Postgres is the log, Redis is the fast path, notifications are for access (docs/cluster.md). Owns what other nodes publish: its way
//! to this node's subscribers, in the order of the logs. It must not know sockets or pages, and without it a process serves alone.
//!
//! Reading order: `delivery` (the way of events), `sequencer` (their order), `redis`, `inbox` and `frame` (the fast path), `notices`
//! (notifications of Postgres), `lease` (how long a node serves without hearing them), `skew` (whether its clock is right), `node` and
//! `nodes` (what load balancers and administrators see).

mod delivery;
mod frame;
mod inbox;
pub mod lease;
pub mod node;
pub mod nodes;
mod notices;
mod redis;
mod sequencer;
pub mod skew;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use self::lease::Lease;
use self::node::Node;
use self::redis::Link;
pub use self::redis::ping as ping_redis;
use crate::chat::Chat;
use crate::config::Config;
use crate::db::{Db, Postgres};
use crate::error::{Error, Result};
use crate::events::{Bus, Event};

/// How many frames of other nodes, of some 256 KB at most, may wait for delivery.
const REMOTE: usize = 64;

/// This node among others.
pub struct Cluster {
    db: Arc<Db>,
    chat: Arc<Chat>,
    bus: Bus,
    node: Arc<Node>,
    /// Notified when changes of other nodes may have been missed.
    missed: Arc<Notify>,
}

impl Cluster {
    /// Joins the other nodes, if the database can have any. Everything that is published from now on is delivered in the order of the
    /// logs. Returns this node.
    pub async fn join(db: Arc<Db>, config: &Config, chat: Arc<Chat>, bus: Bus) -> Result<Arc<Node>> {
        let Some(postgres) = db.shared() else {
            if config.redis_url.is_some() {
                tracing::warn!("REDIS_URL has no effect with SQLite: one process serves alone");
            }
            return Ok(Arc::new(Node::alone(config.node.clone())));
        };
        bus.heads().share();
        let listener = postgres.listen().await?;
        let (remote, frames) = mpsc::channel(REMOTE);
        let missed = Arc::new(Notify::new());
        let node = Arc::new(Node::new(postgres.node().clone(), config.node.clone(), Lease::new()));
        match &config.redis_url {
            Some(url) => {
                let link = Link::new(
                    url,
                    &postgres.cluster_key().await?,
                    postgres.node().clone(),
                    chat.presence().clone(),
                    node.lease().clone(),
                );
                let link = link.map_err(|error| Error::Internal(format!("REDIS_URL: {error}")))?;
                node.set_outgoing(Arc::new(link.start(remote, missed.clone())));
            }
            None => {
                tracing::info!("without REDIS_URL, what other nodes write arrives up to a second late");
            }
        }
        let own = bus.divert();
        let cluster = Arc::new(Self { db, chat, bus, node: node.clone(), missed });
        tokio::spawn(delivery::run(cluster.clone(), own, frames));
        // The names were read before it listened.
        cluster.chat.reload_names().await?;
        tokio::spawn(cluster.clone().follow_history());
        tokio::spawn(notices::run(cluster, listener));
        Ok(node)
    }

    fn lease(&self) -> &Lease {
        self.node.lease()
    }

    /// Has every client start over when another Postgres has taken over that may lack changes.
    async fn follow_history(self: Arc<Self>) {
        let mut epoch = self.chat.epoch_changes();
        while epoch.changed().await.is_ok() {
            self.chat.forget_history();
            self.bus.heads().retain(|_| false);
            self.bus.distribute_and_wait(vec![Event::HistoryReplaced]).await;
        }
    }

    fn postgres(&self) -> &Postgres {
        self.db.shared().expect("a cluster has a Postgres")
    }

    /// Passes on what was heard from another node, and returns when it is handled.
    async fn heard(&self, events: Vec<Event>) {
        for event in &events {
            self.chat.absorb_room(event);
        }
        self.bus.distribute_and_wait(events).await;
    }

    /// Reads what may have been missed while nothing was heard: names, access, and changes of rooms.
    async fn catch_up(&self) {
        if let Err(error) = self.chat.reload_names().await {
            tracing::warn!(%error, "could not read the names of people and rooms again");
        }
        self.bus.distribute_and_wait(vec![Event::AccessUncertain]).await;
        self.missed.notify_one();
    }
}
