//! Statements on the outbox: what is to be delivered to whom, and who delivers it now.
//!
//! Owns that a receiver has one deliverer at a time, by its claim, that rows of a receiver are listed in their order, and that only whoever
//! has the claim can remove them. Whoever changes both locks the receiver before its rows, so that nobody deadlocks. The ledger adds rows
//! (`db::ledger`). It must not decide when something is tried again or given up.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::RoomId;
use crate::security_log::Event;

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

/// Something that waits or was given up, for administrators.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Listed {
    /// Its id.
    pub id: i64,
    /// What happened.
    pub event: String,
    /// The slug of the room, if that is public: others are nobody's business.
    pub room: Option<String>,
    /// When it happened.
    pub created_at: Millis,
    /// From when on it is to be delivered.
    pub due_at: Millis,
    /// How often that failed.
    pub attempts: i64,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it was given up.
    pub dead_at: Option<Millis>,
}

/// How a receiver is.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Receiver {
    /// Its kind.
    pub kind: String,
    /// Which of them.
    pub id: i64,
    /// Who that is: the address of a webhook, or a username.
    pub name: Option<String>,
    /// How much waits.
    pub waiting: i64,
    /// How much was given up.
    pub dead: i64,
    /// When the next attempt is due.
    pub due_at: Millis,
    /// How many attempts have failed since the last that did not.
    pub attempts: i64,
    /// Since when they fail.
    pub failing_since: Option<Millis>,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// When something was delivered last.
    pub delivered_at: Option<Millis>,
    /// Since when nothing is tried.
    pub paused_at: Option<Millis>,
}

/// How much there is in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct OutboxCounts {
    /// What will be delivered.
    pub waiting: i64,
    /// What was given up.
    pub dead: i64,
    /// Receivers whose last attempt failed.
    pub failing: i64,
    /// Receivers that nothing is tried for.
    pub paused: i64,
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

/// Adds a row by itself: kind, receiver, event, payload, and twice the present moment.
const INSERT: &str = "insert into outbox (kind, receiver, event, payload, created_at, due_at) values ($1, $2, $3, $4, $5, $6)";

