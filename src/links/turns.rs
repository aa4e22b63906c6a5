//! How much is asked at once, and how often.
//!
//! Owns that no site is asked by us more than a reader would: links are posted by whoever likes, and must not make us attack others.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota};
use tokio::sync::OwnedSemaphorePermit;

use crate::egress::turns::Turns;

/// Requests to one host: at once, and in a minute.
const HOST: (usize, NonZeroU32) = (2, NonZeroU32::new(60).unwrap());
/// So many keys are kept without a look at which are unused.
const FEW: usize = 128;

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
}
