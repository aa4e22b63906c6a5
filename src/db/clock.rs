//! What the database remembers of the time, so that a clock that is ahead is known after a restart as well.
//!
//! Owns one value in `meta`, and that what waits for a moment of such a clock waits no longer. It must not decide what is believed.

use serde::{Deserialize, Serialize};

use super::{Db, transaction};
use crate::clock::Millis;

/// Where the value is.
const KEY: &str = "clock";

/// What is known of the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockState {
    /// The last moment that was believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
    /// The clock of a server that is ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
}

/// A clock that is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// What it said when that was noticed.
    pub at: Millis,
    /// The latest that was believed then.
    pub until: Millis,
}

impl Db {
    /// What is known of the time.
    ///
    /// # Errors
    /// The database's.
    pub async fn clock_state(&self) -> sqlx::Result<ClockState> {
        self.state(KEY).await
    }

    /// Changes it in a transaction. `change` gets the present state, and returns whether it changed it; so does this.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_clock_state(&self, change: impl Fn(&mut ClockState) -> bool + Send + 'static) -> sqlx::Result<bool> {
        self.change_state(KEY, change).await
    }

    /// Has everything due now that would wait for a later moment of a clock that was ahead: deliveries, jobs, the next attempt for a
    /// certificate. Reminders wait for the moment that somebody chose, unless they have failed. What waits for another reason is asked too
    /// early, and waits again. Nobody has a claim until after `claims`, nor holds a blob, nor has one for itself until after `leaving`.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_waits(&self, now: Millis, claims: Millis, leaving: Millis) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            // The receivers first, as their deliverers do.
            for statement in [
                "update receivers set due_at = case when due_at > $1 then $1 else due_at end,
                        failing_since = case when failing_since > $1 then $1 else failing_since end,
                        claimed_until = case when claimed_until > $2 then 0 else claimed_until end
                 where due_at > $1 or failing_since > $1 or claimed_until > $2",
                "update jobs set due_at = case when due_at > $1 and (kind <> 'remind' or last_error is not null) then $1 else due_at end,
                        claimed_until = case when claimed_until > $2 then 0 else claimed_until end
                 where dead_at is null and (claimed_until > $2 or due_at > $1 and (kind <> 'remind' or last_error is not null))",
                "update certificates set due_at = case when failures > 0 and due_at > $1 then $1 else due_at end,
                        claimed_until = case when claimed_until > $2 then 0 else claimed_until end",
            ] {
                sqlx::query(statement).bind(now).bind(claims).execute(&mut *tx).await?;
            }
            // Not at once: whoever stores or deletes the object may be about to end.
            let held = "update blobs set held_until = case when is_leaving then $2 else $1 end where held_until > $1";
            sqlx::query(held).bind(claims).bind(leaving).execute(&mut *tx).await?;
            for (statement, after) in [
                ("update outbox set due_at = $1 where dead_at is null and due_at > $1", now),
                ("update cleanups set claimed_until = 0 where claimed_until > $1", claims),
            ] {
                sqlx::query(statement).bind(after).execute(&mut *tx).await?;
            }
        })
    }
}
