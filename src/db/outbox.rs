//! Statements on the outbox of deliverers: what is to be delivered to whom, and who delivers it now.
//!
//! Owns that a receiver has one deliverer at a time, by its claim, that rows of a receiver are listed in their order, and that only whoever
//! has the claim can remove them. Whoever changes both locks the receiver before its rows, so that nobody deadlocks. The ledger adds rows
//! (`db::ledger`); what administrators see and change is in `db::deliveries`. It must not decide when something is tried again or given up.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::RoomId;

/// Whoever is sent something: a kind, and an id within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiverId {
    /// The kind: `webhook`, `push`, `mail`, `account` or `address`.
    pub kind: &'static str,
    /// Which of them.
    pub id: i64,
}

/// Something to deliver. What is said of a message is read when it is delivered.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Row {
    /// Its place: rows of a receiver are delivered in this order.
    pub id: i64,
    /// What happened: a name of `model::Occurrence`.
    pub event: String,
    /// In which room.
    pub room_id: Option<RoomId>,
    /// To which message.
    pub seq: Option<i64>,
    /// By which change of the room.
    pub rev: Option<i64>,
    /// What the message does not say: a JSON object.
    pub payload: Option<String>,
    /// When it happened.
    pub created_at: Millis,
    /// How often its delivery failed.
    pub attempts: i64,
}

/// A failed attempt, and what follows from it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The receiver.
    pub receiver: ReceiverId,
    /// Whose claim it is.
    pub claim: String,
    /// Rows that were delivered before.
    pub done: Vec<i64>,
    /// The row that was not.
    pub row: i64,
    /// Why.
    pub error: String,
    /// Now.
    pub now: Millis,
    /// When the next attempt is due.
    pub due_at: Millis,
    /// What was due before is given up, if the receiver has failed since before.
    pub give_up_before: Millis,
    /// A receiver that has failed since before is paused.
    pub pause_before: Millis,
}

/// The condition that a row of `receivers` is no webhook that is off: what waits for such a one stays.
macro_rules! is_on {
    () => {
        "(receivers.kind <> 'webhook' or exists (select 1 from webhooks where webhooks.id = receivers.id and webhooks.is_on))"
    };
}

/// Ends the pause of a row of `receivers`, as assignments: what waits for it does not count any more, only what is added from now on.
macro_rules! resumed {
    () => {
        "paused_at = null, attempts = 0, failing_since = null, full_at = null, counted_after = (select coalesce(max(outbox.id), 0) from outbox)"
    };
}

pub(super) use {is_on, resumed};

/// Ends the failure of a receiver for which nothing waits any more: its next one has nothing to do with it. What is paused stays so.
const END_FAILURE: &str = "update receivers set attempts = 0, failing_since = null
     where kind = $1 and id = $2 and failing_since is not null and paused_at is null
       and not exists (select 1 from outbox where outbox.kind = $1 and outbox.receiver = $2 and outbox.dead_at is null)";

/// The first row beyond so many that count of a row of `receivers`, if there is one.
macro_rules! row_beyond {
    ($count:literal) => {
        concat!(
            "(select outbox.id from outbox where outbox.kind = receivers.kind and outbox.receiver = receivers.id
              and outbox.dead_at is null and outbox.id > receivers.counted_after order by outbox.id limit 1 offset ",
            $count,
            ")"
        )
    };
}

/// The condition that a row of `receivers` becomes full beyond `$2` rows, or is no more, with no more than `$3`.
macro_rules! fills {
    () => {
        concat!("case when full_at is null then ", row_beyond!("$2"), " is not null else ", row_beyond!("$3"), " is null end")
    };
}

/// A statement on the rows whose ids are in a JSON array, its first parameter.
macro_rules! on_rows {
    ($db:expr, $statement:literal) => {
        match $db {
            Db::Sqlite(_) => concat!($statement, " where id in (select value from json_each($1))"),
            Db::Postgres(_) => {
                concat!($statement, " where id in (select cast(value as bigint) from json_array_elements_text(cast($1 as json)))")
            }
        }
    };
}

