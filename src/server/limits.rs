//! How many connections there may be, in all and from one address.
//!
//! Owns the counting. A connection's place lives in its stream, so that it is counted until the stream is really gone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::Notify;

use crate::config::Config;

/// How many connections there may be.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// In all.
    pub total: Option<usize>,
    /// From one client's address, or one IPv6 /64.
    pub per_address: Option<usize>,
    /// From where there may be any number: behind a proxy's address are many clients.
    pub exempt: Vec<IpNet>,
}

impl Limits {
    /// As the settings say.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            total: config.connection_limit,
            per_address: config.address_connection_limit,
            exempt: config.trusted_proxies.clone(),
        }
    }
}

/// The open connections.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    limits: Limits,
    counts: Mutex<Counts>,
    /// Told when the last connection has ended.
    emptied: Notify,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Whether the last one was refused: a flood is one line in the log, not one for each connection.
    is_refusing: bool,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared { limits, counts: Mutex::default(), emptied: Notify::new() }))
    }

    /// A place for a connection from `address`, unless a limit is reached.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let limits = &self.0.limits;
        let address = address.to_canonical();
        let is_exempt = limits.exempt.iter().any(|net| net.contains(&address));
        let counted = (!is_exempt && limits.per_address.is_some()).then(|| network(address));

        let mut counts = self.0.counts();
        let of_address = counted.and_then(|address| counts.by_address.get(&address)).copied().unwrap_or(0);
        let is_full = limits.total.is_some_and(|limit| counts.total >= limit);
        if is_full || counted.is_some() && limits.per_address.is_some_and(|limit| of_address >= limit) {
            if !std::mem::replace(&mut counts.is_refusing, true) {
                tracing::warn!(%address, total = counts.total, of_address, "connections are refused: a limit is reached");
            }
            return None;
        }
        counts.is_refusing = false;
        counts.total += 1;
        if let Some(address) = counted {
            *counts.by_address.entry(address).or_default() += 1;
        }
        Some(Place { connections: self.0.clone(), counted })
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.0.counts().total
    }

    /// Waits until none is open.
    pub(super) async fn ended(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counting cannot panic half-way, so a poisoned lock guards whole counts.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place among the others; given back when it is dropped.
pub(super) struct Place {
    connections: Arc<Shared>,
    counted: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.connections.counts();
        counts.total -= 1;
        if let Some(address) = self.counted
            && let Entry::Occupied(mut count) = counts.by_address.entry(address)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if counts.total == 0 {
            self.connections.emptied.notify_waiters();
        }
    }
}

/// What counts as one address: who has an IPv6 address usually has its whole /64 (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(total: usize, per_address: usize) -> Connections {
        let exempt = vec!["10.0.0.0/8".parse().unwrap()];
        Connections::new(Limits { total: Some(total), per_address: Some(per_address), exempt })
    }

    fn admit(connections: &Connections, address: &str) -> Option<Place> {
        connections.admit(address.parse().unwrap())
    }

    #[test]
    fn the_limit_in_all_holds_for_everybody() {
        let connections = connections(2, 2);
        let first = admit(&connections, "192.0.2.1");
        let _second = admit(&connections, "10.0.0.1");
        assert!(admit(&connections, "192.0.2.2").is_none());
        assert!(admit(&connections, "10.0.0.1").is_none());
        drop(first);
        assert!(admit(&connections, "192.0.2.2").is_some());
    }

    #[test]
    fn an_address_has_its_own_limit_and_a_proxy_has_none() {
        let connections = connections(100, 2);
        let places: Vec<_> = (0..2).map(|_| admit(&connections, "192.0.2.1")).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(admit(&connections, "192.0.2.1").is_none());
        assert!(admit(&connections, "::ffff:192.0.2.1").is_none(), "the same address, written as IPv6");
        assert!(admit(&connections, "192.0.2.2").is_some());
        let behind_the_proxy: Vec<_> = (0..10).filter_map(|_| admit(&connections, "10.1.2.3")).collect();
        assert_eq!(behind_the_proxy.len(), 10);
        drop(places);
        assert!(admit(&connections, "192.0.2.1").is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let connections = connections(100, 1);
        let _place = admit(&connections, "2001:db8::1").unwrap();
        assert!(admit(&connections, "2001:db8::ffff:1").is_none());
        assert!(admit(&connections, "2001:db8:0:1::1").is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_connections_that_have_ended() {
        let connections = connections(100, 10);
        let places: Vec<_> = (1..=9).filter_map(|n| admit(&connections, &format!("192.0.2.{n}"))).collect();
        assert_eq!(connections.count(), 9);
        let ended = tokio::spawn({
            let connections = connections.clone();
            async move { connections.ended().await }
        });
        drop(places);
        ended.await.unwrap();
        assert!(connections.0.counts().by_address.is_empty());
    }
}
