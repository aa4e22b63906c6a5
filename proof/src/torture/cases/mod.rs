//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function that takes the stage and the rounds, and one entry in its file's `CASES`.

mod access;
mod accounts;
mod acts;
mod answers;
mod backup;
mod before;
mod broadcast;
mod browser;
mod clock;
mod dawdle;
mod disk;
mod edits;
mod flood;
mod joins;
mod kill;
mod liar;
mod malformed;
mod network;
mod outcome;
mod oversize;
mod postgres;
mod power;
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
        kill::CASES,
        power::CASES,
        disk::CASES,
        postgres::CASES,
        outcome::CASES,
        network::CASES,
        broadcast::CASES,
        stuck::CASES,
        storm::CASES,
        dawdle::CASES,
        flood::CASES,
        acts::CASES,
        oversize::CASES,
        answers::CASES,
        edits::CASES,
        before::CASES,
        malformed::CASES,
        text::CASES,
        browser::CASES,
        joins::CASES,
        access::CASES,
        accounts::CASES,
        sessions::CASES,
        sweep::CASES,
        timing::CASES,
        clock::CASES,
        backup::CASES,
        liar::CASES,
        soak::CASES,
    ]
    .into_iter()
    .flatten()
    .collect()
}
