//! How long this node may trust that it hears of ended access.
//!
//! Owns one moment: until when everything that was committed has been heard. It must not know how notifications arrive.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a node serves after the last proof that it hears. A node that was frozen, or cut off from Postgres, for longer delivers no
/// messages, answers no events and admits no sockets until it hears again.
pub const LEASE: Duration = Duration::from_secs(15);
/// How long after the end of the lease it closes its sockets, so that they find another node.
const PATIENCE: Duration = Duration::from_secs(45);

/// The lease. Without other nodes it does not end.
#[derive(Debug)]
pub struct Lease {
    start: Instant,
    /// Milliseconds after `start`.
    until: AtomicU64,
}

impl Lease {
    /// One without an end: there are no other nodes.
    pub fn unlimited() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(u64::MAX) }
    }

    /// One that is valid from now on for [`LEASE`].
    pub fn new() -> Self {
        let lease = Self { start: Instant::now(), until: AtomicU64::new(0) };
        lease.renew(Instant::now());
        lease
    }

    /// One that has ended.
    #[cfg(test)]
    pub fn ended() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(0) }
    }

    /// Everything that was committed before `heard` has been handled.
    pub fn renew(&self, heard: Instant) {
        let until = heard.saturating_duration_since(self.start) + LEASE;
        self.until.fetch_max(millis(until), Ordering::AcqRel);
    }

    /// Whether access that ended would have been heard of.
    pub fn is_valid(&self) -> bool {
        self.is_within(Duration::ZERO)
    }

    /// Whether nothing was heard for so long that sockets are better off elsewhere.
    pub fn is_lost(&self) -> bool {
        !self.is_within(PATIENCE)
    }

    fn is_within(&self, patience: Duration) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until == u64::MAX || millis(self.start.elapsed()) < until.saturating_add(millis(patience))
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX - 1)
}
