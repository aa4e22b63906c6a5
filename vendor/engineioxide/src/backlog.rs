//! How many bytes wait to be written to a connection, and how far the writing has come.
//!
//! Whoever serves the request can put a [`Backlog`] into its extensions before it reaches this library: the
//! socket then counts in that one, so that it can be watched from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

use engineioxide_core::Packet;

/// How many bytes may wait for one connection. Beyond it the queue counts as full, however few packets it holds.
pub const MAX_BYTES: u64 = 8 * 1024 * 1024;

#[derive(Debug, Default)]
struct Counters {
    /// All bytes that were ever queued.
    queued: AtomicU64,
    /// All bytes that were ever written.
    written: AtomicU64,
    /// Whether the connection has ended.
    is_closed: AtomicBool,
    /// How many wait for `progress`.
    waiting: AtomicUsize,
    progress: Notify,
}

/// The bytes that wait to be written to one connection.
#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<Counters>);

impl Backlog {
    /// How many bytes were ever queued. What is queued now has been written when [`Self::written`] has come so far.
    pub fn queued(&self) -> u64 {
        self.0.queued.load(Ordering::Relaxed)
    }

    /// How many bytes were ever written; `u64::MAX` once the connection has ended.
    pub fn written(&self) -> u64 {
        if self.is_closed() { u64::MAX } else { self.0.written.load(Ordering::SeqCst) }
    }

    /// Whether the connection has ended: nothing is queued any more, also while its writer still waits for the client.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::SeqCst)
    }

    /// How many bytes wait.
    pub fn pending(&self) -> u64 {
        self.queued().saturating_sub(self.written())
    }

    /// Waits until so many bytes have been written, or the connection has ended.
    pub async fn written_up_to(&self, position: u64) {
        if self.written() >= position {
            return;
        }
        let _waiting = Waiting::begin(&self.0.waiting);
        loop {
            let progress = self.0.progress.notified();
            if self.written() >= position {
                return;
            }
            progress.await;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.pending() >= MAX_BYTES
    }

    pub(crate) fn queue(&self, bytes: usize) {
        self.0.queued.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        if bytes > 0 {
            self.0.written.fetch_add(bytes, Ordering::SeqCst);
            self.tell();
        }
    }

    pub(crate) fn close(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
        self.tell();
    }

    fn tell(&self) {
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            self.0.progress.notify_waiters();
        }
    }
}

/// How many bytes of a packet are counted.
pub(crate) fn bytes(packet: &Packet) -> u64 {
    match packet {
        Packet::Message(text) => text.len() as u64,
        Packet::Binary(bytes) | Packet::BinaryV3(bytes) => bytes.len() as u64,
        _ => 0,
    }
}

/// Somebody who waits for progress, counted until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
