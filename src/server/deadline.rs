//! When a request with a body ends at the latest.
//!
//! Owns the moment, which whoever reads a long body can move: an upload takes as long as it makes progress. It must not know why.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How much earlier the site's own timeout is: it answers, and the connection stays.
const EARLIER: Duration = Duration::from_secs(1);

/// A request extension: the deadline of the request. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Deadline {
    begun: Instant,
    /// In milliseconds since then.
    at: Arc<AtomicU64>,
}

impl Deadline {
    /// So long from now.
    pub fn after(time: Duration) -> Self {
        Self { begun: Instant::now(), at: Arc::new(AtomicU64::new(milliseconds(time))) }
    }

    /// Moves it to so long from now, if that is later.
    pub fn extend(&self, time: Duration) {
        self.at.fetch_max(milliseconds(self.begun.elapsed() + time), Ordering::Relaxed);
    }

    /// Waits until it has passed.
    pub async fn passed(&self) {
        self.passes(Duration::ZERO).await;
    }

    /// Waits until shortly before it passes.
    pub async fn nearly_passed(&self) {
        self.passes(EARLIER).await;
    }

    async fn passes(&self, earlier: Duration) {
        let moment = || self.begun + Duration::from_millis(self.at.load(Ordering::Relaxed)).saturating_sub(earlier);
        while moment() > Instant::now() {
            sleep_until(moment()).await;
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_can_be_moved_while_somebody_waits_for_it() {
        let deadline = Deadline::after(Duration::from_secs(16));
        let begun = Instant::now();
        let waiting = tokio::spawn({
            let deadline = deadline.clone();
            async move { deadline.passed().await }
        });
        tokio::time::sleep(Duration::from_secs(10)).await;
        deadline.extend(Duration::from_secs(30));
        deadline.extend(Duration::from_secs(1));
        deadline.nearly_passed().await;
        assert_eq!(begun.elapsed().as_secs(), 39);
        waiting.await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 40);
    }
}
