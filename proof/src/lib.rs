//! Two programs that test a server from the outside, as its clients.
//!
//! `proof bench` measures it beside its peers; `proof torture` injects faults and checks that no message was lost. Both use only the
//! public protocol (`docs/protocol.md`), so they can test any server that speaks it. Parlor's own tests use [`client`], [`infra`],
//! [`faults`] and [`checker`] too.
//!
//! Reading order:
//!
//! 1. [`client`]: people's HTTP requests, their sockets, a real browser.
//! 2. [`infra`]: processes, databases, programs of the machine.
//! 3. [`faults`]: proxies, bad clients, malformed packets.
//! 4. [`checker`]: what clients recorded, and whether it is consistent.
//! 5. [`torture`]: the cases.
//! 6. [`mod@bench`]: the measurements.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod bench;
pub mod checker;
pub mod client;
mod docs;
pub mod faults;
pub mod infra;
pub mod torture;

/// The value below which that share of the values are, such as 0.99.
fn quantile<T: Copy + Ord + Default>(values: &mut [T], share: f64) -> T {
    values.sort_unstable();
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}