impl Db {
    /// The condition that an id is in a JSON array, the first parameter.
    fn outbox_rows(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "delete from outbox where id in (select value from json_each($1))",
            Self::Postgres(_) => {
                "delete from outbox where id in (select cast(value as bigint) from json_array_elements_text(cast($1 as json)))"
            }
        }
    }

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
                                   and outbox.dead_at is null and outbox.due_at <= $2)
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
        let (delete, claim, done, has_done) =
            (self.outbox_rows(), claim.to_owned(), serde_json::json!(done).to_string(), !done.is_empty());
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
        let (delete, done) = (self.outbox_rows(), serde_json::json!(failure.done).to_string());
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
        })
    }

    /// Records a failed attempt for which only some rows wait, and keeps the receiver: the others are delivered. What is older than a day is given
    /// up with the attempt after so many. Nothing, if the receiver is somebody else's by now.
    pub async fn set_apart(&self, failure: Failure, rows: Vec<i64>, most_attempts: i64) -> sqlx::Result<()> {
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
            for row in &rows {
                sqlx::query("update outbox set due_at = $2 where id = $1")
                    .bind(row)
                    .bind(failure.due_at)
                    .execute(&mut *tx)
                    .await?;
            }
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

    /// Removes everything that waits for a receiver that takes nothing any more.
    pub async fn drop_receiver_rows(&self, receiver: ReceiverId) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query("delete from outbox where kind = $1 and receiver = $2 and dead_at is null")
            .bind(receiver.kind)
            .bind(receiver.id)
            .execute(pool)
            .await
            .map(drop))
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

    /// How many rows wait for a receiver, if they are more than `most`.
    pub async fn count_overfull(&self, receiver: ReceiverId, most: i64) -> sqlx::Result<Option<i64>> {
        let has_more: Option<i64> = read!(self, |pool| sqlx::query_scalar(
            "select id from outbox where kind = $1 and receiver = $2 and dead_at is null order by id limit 1 offset $3",
        )
        .bind(receiver.kind)
        .bind(receiver.id)
        .bind(most)
        .fetch_optional(pool)
        .await?);
        if has_more.is_none() {
            return Ok(None);
        }
        let statement = "select count(*) from outbox where kind = $1 and receiver = $2 and dead_at is null";
        let count =
            read!(self, |pool| sqlx::query_scalar(statement).bind(receiver.kind).bind(receiver.id).fetch_one(pool).await?);
        Ok(Some(count))
    }

    /// Pauses a receiver for which no fewer than so many rows wait; returns whether it did.
    pub async fn pause_overfull(&self, receiver: ReceiverId, than: i64, now: Millis) -> sqlx::Result<bool> {
        let statement = "update receivers set paused_at = coalesce(paused_at, $3), last_error = coalesce(last_error, $4)
             where kind = $1 and id = $2
               and (select count(*) from outbox where kind = $1 and receiver = $2 and dead_at is null) >= $5";
        let paused = write!(self, |pool| sqlx::query(statement)
            .bind(receiver.kind)
            .bind(receiver.id)
            .bind(now)
            .bind("too much waits: it is slower than the rooms")
            .bind(than)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(paused > 0)
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
        write!(self, |pool| sqlx::query(INSERT)
            .bind(receiver.kind)
            .bind(receiver.id)
            .bind(event)
            .bind(payload)
            .bind(now)
            .bind(now)
            .execute(pool)
            .await
            .map(drop))
    }

    /// How much there is in the outbox.
    pub async fn count_outbox(&self) -> sqlx::Result<OutboxCounts> {
        read!(self, |pool| sqlx::query_as(
            "select (select count(*) from outbox where dead_at is null) as waiting,
                    (select count(*) from outbox where dead_at is not null) as dead,
                    (select count(*) from receivers where failing_since is not null and paused_at is null) as failing,
                    (select count(*) from receivers where paused_at is not null) as paused",
        )
        .fetch_one(pool)
        .await)
    }

    /// Since when the oldest is due that is delivered, or tried again and again; none: nothing is due.
    pub async fn outbox_due_since(&self, now: Millis) -> sqlx::Result<Option<Millis>> {
        read!(self, |pool| {
            sqlx::query_scalar(
            "select min(outbox.due_at) from outbox join receivers on receivers.kind = outbox.kind and receivers.id = outbox.receiver
             where dead_at is null and paused_at is null and outbox.due_at <= $1",
        )
        .bind(now)
        .fetch_one(pool)
        .await
        })
    }

    /// Up to `limit` receivers that something waits for, was given up for, or that are paused, after a kind and id.
    pub async fn list_receivers(&self, after: (&str, i64), limit: i64) -> sqlx::Result<Vec<Receiver>> {
        read!(self, |pool| {
            sqlx::query_as(
            "select * from (
                select receivers.kind, receivers.id, coalesce(webhooks.url, username) as name,
                       (select count(*) from outbox where outbox.kind = receivers.kind and outbox.receiver = receivers.id
                        and dead_at is null) as waiting,
                       (select count(*) from outbox where outbox.kind = receivers.kind and outbox.receiver = receivers.id
                        and dead_at is not null) as dead,
                       due_at, attempts, failing_since, last_error, delivered_at, paused_at
                from receivers left join webhooks on receivers.kind = 'webhook' and webhooks.id = receivers.id
                left join push_subscriptions on receivers.kind = 'push' and push_subscriptions.id = receivers.id
                left join users on users.id = case receivers.kind when 'push' then push_subscriptions.user_id when 'mail' then receivers.id
                    when 'account' then receivers.id when 'address' then receivers.id end
                where (receivers.kind, receivers.id) > ($1, $2)) as listed
             where waiting > 0 or dead > 0 or paused_at is not null or failing_since is not null order by kind, id limit $3",
        )
        .bind(after.0)
        .bind(after.1)
        .bind(limit)
        .fetch_all(pool)
        .await
        })
    }

    /// Up to `limit` rows of a receiver after the one with this id, in their order.
    pub async fn list_deliveries(&self, kind: &str, receiver: i64, after: i64, limit: i64) -> sqlx::Result<Vec<Listed>> {
        read!(self, |pool| {
            sqlx::query_as(
            "select outbox.id, event, case when rooms.visibility = 'public' then rooms.slug end as room, outbox.created_at, due_at,
                    attempts, last_error, dead_at
             from outbox left join rooms on rooms.id = room_id and rooms.removed_at is null
             where outbox.kind = $1 and receiver = $2 and outbox.id > $3 order by outbox.id limit $4",
        )
        .bind(kind)
        .bind(receiver)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await
        })
    }

    /// Has a row of a receiver delivered now, even one that was given up; `false` if the receiver has no such row. It has its old place in
    /// the order.
    pub async fn redeliver(&self, kind: &str, receiver: i64, id: i64, now: Millis, event: &Event) -> sqlx::Result<bool> {
        let (kind, rows) = (kind.to_owned(), rows([event]));
        transaction!(self, |tx| {
            // The receiver first, as its deliverer does: in another order the two wait for each other.
            sqlx::query(
                "update receivers set due_at = $4, paused_at = null, failing_since = null where kind = $1 and id = $2
                   and exists (select 1 from outbox where outbox.id = $3 and outbox.kind = $1 and outbox.receiver = $2)",
            )
            .bind(&kind)
            .bind(receiver)
            .bind(id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            let statement =
                "update outbox set dead_at = null, attempts = 0, due_at = $4 where kind = $1 and receiver = $2 and id = $3";
            let due = sqlx::query(statement).bind(&kind).bind(receiver).bind(id).bind(now).execute(&mut *tx).await?;
            if due.rows_affected() == 0 {
                return Ok(false);
            }
            record!(tx, rows);
            true
        })
    }

    /// Has everything of a receiver delivered now, also what was given up, and ends a pause; `false` if there is no such receiver.
    pub async fn redeliver_all(&self, kind: &str, receiver: i64, now: Millis, event: &Event) -> sqlx::Result<bool> {
        let (kind, rows) = (kind.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let resumed = sqlx::query(
                "update receivers set due_at = $3, paused_at = null, failing_since = null, attempts = 0 where kind = $1 and id = $2",
            )
            .bind(&kind)
            .bind(receiver)
            .bind(now)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if resumed == 0 {
                return Ok(false);
            }
            let statement = "update outbox set dead_at = null, attempts = 0, due_at = $3
                 where kind = $1 and receiver = $2 and (dead_at is not null or due_at > $3)";
            sqlx::query(statement).bind(&kind).bind(receiver).bind(now).execute(&mut *tx).await?;
            record!(tx, rows);
            true
        })
    }

    /// Deletes a row of a receiver: it will never be delivered. `false` if the receiver has no such row.
    pub async fn delete_delivery(&self, kind: &str, receiver: i64, id: i64, event: &Event) -> sqlx::Result<bool> {
        let (kind, rows) = (kind.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let statement = "delete from outbox where kind = $1 and receiver = $2 and id = $3";
            let deleted = sqlx::query(statement).bind(&kind).bind(receiver).bind(id).execute(&mut *tx).await?.rows_affected();
            if deleted > 0 {
                record!(tx, rows);
            }
            deleted > 0
        })
    }

    /// Deletes everything of a receiver, and ends a pause; `false` if there is no such receiver.
    pub async fn delete_deliveries(&self, kind: &str, receiver: i64, event: &Event) -> sqlx::Result<bool> {
        let (kind, rows) = (kind.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let resumed = sqlx::query(
                "update receivers set due_at = 0, paused_at = null, failing_since = null, attempts = 0, last_error = null
                 where kind = $1 and id = $2",
            )
            .bind(&kind)
            .bind(receiver)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if resumed == 0 {
                return Ok(false);
            }
            let statement = "delete from outbox where kind = $1 and receiver = $2";
            sqlx::query(statement).bind(&kind).bind(receiver).execute(&mut *tx).await?;
            record!(tx, rows);
            true
        })
    }
}
