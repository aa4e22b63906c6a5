//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function that takes the stage and the rounds, and one entry in its file's `CASES`.

mod access;
mod backup;
mod broadcast;
mod clock;
mod dawdle;
mod disk;
mod flood;
mod joins;
mod kill;
mod liar;
mod network;
mod outcome;
mod postgres;
mod power;
mod sessions;
mod soak;
mod storm;
mod stuck;

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
        clock::CASES,
        backup::CASES,
        liar::CASES,
        access::CASES,
        dawdle::CASES,
        flood::CASES,
        joins::CASES,
        sessions::CASES,
        soak::CASES,
        storm::CASES,
        stuck::CASES,
    ]
    .into_iter()
    .flatten()
    .collect()
}
