//! How long this node may trust that it hears of ended access.
//!
//! Owns one moment: until when everything that was committed has been heard. Its clock also advances while the machine is suspended. It
//! must not know how notifications arrive.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;

/// How long a node serves after the last proof that it hears. A node that was frozen, or cut off from Postgres, for longer delivers no
/// messages, answers no events and admits no sockets until it hears again.
pub const LEASE: Duration = Duration::from_secs(15);
/// How long after the end of the lease it closes its sockets, so that they find another node.
const PATIENCE: Duration = Duration::from_secs(45);
/// The end of a lease without one.
const UNLIMITED: u64 = u64::MAX;

/// The lease. Without other nodes it does not end.
pub struct Lease {
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    /// In milliseconds of the clock.
    until: AtomicU64,
    /// Proofs from before this moment do not count.
    counts_from: Mutex<Duration>,
}

impl Lease {
    /// One without an end: there are no other nodes.
    pub fn unlimited() -> Self {
        Self::until(UNLIMITED, Clock::uptime)
    }

    /// One that is valid from now on for [`LEASE`].
    pub fn new() -> Self {
        Self::with_clock(Clock::uptime)
    }

    /// The same by another clock.
    fn with_clock(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let lease = Self::until(0, clock);
        lease.renew(lease.now());
        lease
    }

    /// One that has ended.
    #[cfg(test)]
    pub fn ended() -> Self {
        Self::until(0, Clock::uptime)
    }

    fn until(until: u64, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), until: AtomicU64::new(until), counts_from: Mutex::default() }
    }

    /// What its clock shows.
    pub fn now(&self) -> Duration {
        (self.clock)()
    }

    /// Everything that was committed before `heard` has been handled.
    pub fn renew(&self, heard: Duration) {
        let counts_from = self.counts_from.lock();
        if heard >= *counts_from {
            self.until.fetch_max(millis(heard + LEASE), Ordering::AcqRel);
        }
    }

    /// Ends it: only what is heard of later moments renews it.
    pub fn end(&self) {
        let mut counts_from = self.counts_from.lock();
        *counts_from = self.now();
        self.until.store(0, Ordering::Release);
    }

    /// Whether it has no end: there are no other nodes.
    pub fn is_unlimited(&self) -> bool {
        self.until.load(Ordering::Acquire) == UNLIMITED
    }

    /// Whether access that ended would have been heard of.
    pub fn is_valid(&self) -> bool {
        self.is_within(Duration::ZERO)
    }

    /// Whether nothing was heard for so long that sockets are better off elsewhere.
    pub fn is_lost(&self) -> bool {
        let ended = self.until.load(Ordering::Acquire) == 0;
        if ended { self.now() > *self.counts_from.lock() + PATIENCE } else { !self.is_within(PATIENCE) }
    }

    fn is_within(&self, patience: Duration) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until == UNLIMITED || millis(self.now()) < until.saturating_add(millis(patience))
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("is_valid", &self.is_valid()).finish_non_exhaustive()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(UNLIMITED - 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A lease, and its clock in seconds.
    fn lease() -> (Lease, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(1_000));
        let clock = seconds.clone();
        (Lease::with_clock(move || Duration::from_secs(clock.load(Ordering::Relaxed))), seconds)
    }

    #[test]
    fn it_ends_when_nothing_is_heard_even_if_the_machine_was_suspended() {
        let (lease, clock) = lease();
        let first = lease.now();
        clock.store(1_014, Ordering::Relaxed);
        assert!(lease.is_valid());
        // A laptop's lid, or a virtual machine: hours pass between two instructions.
        clock.store(9_000, Ordering::Relaxed);
        assert!(!lease.is_valid() && lease.is_lost());
        // What was sent before and arrives now is too old.
        lease.renew(first);
        assert!(!lease.is_valid());
        lease.renew(lease.now());
        assert!(lease.is_valid() && !lease.is_lost());
        clock.store(9_000 + 16, Ordering::Relaxed);
        assert!(!lease.is_valid() && !lease.is_lost());
    }

    #[test]
    fn once_ended_only_later_proofs_renew_it() {
        let (lease, clock) = lease();
        let sent = lease.now();
        clock.store(1_001, Ordering::Relaxed);
        lease.end();
        lease.renew(sent);
        assert!(!lease.is_valid() && !lease.is_lost());
        clock.store(1_047, Ordering::Relaxed);
        assert!(lease.is_lost());
        lease.renew(lease.now());
        assert!(lease.is_valid() && !lease.is_lost());
    }
}
