//! The server's own backups, at intervals.
//!
//! Owns when one is made and by which node: whoever has the claim, which is renewed while a backup is made and ends by itself when a process
//! dies. How it went is in the database, where `administration` finds it. One that a shutdown interrupts is undone, and begins anew at the
//! next start: the state of now is worth more than one of before.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{BackupError, Leftover, Made, make};
use crate::clock::{Clock, Millis, is_ahead};
use crate::config::{Config, Place};
use crate::db::Db;
use crate::db::backup::state::{BackupState, Claim, FailedBackup, LastBackup};
use crate::encoding::random_hex;

/// How often it looks whether a backup is due.
const LOOK: Duration = Duration::from_secs(1);
/// How often it asks the database when nothing is due: another node may have failed.
const ASK: i64 = 60 * 1000;
/// How long after a failure it is tried again, at most.
const RETRY: i64 = 5 * 60 * 1000;
/// How long a claim is good for, in milliseconds; it is renewed three times as often.
const CLAIM: i64 = 3 * 60 * 1000;

/// Makes backups until `stop`, if the settings say so. One that is being made then is undone before it ends: object storage keeps what was sent
/// until it is told.
pub async fn run(db: Arc<Db>, config: Config, clock: Clock, stop: CancellationToken) {
    let (Some(to), Some(every)) = (config.backup_to.clone(), config.backup_every) else { return };
    // A directory even if it is not there: a file of that name would be no place for the next one.
    let to = if let Place::Path(path) = to { Place::Path(path.join("")) } else { to };
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    let schedule = Schedule { db, config, clock, to, every, stop };
    let mut look = tokio::time::interval(LOOK);
    let (mut next, mut asked) = (Millis(0), Millis(0));
    while schedule.stop.run_until_cancelled(look.tick()).await.is_some() {
        let now = schedule.clock.now();
        if now < next && now < asked.plus(ASK) && now >= asked {
            continue;
        }
        asked = now;
        match schedule.turn(now).await {
            Ok(due) => next = due,
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "the database does not say whether a backup is due; asking again"),
        }
    }
}

struct Schedule {
    db: Arc<Db>,
    config: Config,
    clock: Clock,
    to: Place,
    /// In milliseconds.
    every: i64,
    stop: CancellationToken,
}

/// When the next backup is due. Times that have not come yet are of a clock that was ahead: they hold nothing up.
fn due(state: &BackupState, every: i64, now: Millis) -> Millis {
    let after = |at: Millis, wait: i64| if is_ahead(at, now) { Millis(0) } else { at.plus(wait) };
    let due = state.last.as_ref().map_or(Millis(0), |last| after(last.at, every));
    let retry = state.failed.as_ref().map_or(Millis(0), |failed| after(failed.at, RETRY.min(every)));
    let claimed = state.claim.as_ref().map_or(Millis(0), |claim| after(claim.until.plus(-CLAIM), CLAIM));
    due.max(retry).max(claimed)
}

impl Schedule {
    /// Makes a backup if one is due and nobody else makes it; returns when the next one is due.
    async fn turn(&self, now: Millis) -> sqlx::Result<Millis> {
        let next = due(&self.db.backup_state().await?, self.every, now);
        if next > now {
            return Ok(next);
        }
        let by = random_hex();
        if !self.claim(&by, now).await? {
            return Ok(now);
        }
        let end = self.stop.child_token();
        let keeping = async {
            self.keep_claim(&by).await;
            end.cancel();
            // It is undone by whoever makes it.
            std::future::pending::<()>().await;
        };
        let made = tokio::select! {
            made = self.make(&end) => made,
            () = keeping => Err(BackupError::Interrupted),
        };
        if end.is_cancelled() && made.is_err() {
            self.give_back(by).await?;
            return Ok(self.clock.now());
        }
        let ended = self.clock.now();
        match &made {
            Ok(made) => tracing::info!(to = made.to, bytes = made.bytes, left_out = made.left_out.len(), "made a backup"),
            Err(error) => tracing::error!(%error, "no backup could be made; trying again"),
        }
        let outcome = made.map(|made| LastBackup {
            at: made.created_at,
            name: made.to.rsplit('/').next().unwrap_or_default().to_owned(),
            bytes: made.bytes,
            left_out: made.left_out.len() as u64,
        });
        let outcome = outcome.map_err(|error| FailedBackup { at: ended, why: error.to_string() });
        self.db
            .change_backup_state(move |state| {
                state.claim = None;
                match outcome.clone() {
                    Ok(last) => (state.last, state.failed) = (Some(last), None),
                    Err(failed) => state.failed = Some(failed),
                }
                true
            })
            .await?;
        Ok(due(&self.db.backup_state().await?, self.every, self.clock.now()))
    }

