//! What the lanes of a queue share: how they are woken, and how they stop. The outbox has lanes as well.
//!
//! Must not know what is done in a lane.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The lanes of a queue. They end when it is dropped.
#[derive(Debug, Default)]
pub struct Lanes {
    wakes: Mutex<Vec<Arc<Notify>>>,
    /// What is under way.
    pub running: TaskTracker,
    /// Cancelled: nothing more is begun.
    pub stop: CancellationToken,
    /// Cancelled: what is under way is given up.
    pub abandon: CancellationToken,
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.stop.cancel();
        self.abandon.cancel();
    }
}

impl Lanes {
    /// Adds a lane; returns what wakes it.
    pub fn add(&self) -> Arc<Notify> {
        let wake = Arc::new(Notify::new());
        self.wakes.lock().push(wake.clone());
        wake
    }

    /// Has all lanes look now.
    pub fn wake(&self) {
        for lane in &*self.wakes.lock() {
            lane.notify_one();
        }
    }

    /// Begins nothing more, and waits up to `patience` for what is under way; the rest is given up.
    pub async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        self.running.close();
        if tokio::time::timeout(patience, self.running.wait()).await.is_err() {
            self.abandon.cancel();
            tokio::time::timeout(patience, self.running.wait()).await.ok();
        }
    }
}

/// At least one slot, and all that are free.
pub async fn free_slots(slots: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let first = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    let more = std::iter::from_fn(|| slots.clone().try_acquire_owned().ok());
    std::iter::once(first).chain(more).collect()
}
