//! Several nodes on one Postgres: what one node commits, all nodes show.

mod access;
pub mod clocks;
mod delivery;
mod failover;
mod operations;
mod presence;
mod shared;
mod versions;
