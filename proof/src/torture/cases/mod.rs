//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function that takes the stage and the rounds, and one entry in its file's `CASES`.

mod backup;
mod broadcast;
mod clock;
mod disk;
mod kill;
mod liar;
mod outcome;
mod postgres;
mod power;

use super::Case;

/// All of them, in the order in which they are played.
pub fn all() -> Vec<&'static Case> {
    [
        kill::CASES,
        power::CASES,
        disk::CASES,
        postgres::CASES,
        outcome::CASES,
        broadcast::CASES,
        clock::CASES,
        backup::CASES,
        liar::CASES,
    ]
    .into_iter()
    .flatten()
    .collect()
}
