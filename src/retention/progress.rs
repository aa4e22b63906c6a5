//! The claim of the node that deletes what has expired, and what it has done so far.
//!
//! Owns that both are in the database: other nodes wait, and administrators see how it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::{Clock, Millis, is_ahead};
use crate::db::Db;
use crate::db::retention::{Claim, Deleted, RetentionState, Run};
use crate::encoding::random_hex;

/// How long a claim is good for, in milliseconds. Longer than the interval at which it is looked for what has expired, so that the node that
/// knows how far it has come goes on.
const CLAIM: i64 = 3 * 60_000;
/// How often it is renewed while something is deleted.
const RENEWAL: Duration = Duration::from_secs(2);

/// Why a run ended early.
pub(super) enum Left {
    /// Somebody else has the claim.
    Claimed,
    /// The database failed.
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for Left {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

/// A claim, and the run under it.
pub(super) struct Progress {
    db: Arc<Db>,
    clock: Clock,
    /// Who this process is in claims.
    by: String,
    renewed: Instant,
    pub run: Run,
}

impl Progress {
    pub fn new(db: Arc<Db>, clock: Clock) -> Self {
        Self { db, clock, by: random_hex(), renewed: Instant::now(), run: Run::default() }
    }

    /// Begins a run, if nobody else has the claim.
    pub async fn begin(&mut self, now: Millis) -> Result<(), Left> {
        self.run = Run { at: now, ..Run::default() };
        self.renew().await
    }

    /// Renews the claim, and says how far the run is.
    pub async fn renew(&mut self) -> Result<(), Left> {
        self.renewed = Instant::now();
        let (by, run, now) = (self.by.clone(), self.run.clone(), self.clock.now());
        let renewed = self.db.change_retention_state(move |state| {
            let is_free = state.claim.as_ref().is_none_or(|claim| is_free(claim, &by, now));
            if is_free {
                state.claim = Some(Claim { by: by.clone(), until: now.plus(CLAIM) });
                state.run = Some(run.clone());
            }
            is_free
        });
        if renewed.await? { Ok(()) } else { Err(Left::Claimed) }
    }

    /// Adds what a step deleted, and renews the claim from time to time.
    pub async fn step(&mut self, deleted: Deleted) -> Result<(), Left> {
        let Run { waiting, deleted: all, .. } = &mut self.run;
        *waiting = waiting.saturating_sub(deleted.messages);
        all.messages += deleted.messages;
        all.files += deleted.files;
        all.audit += deleted.audit;
        all.sessions += deleted.sessions;
        if self.renewed.elapsed() < RENEWAL { Ok(()) } else { self.renew().await }
    }

    /// Ends a run that is through.
    pub async fn finish(&self) -> Result<(), Left> {
        let Run { at, deleted, .. } = self.run.clone();
        let now = self.clock.now();
        if deleted.total() > 0 {
            let Deleted { messages, files, audit, sessions } = deleted;
            tracing::info!(messages, files, audit, sessions, "deleted what had expired");
        }
        self.change_own(move |state| {
            state.run = None;
            state.done_at = Some(at);
            if deleted.total() > 0 {
                state.last = Some(Run { at: now, waiting: 0, deleted });
            }
        })
        .await?;
        Ok(())
    }

    /// Gives the claim back, so that another node need not wait for it.
    pub async fn give_back(&self) -> sqlx::Result<()> {
        self.change_own(|state| state.claim = None).await
    }

    /// Changes the state, if the claim is this process's.
    async fn change_own(&self, change: impl Fn(&mut RetentionState) + Send + 'static) -> sqlx::Result<()> {
        let by = self.by.clone();
        let changed = self.db.change_retention_state(move |state| {
            let is_own = state.claim.as_ref().is_some_and(|claim| claim.by == by);
            if is_own {
                change(state);
            }
            is_own
        });
        changed.await.map(drop)
    }
}

/// Whether somebody may take a claim. One for longer than any is made is of a clock that was ahead: it keeps nobody waiting.
fn is_free(claim: &Claim, by: &str, now: Millis) -> bool {
    claim.by == by || claim.until <= now || is_ahead(claim.until, now.plus(CLAIM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_of_a_clock_that_was_ahead_is_free() {
        const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
        let now = Millis(10 * YEAR);
        for (what, by, ahead, expected) in [
            ("its own", "me", CLAIM, true),
            ("its own, of a clock that was ahead", "me", 2 * YEAR, true),
            ("another’s", "somebody", CLAIM, false),
            ("another’s, whose clock is never the same", "somebody", CLAIM + 30_000, false),
            ("another’s that has ended", "somebody", 0, true),
            ("another’s of a clock that was ahead", "somebody", 2 * YEAR, true),
        ] {
            let claim = Claim { by: by.to_owned(), until: now.plus(ahead) };
            assert_eq!(is_free(&claim, "me", now), expected, "{what}");
        }
    }
}
