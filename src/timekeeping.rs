//! Whether the clock of this machine is believed, where what follows from it cannot be undone: deleting what is old, giving deliveries up.
//!
//! Owns what the database remembers of it across restarts, that administrators are told, and how a clock is believed again. The
//! rule itself is [`Clock::believed`]. It must not delete or give up anything
//! (docs/decisions/0110-a-clock-is-believed-as-far-as-time-has-passed.md).

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{AHEAD, Clock, Millis};
use crate::db::Db;
use crate::db::clock::{ClockState, Doubt};

/// How often it looks at the clock.
const LOOK: Duration = Duration::from_secs(1);
/// How often a clock that is believed is the new measure, which is then remembered. Until then a server that has started believes as much as
/// after a stop: the clock of a machine without a battery may be set only then.
const RENEWAL: Duration = Duration::from_secs(60 * 60);
/// How far the clock may have advanced while no server ran, in milliseconds: machines are off for months.
const STOPPED: i64 = 366 * 24 * 60 * 60 * 1000;
/// Nobody claims or holds anything for longer, in milliseconds.
const LONGEST_CLAIM: i64 = 60 * 60 * 1000;
/// Nobody deletes an object for longer, in milliseconds.
const LEAVING: i64 = 2 * 60 * 1000;

/// What a server knows of its clock.
pub struct Timekeeper {
    db: Arc<Db>,
    clock: Clock,
    /// What the database knew when it was asked last.
    known: Option<Millis>,
    /// The clock is ahead, and the database says so. When it starts, it may be that of another node.
    doubt: Option<Doubt>,
    /// What the database said of another node's clock when this one was renewed last.
    others: Option<Doubt>,
    /// When the clock is the new measure, if it is believed then.
    renewed_at: Duration,
}

impl Timekeeper {
    /// Compares the clock with what the database knows. Call it before anything is deleted.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(db: Arc<Db>, clock: Clock) -> sqlx::Result<Self> {
        let ClockState { at, doubt } = db.clock_state().await?;
        // Earlier versions have noted only what retention did.
        let at = match at {
            None => db.retention_state().await?.done_at,
            at => at,
        };
        let renewed_at = clock.steady() + RENEWAL;
        let mut keeper = Self { db, clock, known: at, doubt, others: None, renewed_at };
        match at {
            Some(at) => keeper.clock.believe(believed_after_stop(at, doubt), keeper.clock.steady()),
            None => keeper.renew().await?,
        }
        if let (Some(doubt), Some(_)) = (doubt, keeper.clock.ahead()) {
            tell(doubt);
        }
        Ok(keeper)
    }

    /// Looks at the clock until it is dropped. `is_contradicted` says whether the clock of the database, which nodes share, is another one.
    pub async fn run(mut self, is_contradicted: impl Fn() -> bool + Send) {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            self.clock.contradict(is_contradicted());
            match self.look().await {
                Ok(()) => {}
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => tracing::warn!(%error, "what is known of the time could not be noted; trying again"),
            }
        }
    }

    async fn look(&mut self) -> sqlx::Result<()> {
        if let Some(ahead) = self.clock.ahead() {
            return self.doubt(ahead).await;
        }
        match self.clock.believed() {
            Some(now) if self.doubt.is_some() => self.end_doubt(now).await,
            Some(_) if self.clock.steady() >= self.renewed_at => self.renew().await,
            _ => Ok(()),
        }
    }

    /// Notes that the clock is ahead, and again if another node has taken that for its own; or learns that somebody said since that it is not: an
    /// operator, or a node that knows the time.
    async fn doubt(&mut self, ahead: i64) -> sqlx::Result<()> {
        if self.doubt.is_some() {
            let ClockState { at, doubt } = self.db.clock_state().await?;
            if at != self.known {
                self.known = at;
                if let Some(at) = at {
                    self.clock.believe(at.plus(AHEAD), self.clock.steady());
                }
            }
            if doubt.is_some() || self.clock.ahead().is_none() {
                return Ok(());
            }
        }
        let now = self.clock.now();
        // As it was noticed first: a start believes what is earlier.
        let doubt = self.doubt.unwrap_or(Doubt { at: now, until: now.plus(-ahead) });
        self.db
            .change_clock_state(move |state| {
                let is_new = state.doubt.is_none();
                state.doubt.get_or_insert(doubt);
                is_new
            })
            .await?;
        if self.doubt.replace(doubt).is_none() {
            tell(doubt);
        }
        Ok(())
    }

    /// The clock is right again, or was all the time.
    async fn end_doubt(&mut self, now: Millis) -> sqlx::Result<()> {
        self.db.end_waits(now, now.plus(LONGEST_CLAIM), now.plus(LEAVING)).await?;
        self.db.change_clock_state(|state| state.doubt.take().is_some()).await?;
        self.doubt = None;
        tracing::info!("this machine’s clock is believed again: what has expired is deleted");
        self.renew().await
    }

    /// Makes the clock, if it is believed, the new measure. What another node noted of its clock goes the second time: it may be gone, and if it
    /// is not, it notes it again.
    async fn renew(&mut self) -> sqlx::Result<()> {
        // In this order: time that passes in between, or while the database is asked, must not look like a jump.
        let steady = self.clock.steady();
        let Some(now) = self.clock.believed() else { return Ok(()) };
        let doubt = self.db.clock_state().await?.doubt;
        let old = doubt.filter(|doubt| self.others == Some(*doubt));
        self.db
            .change_clock_state(move |state| {
                state.at = Some(now);
                if state.doubt == old {
                    state.doubt = None;
                }
                true
            })
            .await?;
        self.others = doubt.filter(|_| old.is_none());
        self.clock.believe(now.plus(AHEAD), steady);
        (self.known, self.renewed_at) = (Some(now), steady + RENEWAL);
        Ok(())
    }
}

/// Up to where a clock is believed when a server starts: a machine may have been off, and a clock that was ahead is not right because Parlor
/// was started again.
fn believed_after_stop(at: Millis, doubt: Option<Doubt>) -> Millis {
    let until = at.plus(STOPPED);
    doubt.map_or(until, |doubt| until.min(doubt.at.plus(-1)))
}

fn tell(doubt: Doubt) {
    tracing::error!("{}. If it is right, `parlor clock confirm` says so", said(doubt));
}

/// What is wrong, in words.
#[must_use]
pub fn said(Doubt { at, until }: Doubt) -> String {
    format!(
        "this machine’s clock jumped to {at}, and by the time that has passed it is {until} at the latest: until it is right, nothing that \
         expires is deleted, and no delivery is given up"
    )
}

/// Says that a clock is right, for servers that do not believe it.
///
/// # Errors
/// The database's.
pub async fn confirm(db: &Db, now: Millis) -> sqlx::Result<()> {
    let change = move |state: &mut ClockState| {
        *state = ClockState { at: Some(now), doubt: None };
        true
    };
    db.change_clock_state(change).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_may_be_off_for_months_and_no_restart_makes_a_clock_right() {
        let at = Millis(1_763_801_234_050);
        assert_eq!(believed_after_stop(at, None), at.plus(STOPPED));
        let doubt = |ahead| Some(Doubt { at: at.plus(ahead), until: at });
        // The clock that was doubted, and all later ones, are still wrong; an earlier one may be right.
        assert_eq!(believed_after_stop(at, doubt(5 * AHEAD)), at.plus(5 * AHEAD - 1));
        assert_eq!(believed_after_stop(at, doubt(2 * STOPPED)), at.plus(STOPPED));
    }
}
