//! Statements on the archives with their own data that people ask for.
//!
//! Owns that somebody has one on its way at most, and that asking again is decided in the transaction that adds the job. An archive is a row
//! of `files` with the purpose `export`: only its owner can read it (`db::files`), and it is deleted when it expires, as uploads are.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::jobs::INSERT;
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::{Task, UserId};
use crate::security_log::Event;

/// An archive that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Archive {
    /// The file's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: i64,
    /// When it was made.
    pub created_at: Millis,
    /// When it is deleted.
    pub expires_at: Millis,
}

/// What became of a request for an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// It will be made.
    Done,
    /// One is on its way already.
    Waiting,
    /// There is one, or one has failed, and there cannot be another before this moment.
    TooSoon(Millis),
}

/// How long somebody waits before they can ask again, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// After an archive.
    pub made: i64,
    /// After one that could not be made.
    pub failed: i64,
}

impl Waits {
    /// Until when somebody cannot ask again, by when the last archive was made, and when the last attempt failed.
    #[must_use]
    pub fn end(self, made: Option<Millis>, failed: Option<Millis>) -> Option<Millis> {
        made.map(|at| at.plus(self.made)).max(failed.map(|at| at.plus(self.failed)))
    }
}

impl Db {
    /// The username of somebody whose account is open.
    pub async fn find_open_username(&self, user: UserId) -> sqlx::Result<Option<String>> {
        let statement = "select username from users where id = $1 and banned_at is null";
        read!(self, |pool| sqlx::query_scalar(statement).bind(user).fetch_optional(pool).await)
    }

    /// Somebody's latest archive.
    pub async fn find_archive(&self, user: UserId, now: Millis) -> sqlx::Result<Option<Archive>> {
        let statement = "select id, name, bytes, created_at, expires_at from files
             where owner_id = $1 and purpose = 'export' and hash is not null and expires_at > $2 order by created_at desc, id limit 1";
        read!(self, |pool| sqlx::query_as(statement).bind(user).bind(now).fetch_optional(pool).await)
    }

    /// The job that makes somebody's archive: when they asked, and when it was given up.
    pub async fn find_archive_job(&self, task: &Task) -> sqlx::Result<Option<(Millis, Option<Millis>)>> {
        let statement = "select created_at, dead_at from jobs where kind = $1 and payload = $2 order by id desc limit 1";
        read!(self, |pool| sqlx::query_as(statement).bind(task.kind()).bind(task.payload()).fetch_optional(pool).await)
    }

    /// Adds the job that makes somebody's archive, unless one is on its way, or it is too soon after the last.
    pub async fn request_archive(
        &self,
        user: UserId,
        task: &Task,
        waits: Waits,
        now: Millis,
        event: &Event,
    ) -> sqlx::Result<Requested> {
        let (kind, payload, rows) = (task.kind(), task.payload(), rows([event]));
        // On Postgres two requests may be decided at once; the second one waits for the first.
        let lock = match self {
            Self::Sqlite(_) => "select id from users where id = $1",
            Self::Postgres(_) => "select id from users where id = $1 for update",
        };
        transaction!(self, |tx| {
            let _: Option<i64> = sqlx::query_scalar(lock).bind(user).fetch_optional(&mut *tx).await?;
            let waiting = "select id from jobs where kind = $1 and payload = $2 and dead_at is null limit 1";
            let waiting: Option<i64> = sqlx::query_scalar(waiting).bind(kind).bind(&payload).fetch_optional(&mut *tx).await?;
            if waiting.is_some() {
                return Ok(Requested::Waiting);
            }
            let made = "select max(created_at) from files where owner_id = $1 and purpose = 'export'";
            let made: Option<Millis> = sqlx::query_scalar(made).bind(user).fetch_one(&mut *tx).await?;
            let failed = "select max(dead_at) from jobs where kind = $1 and payload = $2";
            let failed: Option<Millis> = sqlx::query_scalar(failed).bind(kind).bind(&payload).fetch_one(&mut *tx).await?;
            if let Some(until) = waits.end(made, failed).filter(|until| *until > now) {
                return Ok(Requested::TooSoon(until));
            }
            // One that was given up is replaced.
            sqlx::query("delete from jobs where kind = $1 and payload = $2").bind(kind).bind(&payload).execute(&mut *tx).await?;
            sqlx::query(INSERT).bind(kind).bind(&payload).bind(now).bind(now).execute(&mut *tx).await?;
            record!(tx, rows);
            Requested::Done
        })
    }
}