impl Db {
    /// Claims up to `limit` receivers of a kind that something is due for, until `until`. Those whose deliverer did not come forward in time
    /// are free too. Whoever waits longest is first.
    pub async fn claim_receivers(
        &self,
        kind: &'static str,
        limit: usize,
        claim: &str,
        now: Millis,
        until: Millis,
    ) -> sqlx::Result<Vec<i64>> {
        /// Receivers that something is due for.
        macro_rules! due {
            ($before:literal, $after:literal) => {
                concat!(
                    $before,
                    "select receivers.id from receivers
                     where receivers.kind = $1 and receivers.paused_at is null and receivers.due_at <= $2 and receivers.claimed_until <= $2
                       and exists (select 1 from outbox where outbox.kind = receivers.kind and outbox.receiver = receivers.id
                                   and outbox.dead_at is null and outbox.due_at <= $2) and ",
                    is_on!(),
                    "
                     order by receivers.due_at, receivers.id limit $3",
                    $after
                )
            };
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // A look first: there is usually nothing, and on SQLite a write would hold up others.
        let found: Vec<i64> =
            read!(self, |pool| sqlx::query_scalar(due!("", "")).bind(kind).bind(now).bind(limit).fetch_all(pool).await?);
        if found.is_empty() {
            return Ok(found);
        }
        let statement = match self {
            Self::Sqlite(_) => {
                due!(
                    "update receivers set claimed_by = $4, claimed_until = $5 where kind = $1 and id in (",
                    ") returning receivers.id"
                )
            }
            Self::Postgres(_) => {
                due!(
                    "update receivers set claimed_by = $4, claimed_until = $5 where kind = $1 and id in (",
                    " for update of receivers skip locked) returning receivers.id"
                )
            }
        };
        write!(self, |pool| sqlx::query_scalar(statement)
            .bind(kind)
            .bind(now)
            .bind(limit)
            .bind(claim)
            .bind(until)
            .fetch_all(pool)
            .await)
    }

    /// The oldest rows of a receiver that are due.
    pub async fn list_due(&self, receiver: ReceiverId, now: Millis, limit: i64) -> sqlx::Result<Vec<Row>> {
        read!(self, |pool| sqlx::query_as(
            "select id, event, room_id, seq, rev, payload, created_at, attempts from outbox
             where kind = $1 and receiver = $2 and dead_at is null and due_at <= $3 order by id limit $4",
        )
        .bind(receiver.kind)
        .bind(receiver.id)
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await)
    }

    /// How many attempts have failed since the last that did not.
    pub async fn count_attempts(&self, receiver: ReceiverId) -> sqlx::Result<i64> {
        let statement = "select attempts from receivers where kind = $1 and id = $2";
        let attempts: Option<i64> =
            read!(self, |pool| sqlx::query_scalar(statement).bind(receiver.kind).bind(receiver.id).fetch_optional(pool).await?);
        Ok(attempts.unwrap_or(0))
    }

    /// Removes rows that were delivered, and keeps the receiver until `until`, or gives it back. `false` if it is somebody else's by now: then
    /// that one delivers them again.
    pub async fn finish_deliveries(
        &self,
        receiver: ReceiverId,
        claim: &str,
        done: &[i64],
        now: Millis,
        until: Option<Millis>,
    ) -> sqlx::Result<bool> {
        let delete = on_rows!(self, "delete from outbox");
        let (claim, done, has_done) = (claim.to_owned(), serde_json::json!(done).to_string(), !done.is_empty());
        transaction!(self, |tx| {
            // Also the order of those who wait: the one that was served last is the last.
            let kept = sqlx::query(
                "update receivers set claimed_until = $4, claimed_by = case when $4 = 0 then null else claimed_by end, due_at = $5,
                        attempts = case when $6 then 0 else attempts end,
                        failing_since = case when $6 then null else failing_since end,
                        last_error = case when $6 then null else last_error end,
                        delivered_at = case when $6 then $5 else delivered_at end
                 where kind = $1 and id = $2 and claimed_by = $3",
            )
            .bind(receiver.kind)
            .bind(receiver.id)
            .bind(&claim)
            .bind(until.map_or(0, |until| until.0))
            .bind(now)
            .bind(has_done)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if kept == 0 {
                return Ok(false);
            }
            if has_done {
                sqlx::query(delete).bind(&done).execute(&mut *tx).await?;
            }
            true
        })
    }

    /// Records a failed attempt, and gives the receiver back. Nothing, if it is somebody else's by now.
    pub async fn fail_delivery(&self, failure: Failure) -> sqlx::Result<()> {
        let (delete, done) = (on_rows!(self, "delete from outbox"), serde_json::json!(failure.done).to_string());
        transaction!(self, |tx| {
            let Failure { receiver: ReceiverId { kind, id }, claim, now, .. } = &failure;
            let kept = sqlx::query(
                "update receivers set claimed_by = null, claimed_until = 0, due_at = $4, last_error = $5,
                        attempts = case when $6 then 1 else attempts + 1 end,
                        failing_since = case when $6 then $7 else coalesce(failing_since, $7) end,
                        paused_at = case when not $6 and failing_since < $8 then $7 else paused_at end
                 where kind = $1 and id = $2 and claimed_by = $3",
            )
            .bind(*kind)
            .bind(id)
            .bind(claim)
            .bind(failure.due_at)
            .bind(&failure.error)
            .bind(!failure.done.is_empty())
            .bind(now)
            .bind(failure.pause_before)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if kept == 0 {
                return Ok(());
            }
            if !failure.done.is_empty() {
                sqlx::query(delete).bind(&done).execute(&mut *tx).await?;
            }
            sqlx::query("update outbox set attempts = attempts + 1, last_error = $2 where id = $1")
                .bind(failure.row)
                .bind(&failure.error)
                .execute(&mut *tx)
                .await?;
            // Also those behind it, which have not been tried: they would have failed as well. Not what waited for a server that did not run.
            sqlx::query(
                "update outbox set dead_at = $3, last_error = coalesce(last_error, $5)
                 where kind = $1 and receiver = $2 and dead_at is null and due_at < $4
                   and exists (select 1 from receivers where kind = $1 and id = $2 and failing_since < $4)",
            )
            .bind(*kind)
            .bind(id)
            .bind(now)
            .bind(failure.give_up_before)
            .bind(&failure.error)
            .execute(&mut *tx)
            .await?;
            sqlx::query(END_FAILURE).bind(*kind).bind(id).execute(&mut *tx).await?;
        })
    }

    /// Records a failed attempt for which only some rows wait, and keeps the receiver: the others are delivered. What is older than a day is given
    /// up with the attempt after so many. Nothing, if the receiver is somebody else's by now.
    pub async fn set_apart(&self, failure: Failure, rows: &[i64], most_attempts: i64) -> sqlx::Result<()> {
        let postpone = on_rows!(self, "update outbox set due_at = $2");
        let rows = serde_json::json!(rows).to_string();
        transaction!(self, |tx| {
            let Failure { receiver: ReceiverId { kind, id }, claim, now, .. } = &failure;
            let kept = sqlx::query(
                "update receivers set last_error = $4, attempts = attempts + 1, failing_since = coalesce(failing_since, $5)
                 where kind = $1 and id = $2 and claimed_by = $3",
            )
            .bind(*kind)
            .bind(id)
            .bind(claim)
            .bind(&failure.error)
            .bind(now)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if kept == 0 {
                return Ok(());
            }
            sqlx::query(
                "update outbox set attempts = attempts + 1, last_error = $2, due_at = $6,
                        dead_at = case when created_at < $3 and attempts >= $4 then cast($5 as bigint) end
                 where id = $1",
            )
            .bind(failure.row)
            .bind(&failure.error)
            .bind(failure.give_up_before)
            .bind(most_attempts)
            .bind(now)
            .bind(failure.due_at)
            .execute(&mut *tx)
            .await?;
            sqlx::query(postpone).bind(&rows).bind(failure.due_at).execute(&mut *tx).await?;
            sqlx::query(END_FAILURE).bind(*kind).bind(id).execute(&mut *tx).await?;
        })
    }

    /// Gives a row up that its receiver refuses for good, which is no failure of the receiver. Nothing, if that is somebody else's by now.
    pub async fn give_up_delivery(
        &self,
        receiver: ReceiverId,
        claim: &str,
        row: i64,
        error: String,
        now: Millis,
    ) -> sqlx::Result<()> {
        let claim = claim.to_owned();
        transaction!(self, |tx| {
            let kept = sqlx::query(
                "update receivers set attempts = 0, failing_since = null, last_error = $4 where kind = $1 and id = $2 and claimed_by = $3",
            )
            .bind(receiver.kind)
            .bind(receiver.id)
            .bind(&claim)
            .bind(&error)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if kept > 0 {
                sqlx::query("update outbox set dead_at = $2, attempts = attempts + 1, last_error = $3 where id = $1")
                    .bind(row)
                    .bind(now)
                    .bind(&error)
                    .execute(&mut *tx)
                    .await?;
            }
        })
    }

    /// Deletes what was given up before this moment.
    pub async fn forget_deliveries(&self, kind: &str, before: Millis) -> sqlx::Result<()> {
        let statement = "delete from outbox where kind = $1 and dead_at < $2";
        write!(self, |pool| sqlx::query(statement).bind(kind).bind(before).execute(pool).await.map(drop))
    }

    /// Removes everything that waits for a receiver that takes nothing any more, which ends its failure.
    pub async fn drop_receiver_rows(&self, receiver: ReceiverId) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            for statement in [
                "update receivers set attempts = 0, failing_since = null where kind = $1 and id = $2",
                "delete from outbox where kind = $1 and receiver = $2 and dead_at is null",
            ] {
                sqlx::query(statement).bind(receiver.kind).bind(receiver.id).execute(&mut *tx).await?;
            }
        })
    }

    /// Nothing that waits for a receiver is due before this moment.
    pub async fn postpone_deliveries(&self, receiver: ReceiverId, until: Millis) -> sqlx::Result<()> {
        let statement = "update outbox set due_at = $3 where kind = $1 and receiver = $2 and dead_at is null and due_at < $3";
        write!(self, |pool| sqlx::query(statement)
            .bind(receiver.kind)
            .bind(receiver.id)
            .bind(until)
            .execute(pool)
            .await
            .map(drop))
    }

    /// Turns a receiver off that refused a row, and everything from now on, at this address: what waits for it is given up. `false`, and
    /// nothing, if it is somebody else's by now, or has another address: that one may be the right one.
    pub async fn turn_off_receiver(
        &self,
        receiver: ReceiverId,
        claim: &str,
        url: &str,
        row: i64,
        why: &str,
        now: Millis,
    ) -> sqlx::Result<bool> {
        let (claim, url, why) = (claim.to_owned(), url.to_owned(), why.to_owned());
        transaction!(self, |tx| {
            let ReceiverId { kind, id } = receiver;
            // The webhook first, as whoever changes it does.
            let off = sqlx::query("update webhooks set is_on = false where $1 = 'webhook' and id = $2 and url = $3")
                .bind(kind)
                .bind(id)
                .bind(&url)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if off == 0 {
                return Ok(false);
            }
            let kept = sqlx::query(
                "update receivers set attempts = 0, failing_since = null, last_error = $4 where kind = $1 and id = $2 and claimed_by = $3",
            )
            .bind(kind)
            .bind(id)
            .bind(&claim)
            .bind(&why)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if kept == 0 {
                return Ok(false);
            }
            let statement =
                "update outbox set dead_at = $3, last_error = $4, attempts = case when id = $5 then attempts + 1 else attempts end
                 where kind = $1 and receiver = $2 and dead_at is null";
            sqlx::query(statement).bind(kind).bind(id).bind(now).bind(&why).bind(row).execute(&mut *tx).await?;
            true
        })
    }

    /// Receivers of a kind that become full, because more than `most` rows wait for them, or are full no more, because half of that was delivered.
    /// Rows from before somebody turned a receiver on again do not count.
    pub async fn list_filled(&self, kind: &str, most: i64) -> sqlx::Result<Vec<i64>> {
        let statement = concat!("select id from receivers where kind = $1 and ", fills!());
        read!(self, |pool| sqlx::query_scalar(statement).bind(kind).bind(most).bind(most / 2).fetch_all(pool).await)
    }

    /// Notes that one of them becomes full, or is no more, if that is still so: somebody may have turned it on meanwhile. Returns whether it is
    /// full from now on.
    pub async fn note_full(&self, kind: &str, id: i64, most: i64, now: Millis) -> sqlx::Result<bool> {
        let statement = concat!(
            "update receivers set full_at = case when full_at is null then cast($5 as bigint) end where kind = $1 and id = $4 and ",
            fills!(),
            " returning full_at is not null"
        );
        let is_full: Option<bool> = write!(self, |pool| sqlx::query_scalar(statement)
            .bind(kind)
            .bind(most)
            .bind(most / 2)
            .bind(id)
            .bind(now)
            .fetch_optional(pool)
            .await?);
        Ok(is_full.unwrap_or(false))
    }

    /// Releases all claims, on SQLite, where only a process that is gone can have made them.
    pub async fn release_receivers(&self) -> sqlx::Result<()> {
        if let Self::Sqlite(sqlite) = self {
            sqlx::query("update receivers set claimed_by = null, claimed_until = 0 where claimed_until > 0")
                .execute(&sqlite.write)
                .await?;
        }
        Ok(())
    }

    /// Adds a row that no change of a room goes with.
    pub async fn insert_delivery(
        &self,
        receiver: ReceiverId,
        event: &str,
        payload: Option<&str>,
        now: Millis,
    ) -> sqlx::Result<()> {
        let statement = "insert into outbox (kind, receiver, event, payload, created_at, due_at) values ($1, $2, $3, $4, $5, $5)";
        write!(self, |pool| sqlx::query(statement)
            .bind(receiver.kind)
            .bind(receiver.id)
            .bind(event)
            .bind(payload)
            .bind(now)
            .execute(pool)
            .await
            .map(drop))
    }
}
