//! Statements on messages that are being deleted in steps.
//!
//! Owns which messages are next, and what is left to do after a crash. The ledger deletes them.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::people::pattern;
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{RoomId, UserId};
use crate::security_log::Event;

/// How many messages a step looks at.
const WINDOW: i64 = 5_000;

/// What is to be done with the messages of a person.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Cleanup {
    /// Its id.
    pub id: i64,
    /// Whose messages.
    pub user_id: UserId,
    /// The former username of a deleted account, which is taken out of messages.
    pub username: Option<String>,
    /// Whether their messages are deleted.
    pub deletes: bool,
    /// Only messages from then on are deleted.
    pub since: Millis,
    /// The id of the last message that was looked at.
    pub next_id: i64,
}

/// How far it is, for administrators.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CleanupProgress {
    /// Its id.
    pub id: i64,
    /// Whose messages: their username now.
    pub username: String,
    /// Who requested it.
    pub requested_by: Option<String>,
    /// When.
    pub requested_at: Millis,
    /// How many messages were deleted.
    pub deleted: i64,
    /// How much is done, in percent.
    pub percent: i64,
    /// When it was finished.
    pub finished_at: Option<Millis>,
}

/// The messages of a step, and the last one that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Room and `seq`, in order of ids.
    pub messages: Vec<(RoomId, i64)>,
    /// The id to go on from.
    pub next_id: i64,
    /// Whether there is none after it.
    pub is_last: bool,
}

impl Db {
    /// Requests that messages of a person are deleted, those from `since` on.
    pub async fn insert_cleanup(&self, user: UserId, by: &str, now: Millis, since: Millis, event: &Event) -> sqlx::Result<()> {
        let (by, rows) = (by.to_owned(), rows([event]));
        transaction!(self, |tx| {
            sqlx::query(
                "insert into cleanups (user_id, requested_by, requested_at, deletes, since) values ($1, $2, $3, true, $4)",
            )
            .bind(user)
            .bind(&by)
            .bind(now)
            .bind(since)
            .execute(&mut *tx)
            .await?;
            record!(tx, rows);
        })
    }

    /// Claims the next unfinished request until `until`.
    pub async fn claim_cleanup(&self, now: Millis, until: Millis) -> sqlx::Result<Option<Cleanup>> {
        write!(self, |pool| sqlx::query_as(
            "update cleanups set claimed_until = $2
             where id = (select id from cleanups where finished_at is null and claimed_until <= $1 order by id limit 1)
               and claimed_until <= $1
             returning id, user_id, username, deletes, since, next_id",
        )
        .bind(now)
        .bind(until)
        .fetch_optional(pool)
        .await)
    }

    /// Releases all claims, on SQLite, where only this process can have made them.
    pub async fn release_cleanups(&self) -> sqlx::Result<()> {
        if let Self::Sqlite(sqlite) = self {
            sqlx::query("update cleanups set claimed_until = 0 where finished_at is null").execute(&sqlite.write).await?;
        }
        Ok(())
    }

    /// The next messages of a request, up to `limit`.
    pub async fn list_cleanup(&self, cleanup: &Cleanup, limit: i64) -> sqlx::Result<Found> {
        let name = cleanup.username.as_deref();
        let (end, rows): (i64, Vec<(i64, RoomId, i64)>) = read!(self, |pool| {
            let end: Option<i64> = sqlx::query_scalar("select max(id) from messages").fetch_one(pool).await?;
            let end = end.unwrap_or(0).min(cleanup.next_id + WINDOW);
            let rows = sqlx::query_as(
                "select id, room_id, seq from messages
                 where id > $1 and id <= $2 and (
                     ($3 and author_id = $4 and kind = 'text' and deleted_at is null and created_at >= $5)
                     or (kind <> 'text' and body = $6) or mentions like $7 escape '\\')
                 order by id limit $8",
            )
            .bind(cleanup.next_id)
            .bind(end)
            .bind(cleanup.deletes)
            .bind(cleanup.user_id)
            .bind(cleanup.since)
            .bind(name)
            .bind(name.map(|name| pattern(&format!("\"{name}\""))))
            .bind(limit)
            .fetch_all(pool)
            .await?;
            (end, rows)
        });
        let is_full = rows.len() as i64 == limit;
        let next_id = rows.last().filter(|_| is_full).map_or(end, |(id, ..)| *id);
        let is_last = !is_full && end < cleanup.next_id + WINDOW;
        Ok(Found { messages: rows.into_iter().map(|(_, room, seq)| (room, seq)).collect(), next_id, is_last })
    }

    /// Records a step, and claims the request until `until`.
    pub async fn step_cleanup(&self, id: i64, next_id: i64, deleted: u64, until: Millis) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "update cleanups set next_id = $2, deleted = deleted + $3, claimed_until = $4 where id = $1"
        )
        .bind(id)
        .bind(next_id)
        .bind(i64::try_from(deleted).unwrap_or(i64::MAX))
        .bind(until)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Finishes a request, forgets the name of a deleted account, and deletes requests that were finished before `kept_from`.
    pub async fn finish_cleanup(&self, id: i64, now: Millis, kept_from: Millis) -> sqlx::Result<()> {
        write!(self, |pool| {
            sqlx::query("update cleanups set finished_at = $2, username = null where id = $1")
                .bind(id)
                .bind(now)
                .execute(pool)
                .await?;
            sqlx::query("delete from cleanups where finished_at < $1").bind(kept_from).execute(pool).await.map(drop)
        })
    }

    /// How far requests are, the latest first.
    pub async fn list_cleanups(&self, limit: i64) -> sqlx::Result<Vec<CleanupProgress>> {
        read!(self, |pool| sqlx::query_as(
            "select cleanups.id, users.username, requested_by, requested_at, deleted, finished_at,
                    case when finished_at is not null then 100
                         else cast(next_id * 100 / (select coalesce(max(id), 0) + 1 from messages) as bigint) end as percent
             from cleanups join users on users.id = user_id order by cleanups.id desc limit $1",
        )
        .bind(limit)
        .fetch_all(pool)
        .await)
    }
}
