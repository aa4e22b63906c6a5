//! Every case, one file for each subject.
//!
//! Owns the list. A new case is a function of the fixture and the rounds, and an entry in its file's `CASES`.

mod accounts;
mod acts;
mod answers;
mod backup;
mod before;
mod bombs;
mod clock;
mod dawdle;
mod disk;
mod files;
mod flood;
mod joins;
mod kill;
mod mails;
mod network;
mod nodes;
mod outbox;
mod postgres;
mod retention;
mod revocation;
mod soak;
mod storm;
mod stuck;
mod timing;

use super::Case;

/// All of them, in order.
pub fn all() -> Vec<&'static Case> {
    [
        kill::CASES,
        disk::CASES,
        files::CASES,
        backup::CASES,
        retention::CASES,
        bombs::CASES,
        postgres::CASES,
        network::CASES,
        stuck::CASES,
        storm::CASES,
        dawdle::CASES,
        flood::CASES,
        acts::CASES,
        answers::CASES,
        before::CASES,
        joins::CASES,
        accounts::CASES,
        timing::CASES,
        clock::CASES,
        nodes::CASES,
        outbox::CASES,
        mails::CASES,
        revocation::CASES,
        soak::CASES,
    ]
    .into_iter()
    .flatten()
    .collect()
}
