//! The database below everything else: each method on both databases, what opening one promises, and how much work a page costs.

mod batches;
mod certificates;
mod clock;
mod connections;
mod disk;
pub mod following;
mod limits;
mod locks;
mod merging;
mod messages;
mod migrations;
mod million;
mod open;
mod outbox;
mod rooms;
mod search_versions;
mod sessions;
mod statistics;
mod store;
mod transactions;
mod users;
mod work;
