//! The events of the contract, and everything that is no event.

mod changes;
mod entrance;
mod flood;
mod handshake;
mod order;
mod payloads;
mod polling;
mod posts;
mod protocol;
mod sync;
