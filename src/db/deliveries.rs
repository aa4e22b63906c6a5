//! Statements on the outbox of administrators: what waits or was given up, for whom, and that it is delivered now or never.
//!
//! Owns that each change is recorded in the transaction that makes it, and that what is another receiver's is not found. The receiver is
//! locked before its rows, as its deliverer does (`db::outbox`): in another order the two would wait for each other.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::outbox::{is_on, resumed};
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::security_log::Event;

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
    /// When the next attempt is due: when it may be tried again, and something that waits may be delivered.
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
    /// Since when so much waits that nothing more is kept.
    pub full_at: Option<Millis>,
    /// Whether it is a webhook that is off.
    pub is_off: bool,
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
    /// Receivers that nothing is kept for: they are paused, or too much waits.
    pub paused: i64,
}

/// The condition that a row of `outbox` is the one with this id, or any, if that is null. As a range, which SQLite looks up.
macro_rules! is_chosen {
    ($id:literal) => {
        concat!("id between coalesce(", $id, ", 0) and coalesce(", $id, ", 9223372036854775807)")
    };
}

impl Db {
    /// How much there is in the outbox.
    pub async fn count_outbox(&self) -> sqlx::Result<OutboxCounts> {
        read!(self, |pool| sqlx::query_as(
            "select (select count(*) from outbox where dead_at is null) as waiting,
                    (select count(*) from outbox where dead_at is not null) as dead,
                    (select count(*) from receivers where failing_since is not null and paused_at is null) as failing,
                    (select count(*) from receivers where paused_at is not null or full_at is not null) as paused",
        )
        .fetch_one(pool)
        .await)
    }

    /// Since when the oldest is due that is delivered, or tried again and again; none: nothing is due.
    pub async fn outbox_due_since(&self, now: Millis) -> sqlx::Result<Option<Millis>> {
        read!(self, |pool| {
            sqlx::query_scalar(concat!(
            "select min(outbox.due_at) from outbox join receivers on receivers.kind = outbox.kind and receivers.id = outbox.receiver
             where dead_at is null and paused_at is null and outbox.due_at <= $1 and ",
            is_on!()
        ))
        .bind(now)
        .fetch_one(pool)
        .await
        })
    }

    /// Up to `limit` receivers that something waits for, was given up for, or that are paused or full, after a kind and id.
    pub async fn list_receivers(&self, after: (&str, i64), limit: i64) -> sqlx::Result<Vec<Receiver>> {
        read!(self, |pool| {
            sqlx::query_as(
            "select * from (
                select receivers.kind, receivers.id, coalesce(webhooks.url, username) as name,
                       (select count(*) from outbox where outbox.kind = receivers.kind and outbox.receiver = receivers.id
                        and dead_at is null) as waiting,
                       (select count(*) from outbox where outbox.kind = receivers.kind and outbox.receiver = receivers.id
                        and dead_at is not null) as dead,
                       coalesce((select case when min(outbox.due_at) > receivers.due_at then min(outbox.due_at) end from outbox
                                 where outbox.kind = receivers.kind and outbox.receiver = receivers.id and dead_at is null),
                                receivers.due_at) as due_at,
                       attempts, failing_since, last_error, delivered_at, paused_at, full_at,
                       coalesce(not webhooks.is_on, false) as is_off
                from receivers left join webhooks on receivers.kind = 'webhook' and webhooks.id = receivers.id
                left join push_subscriptions on receivers.kind = 'push' and push_subscriptions.id = receivers.id
                left join users on users.id = case receivers.kind when 'push' then push_subscriptions.user_id when 'mail' then receivers.id
                    when 'account' then receivers.id when 'address' then receivers.id end
                where (receivers.kind, receivers.id) > ($1, $2)) as listed
             where waiting > 0 or dead > 0 or paused_at is not null or full_at is not null or failing_since is not null
             order by kind, id limit $3",
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

    /// Whether a receiver is a webhook that is off.
    pub async fn is_receiver_off(&self, kind: &str, id: i64) -> sqlx::Result<bool> {
        let statement = concat!("select exists (select 1 from receivers where kind = $1 and id = $2 and not ", is_on!(), ")");
        read!(self, |pool| sqlx::query_scalar(statement).bind(kind).bind(id).fetch_one(pool).await)
    }

    /// Has a row of a receiver delivered now, even one that was given up; all of them, if none is named. It ends a pause. `false` if there is no
    /// such row, or receiver. A row has its old place in the order.
    pub async fn redeliver(&self, kind: &str, receiver: i64, id: Option<i64>, now: Millis, event: &Event) -> sqlx::Result<bool> {
        let (kind, rows) = (kind.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let resumed = sqlx::query(concat!(
                "update receivers set due_at = $4, ",
                resumed!(),
                " where kind = $1 and id = $2 and ($3 is null
                      or exists (select 1 from outbox where outbox.id = $3 and outbox.kind = $1 and outbox.receiver = $2))"
            ))
            .bind(&kind)
            .bind(receiver)
            .bind(id)
            .bind(now)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if resumed == 0 {
                return Ok(false);
            }
            let statement = concat!(
                "update outbox set dead_at = null, attempts = 0, due_at = $4 where kind = $1 and receiver = $2 and ",
                is_chosen!("$3"),
                " and ($3 is not null or dead_at is not null or due_at > $4)"
            );
            sqlx::query(statement).bind(&kind).bind(receiver).bind(id).bind(now).execute(&mut *tx).await?;
            record!(tx, rows);
            true
        })
    }

    /// Deletes a row of a receiver: it will never be delivered. All of them, if none is named, which ends a pause. With the last that waits, a
    /// failure ends. `false` if there is no such row, or receiver.
    pub async fn delete_deliveries(&self, kind: &str, receiver: i64, id: Option<i64>, event: &Event) -> sqlx::Result<bool> {
        let (kind, rows) = (kind.to_owned(), rows([event]));
        transaction!(self, |tx| {
            let resumed = sqlx::query(
                "update receivers set due_at = 0, paused_at = null, full_at = null, failing_since = null, attempts = 0, last_error = null
                 where kind = $1 and id = $2 and ($3 is null or (paused_at is null
                     and exists (select 1 from outbox where outbox.id = $3 and outbox.kind = $1 and outbox.receiver = $2)
                     and not exists (select 1 from outbox where outbox.kind = $1 and outbox.receiver = $2
                                     and outbox.dead_at is null and outbox.id <> $3)))",
            )
            .bind(&kind)
            .bind(receiver)
            .bind(id)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            let statement = concat!("delete from outbox where kind = $1 and receiver = $2 and ", is_chosen!("$3"));
            let deleted = sqlx::query(statement).bind(&kind).bind(receiver).bind(id).execute(&mut *tx).await?.rows_affected();
            let found = if id.is_some() { deleted } else { resumed };
            if found == 0 {
                return Ok(false);
            }
            record!(tx, rows);
            true
        })
    }
}