    /// Claims a backup that is due; `false` if somebody else did.
    async fn claim(&self, by: &str, now: Millis) -> sqlx::Result<bool> {
        let (every, by) = (self.every, by.to_owned());
        self.db
            .change_backup_state(move |state| {
                let is_due = due(state, every, now) <= now;
                if is_due {
                    state.since.get_or_insert(now);
                    state.claim = Some(Claim { by: by.clone(), until: now.plus(CLAIM) });
                }
                is_due
            })
            .await
    }

    /// Renews a claim; ends when somebody else has it.
    async fn keep_claim(&self, by: &str) {
        loop {
            tokio::time::sleep(Duration::from_millis(CLAIM.unsigned_abs() / 3)).await;
            let (own, until) = (by.to_owned(), self.clock.now().plus(CLAIM));
            let kept = self.db.change_backup_state(move |state| {
                let kept = state.claim.as_mut().filter(|claim| claim.by == own);
                kept.map(|claim| claim.until = until).is_some()
            });
            match kept.await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "the claim of a backup could not be renewed"),
            }
        }
    }

    /// Ends a claim, if it is still this one.
    async fn give_back(&self, by: String) -> sqlx::Result<()> {
        let ended = self.db.change_backup_state(move |state| state.claim.take_if(|claim| claim.by == by).is_some());
        ended.await.map(drop)
    }

    /// Makes one, until `end`.
    async fn make(&self, end: &CancellationToken) -> Result<Made, BackupError> {
        // First: it may be what fills the disk.
        if let Err(error) = self.to.clear_abandoned() {
            tracing::warn!(%error, "backups that were given up could not be deleted");
        }
        let mut goes_on = |_| !end.is_cancelled();
        let files = self.config.backup_files;
        let made = make(&self.config, &self.to, files, Leftover::Deleted, &self.clock, &mut goes_on).await?;
        if let Some(keep) = self.config.backup_keep {
            match self.to.prune(&self.config, keep, self.clock.now()).await {
                Ok(deleted) => deleted.iter().for_each(|name| tracing::info!(name, "deleted an old backup")),
                // There is a new one all the same.
                Err(error) => tracing::warn!(%error, "old backups could not be deleted"),
            }
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_stops_no_backups() {
        const EVERY: i64 = 6 * 60 * 60 * 1000;
        let now = Millis(1_000 * EVERY);
        let last = |at| BackupState {
            last: Some(LastBackup { at, name: "b.tar.gz".into(), bytes: 1, left_out: 0 }),
            ..BackupState::default()
        };
        let failed = |at| BackupState { failed: Some(FailedBackup { at, why: "no room".into() }), ..BackupState::default() };
        let claimed = |at: Millis| BackupState {
            claim: Some(Claim { by: "somebody".into(), until: at.plus(CLAIM) }),
            ..BackupState::default()
        };
        let states: [(&dyn Fn(Millis) -> BackupState, i64); 3] = [(&last, EVERY), (&failed, RETRY), (&claimed, CLAIM)];
        for (state, wait) in states {
            let due = |at: Millis| due(&state(at), EVERY, now);
            assert_eq!(due(now), now.plus(wait));
            assert_eq!(due(now.plus(1_000)), now.plus(1_000 + wait), "another node's clock is never the same");
            assert!(due(now.plus(-wait)) <= now && due(now.plus(100 * EVERY)) <= now);
        }
        assert_eq!(due(&BackupState::default(), EVERY, now), Millis(0));
    }
}
