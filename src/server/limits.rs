//! Limits on connections, in total and per address.
//!
//! Owns the counts. A connection's permit lives in its stream and is released when the stream is dropped. A long-polling session
//! outlives its connections, so it counts by itself, with a permit of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::config::Config;

/// Maximum number of unauthenticated polling sessions. Each uses memory for up to ten seconds, and costs its client one request.
const UNAUTHENTICATED: usize = 1024;
/// Maximum number of those per address.
const UNAUTHENTICATED_PER_ADDRESS: usize = 64;

/// Limits on connections.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// In total.
    pub total: Option<usize>,
    /// Per client address, or per IPv6 /64.
    pub per_address: Option<usize>,
    /// Networks without a limit per address: many clients share a proxy's address.
    pub exempt: Vec<IpNet>,
}

impl Limits {
    /// The configured limits.
    pub fn new(config: &Config) -> Self {
        Self {
            total: config.connection_limit,
            per_address: config.address_connection_limit,
            exempt: config.trusted_proxies.clone(),
        }
    }
}

/// The open connections, and the polling sessions that count as connections.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    limits: Limits,
    counts: Mutex<Counts>,
    /// Notified when the last connection ends.
    emptied: Notify,
}

#[derive(Default)]
struct Counts {
    /// Everything that counts against the total limit.
    total: usize,
    /// Connections among them.
    open: usize,
    /// Unauthenticated sessions among them.
    waiting: usize,
    by_address: HashMap<IpAddr, OfAddress>,
    /// Whether the last one was refused, so that a flood is logged once.
    is_refusing: bool,
    /// How many were refused since the start.
    refused: u64,
}

#[derive(Clone, Copy, Default)]
struct OfAddress {
    total: usize,
    waiting: usize,
}

impl Connections {
    /// No connections yet.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared { limits, counts: Mutex::default(), emptied: Notify::new() }))
    }

    /// A permit for a connection from `address`, unless a limit is reached.
    pub(super) fn admit(&self, address: IpAddr) -> Option<ConnectionPermit> {
        self.admit_kind(address, Kind::Connection)
    }

    /// A permit for a polling session of a client at `address`, unless a limit is reached.
    pub fn admit_session(&self, address: IpAddr) -> Option<ConnectionPermit> {
        self.admit_kind(address, Kind::Unauthenticated)
    }

    fn admit_kind(&self, address: IpAddr, kind: Kind) -> Option<ConnectionPermit> {
        let limits = &self.0.limits;
        let address = address.to_canonical();
        let is_exempt = limits.exempt.iter().any(|net| net.contains(&address));
        // Unauthenticated sessions are counted per address in any case.
        let counted = (!is_exempt && (limits.per_address.is_some() || kind == Kind::Unauthenticated)).then(|| network(address));

        let mut counts = self.0.counts();
        let of_address = counted.and_then(|address| counts.by_address.get(&address)).copied().unwrap_or_default();
        let is_full = limits.total.is_some_and(|limit| counts.total >= limit)
            || counted.is_some() && limits.per_address.is_some_and(|limit| of_address.total >= limit);
        let are_too_many_waiting = kind == Kind::Unauthenticated
            && (counts.waiting >= UNAUTHENTICATED || of_address.waiting >= UNAUTHENTICATED_PER_ADDRESS);
        if is_full || are_too_many_waiting {
            counts.refused += 1;
            if !std::mem::replace(&mut counts.is_refusing, true) {
                let (total, of_address) = (counts.total, of_address.total);
                tracing::warn!(%address, total, of_address, waiting = counts.waiting, "connections are refused: a limit is reached");
            }
            return None;
        }
        counts.is_refusing = false;
        counts.total += 1;
        let is_waiting = usize::from(kind == Kind::Unauthenticated);
        counts.open += 1 - is_waiting;
        counts.waiting += is_waiting;
        if let Some(address) = counted {
            let of_address = counts.by_address.entry(address).or_default();
            of_address.total += 1;
            of_address.waiting += is_waiting;
        }
        Some(ConnectionPermit { connections: self.0.clone(), counted, kind })
    }

    /// How many there may be in total.
    pub(super) fn limit(&self) -> Option<usize> {
        self.0.limits.total
    }

    /// How many connections and sessions were refused since the start.
    pub fn refused(&self) -> u64 {
        self.0.counts().refused
    }

    /// The number of open connections, without sessions.
    pub fn count(&self) -> usize {
        self.0.counts().open
    }

    /// Waits until no connection is open.
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
        self.counts.lock()
    }
}

/// The holder of a permit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connection,
    /// An unauthenticated polling session.
    Unauthenticated,
    /// A polling session.
    Session,
}

/// The permit of a connection or session; released on drop.
pub struct ConnectionPermit {
    connections: Arc<Shared>,
    counted: Option<IpAddr>,
    kind: Kind,
}

