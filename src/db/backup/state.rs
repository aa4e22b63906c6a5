//! What is known of the server's own backups: the last one, the last failure, and who makes one now.
//!
//! Owns one value in `meta`, so that of several nodes one makes a backup, and every node can show how it went.

use serde::{Deserialize, Serialize};

use super::super::Db;
use crate::clock::{Millis, is_ahead};

/// Where the value is.
const KEY: &str = "backups";

/// The server's own backups. Times are as the node has them that wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupState {
    /// The last one that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastBackup>,
    /// The last attempt, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedBackup>,
    /// Since when backups have been expected: the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// Who makes one now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

impl BackupState {
    /// Whether twice `every` milliseconds have passed since the last one, or since one was expected; also if it is not known, because the
    /// clock was ahead then.
    #[must_use]
    pub fn is_late(&self, every: i64, now: Millis) -> bool {
        let since = self.last.as_ref().map(|last| last.at).or(self.since);
        since.is_some_and(|since| is_ahead(since, now) || since.plus(every.saturating_mul(2)) < now)
    }
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackup {
    /// The moment whose state it holds.
    pub at: Millis,
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// How many files are not in it, because they were missing or damaged.
    pub left_out: u64,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedBackup {
    /// When it failed.
    pub at: Millis,
    /// Why, for administrators.
    pub why: String,
}

/// The right to make a backup, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Whose it is: random, for each attempt.
    pub by: String,
    /// Until when, unless it is renewed.
    pub until: Millis,
}

impl Db {
    /// How the server's own backups are.
    ///
    /// # Errors
    /// The database's.
    pub async fn backup_state(&self) -> sqlx::Result<BackupState> {
        self.state(KEY).await
    }

    /// Changes it in a transaction. `change` gets the present state, and returns whether it changed it; so does this.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_backup_state(&self, change: impl Fn(&mut BackupState) -> bool + Send + 'static) -> sqlx::Result<bool> {
        self.change_state(KEY, change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_late_after_two_intervals_or_if_its_time_has_not_come() {
        const HOUR: i64 = 3_600_000;
        let now = Millis(1_000 * HOUR);
        let last = |at| BackupState {
            last: Some(LastBackup { at, name: "b.tar.gz".into(), bytes: 1, left_out: 0 }),
            // Longer ago than the last one.
            since: Some(Millis(0)),
            ..BackupState::default()
        };
        let since = |at| BackupState { since: Some(at), ..BackupState::default() };
        let is_late = |state: BackupState| state.is_late(6 * HOUR, now);
        let states: [&dyn Fn(Millis) -> BackupState; 2] = [&last, &since];
        for state in states {
            assert!(!is_late(state(now)) && !is_late(state(now.plus(-12 * HOUR))));
            assert!(is_late(state(now.plus(-13 * HOUR))));
            assert!(!is_late(state(now.plus(1_000))), "another node's clock is never the same");
            assert!(is_late(state(now.plus(HOUR))) && is_late(state(now.plus(100_000 * HOUR))));
        }
        assert!(!is_late(BackupState::default()));
    }
}
