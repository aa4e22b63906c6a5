//! Several nodes on one Postgres: what one node commits, all nodes show.

mod access;
mod delivery;
mod presence;
mod shared;
