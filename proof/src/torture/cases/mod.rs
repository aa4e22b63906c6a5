//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function that takes the fixture and the rounds, and an entry in its file's `CASES`.

mod access;
mod accounts;
mod acts;
mod answers;
mod backup;
mod before;
mod broadcast;
mod clock;
mod dawdle;
mod disk;
mod edits;
mod faulty_server;
mod flood;
mod joins;
mod kill;
mod malformed;
mod network;
mod outcome;
mod oversize;
mod postgres;
mod power;
mod soak;
mod storm;
mod stuck;
mod timing;

use super::Case;

/// All of them, in order.
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
        joins::CASES,
        access::CASES,
        accounts::CASES,
        timing::CASES,
        clock::CASES,
        backup::CASES,
        faulty_server::CASES,
        soak::CASES,
    ]
    .into_iter()
    .flatten()
    .collect()
}
