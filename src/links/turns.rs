//! How much is asked at once, and how often.
//!
//! Owns that no site is asked by us more than a reader would: links are posted by whoever likes, and must not make us attack others.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultKeyedRateLimiter, Quota};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests to one host: at once, and in a minute.
const HOST: (usize, NonZeroU32) = (2, NonZeroU32::new(60).unwrap());
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

/// Turns at hosts.
pub struct Hosts {
    turns: Turns<String>,
    rate: DefaultKeyedRateLimiter<String>,
}

impl Default for Hosts {
    fn default() -> Self {
        let (at_once, per_minute) = HOST;
        Self { turns: Turns::new(at_once), rate: DefaultKeyedRateLimiter::keyed(Quota::per_minute(per_minute)) }
    }
}

impl Hosts {
    /// Waits for a turn at a host; `None` if it was asked too often.
    pub async fn take(&self, host: &str) -> Option<OwnedSemaphorePermit> {
        if self.rate.len() >= FEW {
            self.rate.retain_recent();
        }
        let host = host.to_owned();
        self.rate.check_key(&host).ok()?;
        Some(self.turns.take(host).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_is_asked_a_bounded_number_of_times() {
        let hosts = Hosts::default();
        let (at_once, per_minute) = HOST;
        let first: Vec<_> = futures_util::future::join_all((0..at_once).map(|_| hosts.take("a.example"))).await;
        assert!(first.iter().all(Option::is_some));
        assert!(hosts.turns.try_take("a.example".into()).is_none(), "more at once than allowed");
        assert!(hosts.take("b.example").await.is_some(), "another host has its own turns");
        drop(first);
        for _ in at_once..per_minute.get() as usize {
            assert!(hosts.take("a.example").await.is_some());
        }
        assert!(hosts.take("a.example").await.is_none());
    }

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
