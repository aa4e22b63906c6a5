//! Rooms, who is in them, and who may know of them.

mod archive;
mod bans;
mod create;
mod deletion;
mod directory;
mod invite;
mod leaving;
mod many;
mod members;
mod membership;
mod policies;
mod reports;
mod roles;
mod slow_mode;
mod slugs;
pub mod sweep;
mod visibility;
