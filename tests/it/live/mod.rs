//! What goes on while people are here: presence, typing, reading, losing a room, signing out.

mod arranged;
mod expiry;
mod presence;
mod read;
mod removed;
mod signed_out;
mod slow;
mod typing;
