//! Several nodes on one Postgres.
//!
//! Postgres is the log, Redis is the fast path, notifications are for access (docs/cluster.md). Owns what other nodes publish: its way
//! to this node's subscribers, in the order of the logs. It must not know sockets or pages, and without it a process serves alone.
//!
//! Reading order: `delivery` (the way of events), `sequencer` (their order), `redis` and `frame` (the fast path), `notices`
//! (notifications of Postgres), `lease` (how long a node serves without hearing them).

mod delivery;
mod frame;
pub mod lease;
mod notices;
mod redis;
mod sequencer;

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use self::lease::Lease;
use self::redis::Link;
use crate::chat::Chat;
use crate::config::Config;
use crate::db::{Db, Postgres};
use crate::error::{Error, Result};
use crate::events::{Bus, Event};

/// How many frames of other nodes may wait for delivery.
const REMOTE: usize = 256;

/// This node among others.
pub struct Cluster {
    db: Arc<Db>,
    chat: Arc<Chat>,
    bus: Bus,
    lease: Arc<Lease>,
    /// Notified when changes of other nodes may have been missed.
    missed: Arc<Notify>,
}

impl Cluster {
    /// Joins the other nodes, if the database can have any. Everything that is published from now on is delivered in the order of the
    /// logs. Returns the lease on which this node serves.
    pub async fn join(db: Arc<Db>, config: &Config, chat: Arc<Chat>, bus: Bus) -> Result<Arc<Lease>> {
        let Some(postgres) = db.shared() else {
            if config.redis_url.is_some() {
                tracing::warn!("REDIS_URL has no effect with SQLite: one process serves alone");
            }
            return Ok(Arc::new(Lease::unlimited()));
        };
        bus.heads().share();
        let listener = postgres.listen().await?;
        let (remote, frames) = mpsc::channel(REMOTE);
        let missed = Arc::new(Notify::new());
        let redis = match &config.redis_url {
            Some(url) => {
                let link = Link::new(url, &postgres.cluster_key().await?, postgres.node().clone(), chat.presence().clone());
                let link = link.map_err(|error| Error::Internal(format!("REDIS_URL: {error}")))?;
                Some(link.start(remote, missed.clone()))
            }
            None => {
                tracing::info!("without REDIS_URL, what other nodes write arrives up to a second late");
                None
            }
        };
        let own = bus.divert();
        let lease = Arc::new(Lease::new());
        let cluster = Arc::new(Self { db, chat, bus, lease: lease.clone(), missed });
        tokio::spawn(delivery::run(cluster.clone(), own, frames, redis));
        // The names were read before it listened.
        cluster.chat.reload_names().await?;
        tokio::spawn(notices::run(cluster, listener));
        Ok(lease)
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
