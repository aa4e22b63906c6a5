//! Failed attempts that count on all nodes.
//!
//! Owns how this node's failures reach the others, by notifications of Postgres, and how theirs reach the throttle. Nobody waits for it:
//! what is lost counts on one node only. It must not know what failed.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use super::throttle::Throttle;
use crate::clock::Clock;
use crate::db::Db;
use crate::events::{Bus, Event, Failure};

/// How many failed attempts may wait to be sent. Most of them compute a password hash, so this many take minutes.
const QUEUE: usize = 1024;
/// How many are sent in one notification, which holds at most 8,000 bytes.
const BATCH: usize = 40;

/// The queue to the other nodes; `None` with SQLite.
#[derive(Debug)]
pub struct SharedFailures(Option<mpsc::Sender<Vec<Failure>>>);

impl SharedFailures {
    /// Begins to send and to receive, if there can be other nodes.
    pub fn start(db: &Arc<Db>, events: &Bus, throttle: &Arc<Throttle>, clock: Clock) -> Self {
        if db.shared().is_none() {
            return Self(None);
        }
        let (queue, mut waiting) = mpsc::channel::<Vec<Failure>>(QUEUE);
        let db = db.clone();
        tokio::spawn(async move {
            let mut attempts = Vec::new();
            while waiting.recv_many(&mut attempts, BATCH).await > 0 {
                let failures: Vec<_> = attempts.drain(..).flatten().collect();
                let Some(postgres) = db.shared() else { return };
                if let Err(error) = postgres.notify(&json!({ "type": "attempts_failed", "failures": failures })).await {
                    tracing::debug!(%error, "other nodes do not know of failed attempts");
                }
            }
        });
        let mut failed = events.subscribe(|event| matches!(event, Event::AttemptsFailed { .. }));
        let throttle = Arc::downgrade(throttle);
        tokio::spawn(async move {
            while let Some(batch) = failed.next().await {
                let Some(throttle) = throttle.upgrade() else { return };
                for event in &*batch.events {
                    if let Event::AttemptsFailed { failures } = event {
                        throttle.record(failures, clock.now());
                    }
                }
            }
        });
        Self(Some(queue))
    }

    /// Queues the failures of one attempt for the other nodes.
    pub fn send(&self, failures: Vec<Failure>) {
        if let Some(queue) = &self.0
            && !failures.is_empty()
            && queue.try_send(failures).is_err()
        {
            tracing::debug!("too many failed attempts to report to other nodes");
        }
    }
}
