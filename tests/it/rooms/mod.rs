//! Rooms, who is in them, and who may know of them.

mod create;
mod directory;
mod invite;
mod leaving;
mod many;
mod members;
mod membership;
mod sweep;
mod visibility;
