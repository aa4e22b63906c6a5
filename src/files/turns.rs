//! One request at a time works on an upload.
//!
//! Owns that a later request ends an earlier one: a client that comes back must not wait for a connection that it lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

/// How long a request waits for an earlier one, which may be at the end of its work.
const WAIT: Duration = Duration::from_secs(10);

/// Who works on which upload on this node.
#[derive(Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, Last>>>);

/// The last one who asked for an upload.
#[derive(Clone, Debug)]
struct Last {
    lock: Arc<tokio::sync::Mutex<()>>,
    end: CancellationToken,
}

/// The right to work on an upload.
#[derive(Debug)]
pub(super) struct Turn {
    id: String,
    all: Arc<Mutex<HashMap<String, Last>>>,
    /// Cancelled when somebody else wants to work on it.
    pub end: CancellationToken,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn at an upload; `None` if somebody else does not end in time.
    pub async fn take(&self, id: &str) -> Option<Turn> {
        let end = CancellationToken::new();
        let lock = {
            let mut all = self.0.lock();
            let last = all.entry(id.to_owned()).or_insert_with(|| Last { lock: Arc::default(), end: end.clone() });
            let before = std::mem::replace(&mut last.end, end.clone());
            // Its own, if nobody was before.
            if last.lock.try_lock().is_err() {
                before.cancel();
            }
            last.lock.clone()
        };
        let mut turn = Turn { id: id.to_owned(), all: self.0.clone(), end, guard: None };
        turn.guard = Some(tokio::time::timeout(WAIT, lock.lock_owned()).await.ok()?);
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard.take();
        let mut all = self.all.lock();
        // Nobody holds it or waits for it.
        if all.get(&self.id).is_some_and(|last| Arc::strong_count(&last.lock) == 1) {
            all.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_later_request_ends_an_earlier_one() {
        let turns = Turns::default();
        let first = turns.take("a").await.unwrap();
        let other = turns.take("b").await.unwrap();
        assert!(!first.end.is_cancelled());
        let mut second = Box::pin(turns.take("a"));
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(first.end.is_cancelled() && !other.end.is_cancelled());
        drop(first);
        let second = second.await.unwrap();
        assert!(!second.end.is_cancelled());
        drop((second, other));
        assert!(turns.0.lock().is_empty());
    }
}
