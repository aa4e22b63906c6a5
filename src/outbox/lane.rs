//! A lane: finds the receivers of one kind that something is due for, and serves them.
//!
//! Owns how many are served at once, how often it looks, how much may wait, and how long what was given up is kept. It must not know how a
//! delivery ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::MOST_WAITING;
use super::receiver::{self, Context, LEASE};
use crate::clock::Millis;
use crate::db::outbox::ReceiverId;
use crate::encoding::random_hex;
use crate::jobs::lanes::free_slots;

/// How often it looks for what other nodes or time made due.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often it looks whether too much waits for a receiver, also for one that is not tried now.
const COUNT: Duration = Duration::from_secs(5);
/// How often it deletes what was given up long ago, in milliseconds.
const TIDY: i64 = 60 * 60 * 1000;
/// What was given up so long ago is deleted, in milliseconds.
const FORGET: i64 = 30 * 24 * 60 * 60 * 1000;

/// The receivers of a kind.
pub struct Lane {
    kind: &'static str,
    context: Arc<Context>,
    slots: Arc<Semaphore>,
    running: TaskTracker,
    wake: Arc<Notify>,
}

impl Lane {
    /// A lane.
    pub fn new(kind: &'static str, at_once: usize, context: Context, running: TaskTracker, wake: Arc<Notify>) -> Self {
        Self { kind, context: Arc::new(context), slots: Arc::new(Semaphore::new(at_once.max(1))), running, wake }
    }

    /// Looks until it is stopped, or until the database is closed.
    pub async fn run(self, stop: CancellationToken) {
        let (mut tidy_at, mut count_at) = (Millis(0), Instant::now());
        loop {
            if count_at <= Instant::now() {
                count_at = Instant::now() + COUNT;
                match self.count().await {
                    Ok(()) => {}
                    Err(sqlx::Error::PoolClosed) => return,
                    Err(error) => tracing::warn!(kind = self.kind, %error, "what waits is counted later"),
                }
            }
            let now = self.context.clock.now();
            // Also when the clock was set back.
            let is_due = now >= tidy_at || tidy_at.0 - now.0 > TIDY;
            if let Some(believed) = self.context.clock.believed().filter(|_| is_due) {
                tidy_at = now.plus(TIDY);
                match self.context.db.forget_deliveries(self.kind, believed.plus(-FORGET)).await {
                    Ok(()) => {}
                    Err(sqlx::Error::PoolClosed) => return,
                    Err(error) => tracing::warn!(kind = self.kind, %error, "what was given up long ago is deleted later"),
                }
            }
            let Some(slots) = stop.run_until_cancelled(free_slots(&self.slots)).await else { return };
            match self.start(slots).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => tracing::warn!(kind = self.kind, %error, "deliveries could not be claimed; trying again"),
            }
            let waiting = tokio::time::timeout(INTERVAL, self.wake.notified());
            if stop.run_until_cancelled(waiting).await.is_none() {
                return;
            }
        }
    }

    /// Notes for whom too much waits.
    async fn count(&self) -> sqlx::Result<()> {
        let Context { db, clock, .. } = &*self.context;
        // A look first: there is usually nothing, and on SQLite a write would hold up others.
        for id in db.list_filled(self.kind, MOST_WAITING).await? {
            if db.note_full(self.kind, id, MOST_WAITING, clock.now()).await? {
                tracing::warn!(
                    kind = self.kind,
                    id,
                    most = MOST_WAITING,
                    "so much waits for a receiver that nothing more is kept"
                );
            }
        }
        Ok(())
    }

    /// Serves a receiver with each slot; returns whether there may be more.
    async fn start(&self, slots: Vec<OwnedSemaphorePermit>) -> sqlx::Result<bool> {
        let Context { db, clock, .. } = &*self.context;
        let claim = random_hex();
        let now = clock.now();
        let found = db.claim_receivers(self.kind, slots.len(), &claim, now, now.plus(LEASE)).await?;
        let is_full = found.len() == slots.len();
        for (id, slot) in found.into_iter().zip(slots) {
            let serving = receiver::serve(self.context.clone(), ReceiverId { kind: self.kind, id }, claim.clone());
            let wake = self.wake.clone();
            self.running.spawn(async move {
                serving.await;
                drop(slot);
                // For what was added while it was served, which nobody else could claim.
                wake.notify_one();
            });
        }
        Ok(is_full)
    }
}
