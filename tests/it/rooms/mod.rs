//! Rooms, who is in them, and who may know of them.

mod create;
mod invite;
mod members;
mod membership;
mod sweep;
mod visibility;
