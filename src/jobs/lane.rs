//! A lane: finds the jobs of one kind and starts them.
//!
//! Owns how many run at once, and how often it looks. Each kind has a lane, so that one that is behind does not hold up the others. It
//! must not know how a job ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Policy;
use super::lanes::free_slots;
use super::run::{self, Context, LEASE};
use crate::encoding::random_hex;

/// How often jobs are looked for that other nodes or time made due.
const INTERVAL: Duration = Duration::from_secs(1);

/// The jobs of a kind.
pub struct Lane {
    kind: &'static str,
    policy: Policy,
    context: Arc<Context>,
    slots: Arc<Semaphore>,
    running: TaskTracker,
}

impl Lane {
    /// A lane.
    pub fn new(kind: &'static str, policy: Policy, context: Context, running: TaskTracker) -> Self {
        let slots = Arc::new(Semaphore::new(policy.at_once.max(1)));
        Self { kind, policy, context: Arc::new(context), slots, running }
    }

    /// Looks for jobs until it is stopped, or until the database is closed.
    pub async fn run(self, wake: &Notify, stop: CancellationToken) {
        loop {
            let Some(slots) = stop.run_until_cancelled(free_slots(&self.slots)).await else { return };
            // A task of its own: a claim that was made must not be forgotten because the server stops at that moment.
            let is_full = match self.start_jobs(slots).await {
                Ok(is_full) => is_full,
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => {
                    tracing::warn!(kind = self.kind, %error, "jobs could not be claimed; trying again");
                    false
                }
            };
            if !is_full {
                let waiting = tokio::time::timeout(INTERVAL, wake.notified());
                if stop.run_until_cancelled(waiting).await.is_none() {
                    return;
                }
            }
        }
    }

    /// Starts a job for each slot; returns whether there may be more.
    async fn start_jobs(&self, slots: Vec<OwnedSemaphorePermit>) -> sqlx::Result<bool> {
        let Context { db, clock, .. } = &*self.context;
        let claim = random_hex();
        let now = clock.now();
        let jobs = db.claim_jobs(self.kind, slots.len(), &claim, now, now.plus(LEASE)).await?;
        let is_full = jobs.len() == slots.len();
        for (job, slot) in jobs.into_iter().zip(slots) {
            let run = run::run(self.context.clone(), self.kind, self.policy, job, claim.clone());
            self.running.spawn(async move {
                run.await;
                drop(slot);
            });
        }
        Ok(is_full)
    }
}