impl ConnectionPermit {
    /// Whether it belongs to an unauthenticated session.
    pub fn is_unauthenticated(&self) -> bool {
        self.kind == Kind::Unauthenticated
    }

    /// Marks the session as authenticated.
    pub fn set_authenticated(&mut self) {
        if self.kind == Kind::Unauthenticated {
            self.kind = Kind::Session;
            self.connections.counts().end_waiting(self.counted);
        }
    }
}

impl Counts {
    fn end_waiting(&mut self, counted: Option<IpAddr>) {
        self.waiting -= 1;
        if let Some(of_address) = counted.and_then(|address| self.by_address.get_mut(&address)) {
            of_address.waiting -= 1;
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.connections.counts();
        if self.kind == Kind::Unauthenticated {
            counts.end_waiting(self.counted);
        }
        counts.total -= 1;
        if let Some(address) = self.counted
            && let Entry::Occupied(mut of_address) = counts.by_address.entry(address)
        {
            of_address.get_mut().total -= 1;
            if of_address.get().total == 0 {
                of_address.remove();
            }
        }
        if self.kind == Kind::Connection {
            counts.open -= 1;
            if counts.open == 0 {
                self.connections.emptied.notify_waiters();
            }
        }
    }
}

/// The unit of the limit per address: a client usually has a whole IPv6 /64 (RFC 6177).
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

    fn admit(connections: &Connections, address: &str) -> Option<ConnectionPermit> {
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
        let permits: Vec<_> = (0..2).map(|_| admit(&connections, "192.0.2.1")).collect();
        assert!(permits.iter().all(Option::is_some));
        assert!(admit(&connections, "192.0.2.1").is_none());
        assert!(admit(&connections, "::ffff:192.0.2.1").is_none(), "the same address, written as IPv6");
        assert!(admit(&connections, "192.0.2.2").is_some());
        let behind_the_proxy: Vec<_> = (0..10).filter_map(|_| admit(&connections, "10.1.2.3")).collect();
        assert_eq!(behind_the_proxy.len(), 10);
        drop(permits);
        assert!(admit(&connections, "192.0.2.1").is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let connections = connections(100, 1);
        let _permit = admit(&connections, "2001:db8::1").unwrap();
        assert!(admit(&connections, "2001:db8::ffff:1").is_none());
        assert!(admit(&connections, "2001:db8:0:1::1").is_some());
    }

    fn session(connections: &Connections, address: &str) -> Option<ConnectionPermit> {
        connections.admit_session(address.parse().unwrap())
    }

    #[test]
    fn a_session_counts_as_a_connection_until_it_ends() {
        let connections = connections(3, 2);
        let first = session(&connections, "192.0.2.1").unwrap();
        let _second = admit(&connections, "192.0.2.1").unwrap();
        assert!(session(&connections, "192.0.2.1").is_none(), "the address is full");
        assert!(admit(&connections, "192.0.2.1").is_none(), "for connections, too");
        let _third = session(&connections, "192.0.2.2").unwrap();
        assert!(admit(&connections, "192.0.2.3").is_none(), "the server is full");
        drop(first);
        assert!(admit(&connections, "192.0.2.1").is_some());
    }

    #[test]
    fn only_so_many_sessions_wait_at_once_from_one_address_and_in_all() {
        let connections = Connections::new(Limits::default());
        let mut permits: Vec<_> = (0..).map_while(|_| session(&connections, "192.0.2.1")).collect();
        assert_eq!(permits.len(), UNAUTHENTICATED_PER_ADDRESS);
        permits[0].set_authenticated();
        permits[0].set_authenticated();
        permits.extend(session(&connections, "192.0.2.1"));
        assert!(session(&connections, "192.0.2.1").is_none());
        assert_eq!(permits.len(), UNAUTHENTICATED_PER_ADDRESS + 1);
        let others: Vec<_> =
            (0..UNAUTHENTICATED).map_while(|n| session(&connections, &format!("10.0.{}.{}", n / 250, n % 250))).collect();
        assert_eq!(others.len(), UNAUTHENTICATED - UNAUTHENTICATED_PER_ADDRESS);
        drop((permits, others));
        assert!(connections.0.counts().by_address.is_empty());
        assert!(session(&connections, "192.0.2.1").is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_connections_that_have_ended() {
        let connections = connections(100, 10);
        let permits: Vec<_> = (1..=9).filter_map(|n| admit(&connections, &format!("192.0.2.{n}"))).collect();
        assert_eq!(connections.count(), 9);
        let ended = tokio::spawn({
            let connections = connections.clone();
            async move { connections.ended().await }
        });
        drop(permits);
        ended.await.unwrap();
        assert!(connections.0.counts().by_address.is_empty());
    }
}
