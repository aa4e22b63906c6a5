//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function that takes the stage and the rounds, and one entry in its file's `CASES`.

mod kill;
mod liar;
mod network;
mod stuck;

use super::Case;

/// All of them, in the order in which they are played.
pub fn all() -> Vec<&'static Case> {
    [kill::CASES, liar::CASES, network::CASES, stuck::CASES].into_iter().flatten().collect()
}
