//! The checker: whether the clients' journals agree with what the server stored.
//!
//! Owns the one definition of "nothing was lost". Every acknowledged message is in the room's history exactly once, and in each
//! member's stream exactly once after catching up. A message that was not acknowledged is there at most once. `seq` is 1, 2, 3 …
//! without gaps. All members see one order. Nobody receives anything of a room that they are not in. It is plain code over journals: it
//! must not talk to a server, so that it can be tested with journals of every fault.

mod journal;
#[cfg(test)]
mod tests;
mod verdict;

pub use journal::{Journal, Standing};
pub use verdict::{Verdict, check, check_gapless};
