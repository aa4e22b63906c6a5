//! The checker: whether what clients noted agrees with what the server kept.
//!
//! Owns the one definition of "nothing was lost". Every acknowledged message is in the room's history exactly once and in each
//! member's stream exactly once after it caught up; one that was not acknowledged is there at most once; `seq` runs 1, 2, 3 …
//! without gaps; everybody saw one order; nobody saw a room that they are not in. It is plain code over notes: it must not talk to
//! a server, so that it can be tested against notes of every lie.

mod journal;
#[cfg(test)]
mod tests;
mod verdict;

pub use journal::{Journal, Standing};
pub use verdict::{Verdict, check};
