//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function that takes the stage and the rounds, and one entry in its file's `CASES`.

mod access;
mod browser;
mod dawdle;
mod flood;
mod joins;
mod kill;
mod liar;
mod malformed;
mod network;
mod oversize;
mod sessions;
mod soak;
mod storm;
mod stuck;
mod sweep;
mod text;
mod timing;

use super::Case;

/// All of them, in the order in which they are played.
pub fn all() -> Vec<&'static Case> {
    [
        access::CASES,
        browser::CASES,
        dawdle::CASES,
        flood::CASES,
        joins::CASES,
        kill::CASES,
        liar::CASES,
        malformed::CASES,
        network::CASES,
        oversize::CASES,
        sessions::CASES,
        soak::CASES,
        storm::CASES,
        stuck::CASES,
        sweep::CASES,
        text::CASES,
        timing::CASES,
    ]
    .into_iter()
    .flatten()
    .collect()
}
