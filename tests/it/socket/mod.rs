//! The events of the contract, and everything that is no event.

mod changes;
mod flood;
mod handshake;
mod order;
mod payloads;
mod posts;
mod protocol;
mod sync;
