//! A bounded number at once for each key: for each host that is asked, or each person whom others are asked for.
//!
//! Owns that one key does not take what is there for all. It must not know what is done in a turn.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many keys are kept without a look at which are unused.
const FEW: usize = 128;

/// A bounded number at once for each key.
#[derive(Debug)]
pub struct Turns<K> {
    each: usize,
    known: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Eq + Hash> Turns<K> {
    /// With so many at once for each key.
    pub fn new(each: usize) -> Self {
        Self { each, known: Mutex::default() }
    }

    fn of(&self, key: K) -> Arc<Semaphore> {
        let mut known = self.known.lock();
        if known.len() >= FEW {
            // Permits and those who wait for one hold it too.
            known.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        known.entry(key).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
    }

    /// Waits for a turn.
    pub async fn take(&self, key: K) -> OwnedSemaphorePermit {
        self.of(key).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// A turn, if there is one now.
    pub fn try_take(&self, key: K) -> Option<OwnedSemaphorePermit> {
        self.of(key).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_without_turns_are_forgotten() {
        let turns = Turns::new(1);
        let held = turns.take(usize::MAX).await;
        for key in 0..10 * FEW {
            drop(turns.take(key).await);
        }
        assert!(turns.known.lock().len() <= FEW);
        assert!(turns.try_take(usize::MAX).is_none(), "one that is held is not");
        drop(held);
        assert!(turns.try_take(usize::MAX).is_some());
    }
}
