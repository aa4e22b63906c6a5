//! The events of the contract, and everything that is no event.

mod changes;
#[cfg(feature = "vendored")]
mod entrance;
mod flood;
mod handshake;
mod order;
mod payloads;
#[cfg(feature = "vendored")]
mod polling;
mod posts;
mod protocol;
mod sync;
