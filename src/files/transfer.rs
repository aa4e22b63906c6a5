//! A transfer to or from a storage, seen by whoever waits for it: how far it is, and that it is to end.
//!
//! Owns the count and the stop. What a storage does when it is stopped is its own.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

/// A transfer, or several one after the other.
#[derive(Debug, Default)]
pub struct Transfer {
    done: AtomicU64,
    stop: CancellationToken,
}

impl Transfer {
    /// One that ends when this token is cancelled.
    #[must_use]
    pub fn until(stop: CancellationToken) -> Self {
        Self { done: AtomicU64::new(0), stop }
    }

    /// How many bytes were transferred.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Counts bytes.
    pub(super) fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Ends it.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Whether it is to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Does something; `None` if it was stopped before its end.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(work).await
    }
}
