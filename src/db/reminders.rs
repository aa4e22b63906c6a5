//! Statements on reminders, which are jobs that become due later.
//!
//! Owns that a bounded number waits for a person. It must not decide when one is due.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::{Task, UserId};

/// Adds the job: kind, payload, now, and when it is due.
const INSERT: &str = "insert into jobs (kind, payload, created_at, due_at) values ($1, $2, $3, $4) returning id";

/// A reminder that waits.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Reminder {
    /// The job's id.
    pub id: i64,
    /// The job's payload.
    pub payload: String,
    /// When it is due.
    pub due_at: Millis,
}

/// One to add.
#[derive(Clone, Debug)]
pub struct NewReminder {
    /// Whose it is.
    pub user: UserId,
    /// The job.
    pub task: Task,
    /// The nonce in it: hexadecimal digits.
    pub nonce: String,
    /// When it is due.
    pub due: Millis,
}

/// The end of the payloads of a person's reminders, as a pattern: `user` is the last field of the task.
fn pattern(user: UserId) -> String {
    format!("%,\"user\":{user}}}")
}

impl Db {
    /// Adds a reminder, unless one with its nonce waits. Returns the one that waits, and whether it is new; `None` if as many wait for the
    /// person as may.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_reminder(&self, new: &NewReminder, now: Millis, most: i64) -> sqlx::Result<Option<(Reminder, bool)>> {
        let (kind, payload) = (new.task.kind(), new.task.payload());
        let (owned, same) = (pattern(new.user), format!("{{\"nonce\":\"{}\",%", new.nonce));
        let (user, due) = (new.user, new.due);
        transaction!(self, |tx| {
            // Locks the person's row: their reminders are counted one at a time, on all nodes.
            sqlx::query("update users set is_admin = is_admin where id = $1").bind(user).execute(&mut *tx).await?;
            let waiting = "select id, payload, due_at from jobs where kind = $1 and dead_at is null and payload like $2 and payload like $3";
            let known: Option<Reminder> =
                sqlx::query_as(waiting).bind(kind).bind(&owned).bind(&same).fetch_optional(&mut *tx).await?;
            if let Some(known) = known {
                return Ok(Some((known, false)));
            }
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from jobs where kind = $1 and dead_at is null and payload like $2")
                    .bind(kind)
                    .bind(&owned)
                    .fetch_one(&mut *tx)
                    .await?;
            if waiting >= most {
                return Ok(None);
            }
            let id: i64 = sqlx::query_scalar(INSERT).bind(kind).bind(&payload).bind(now).bind(due).fetch_one(&mut *tx).await?;
            Some((Reminder { id, payload, due_at: due }, true))
        })
    }

    /// Up to `limit` reminders that wait for a person, the next one first, from behind the one that is due then and has this id.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_reminders(&self, user: UserId, after: (Millis, i64), limit: i64) -> sqlx::Result<Vec<Reminder>> {
        let statement = "select id, payload, due_at from jobs where kind = 'remind' and dead_at is null and payload like $1
               and (due_at > $2 or (due_at = $2 and id > $3)) order by due_at, id limit $4";
        read!(self, |pool| sqlx::query_as(statement)
            .bind(pattern(user))
            .bind(after.0)
            .bind(after.1)
            .bind(limit)
            .fetch_all(pool)
            .await)
    }

    /// Deletes a reminder of a person's; `false` if they have none with this id.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_reminder(&self, user: UserId, id: i64) -> sqlx::Result<bool> {
        let statement = "delete from jobs where kind = 'remind' and dead_at is null and id = $1 and payload like $2";
        let pattern = pattern(user);
        let deleted = write!(self, |pool| sqlx::query(statement).bind(id).bind(&pattern).execute(pool).await?.rows_affected());
        Ok(deleted > 0)
    }

    /// The oldest bot of the server's own with this name that no webhook has.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_server_bot(&self, name: &str) -> sqlx::Result<Option<UserId>> {
        let statement = "select id from users where is_bot and bot_owner_id is null and name = $1 and banned_at is null
               and not exists (select 1 from hooks where bot_id = users.id) order by id limit 1";
        read!(self, |pool| sqlx::query_scalar(statement).bind(name).fetch_optional(pool).await)
    }
}
