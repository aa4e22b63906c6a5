//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function that takes the stage and the rounds, and one entry in its file's `CASES`.

mod browser;
mod kill;
mod liar;
mod malformed;
mod oversize;
mod sweep;
mod text;
mod timing;

use super::Case;

/// All of them, in the order in which they are played.
pub fn all() -> Vec<&'static Case> {
    [kill::CASES, liar::CASES, oversize::CASES, malformed::CASES, text::CASES, sweep::CASES, timing::CASES, browser::CASES]
        .into_iter()
        .flatten()
        .collect()
}
