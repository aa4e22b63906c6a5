//! Statements on jobs: what is to be done after a commit, whatever happens to a process.
//!
//! Owns that a job has one owner at a time, by its claim, and that only its owner can finish it. It must not decide when a job is tried
//! again, or do what it says.

use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::security_log::Event;

/// Adds a job, in the transaction of what it follows from: kind, payload, and twice the present moment.
pub(super) const INSERT: &str = "insert into jobs (kind, payload, created_at, due_at) values ($1, $2, $3, $4)";

/// Deletes a job, or makes it due.
const DELETE: &str = "delete from jobs where id = $1 and claimed_until <= $2";
const RETRY: &str = "update jobs set dead_at = null, attempts = 0, due_at = $2 where id = $1 and claimed_until <= $2";

/// A job that somebody works on.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ClaimedJob {
    /// Its id.
    pub id: i64,
    /// What it does: a JSON object.
    pub payload: String,
    /// How often it was tried, with this time.
    pub attempts: i64,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It will be done.
    Waiting,
    /// Somebody does it.
    Running,
    /// It was given up.
    Dead,
}

impl JobState {
    /// Its name in URLs and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }

    /// The state with this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Running, Self::Dead].into_iter().find(|state| state.as_str() == text)
    }
}

/// A job, for administrators.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Job {
    /// Its id.
    pub id: i64,
    /// What kind it is.
    pub kind: String,
    /// When it was added.
    pub created_at: Millis,
    /// When it is tried next.
    pub due_at: Millis,
    /// How often it was tried.
    pub attempts: i64,
    /// Until when its owner has it.
    pub claimed_until: Millis,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it was given up.
    pub dead_at: Option<Millis>,
}

impl Job {
    /// Where it stands.
    pub fn state(&self, now: Millis) -> JobState {
        match self.dead_at {
            Some(_) => JobState::Dead,
            None if self.claimed_until > now => JobState::Running,
            None => JobState::Waiting,
        }
    }
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct JobCounts {
    /// Those that will be done.
    pub waiting: i64,
    /// Those that somebody does.
    pub running: i64,
    /// Those that were given up.
    pub dead: i64,
}

impl Db {
    /// Claims up to `limit` due jobs of a kind until `until`. Those of an owner who did not come forward in time are due too.
    pub async fn claim_jobs(
        &self,
        kind: &str,
        limit: usize,
        claim: &str,
        now: Millis,
        until: Millis,
    ) -> sqlx::Result<Vec<ClaimedJob>> {
        // A look first: there is usually nothing, and on SQLite a write would hold up others.
        let is_due: Option<i64> = read!(self, |pool| sqlx::query_scalar(
            "select id from jobs where kind = $1 and dead_at is null and due_at <= $2 and claimed_until <= $2 limit 1",
        )
        .bind(kind)
        .bind(now)
        .fetch_optional(pool)
        .await?);
        if is_due.is_none() {
            return Ok(Vec::new());
        }
        let statement = match self {
            Self::Sqlite(_) => {
                "update jobs set claimed_by = $4, claimed_until = $5, attempts = attempts + 1
                 where id in (select id from jobs where kind = $1 and dead_at is null and due_at <= $2 and claimed_until <= $2
                              order by due_at, id limit $3)
                 returning id, payload, attempts"
            }
            Self::Postgres(_) => {
                "update jobs set claimed_by = $4, claimed_until = $5, attempts = attempts + 1
                 where id in (select id from jobs where kind = $1 and dead_at is null and due_at <= $2 and claimed_until <= $2
                              order by due_at, id limit $3 for update skip locked)
                 returning id, payload, attempts"
            }
        };
        let mut jobs: Vec<ClaimedJob> = write!(self, |pool| sqlx::query_as(statement)
            .bind(kind)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(claim)
            .bind(until)
            .fetch_all(pool)
            .await?);
        jobs.sort_unstable_by_key(|job| job.id);
        Ok(jobs)
    }

    /// Keeps a claimed job until `until`; `false` if it is somebody else's by now.
    pub async fn renew_job(&self, id: i64, claim: &str, until: Millis) -> sqlx::Result<bool> {
        let statement = "update jobs set claimed_until = $3 where id = $1 and claimed_by = $2";
        let done =
            write!(self, |pool| sqlx::query(statement).bind(id).bind(claim).bind(until).execute(pool).await?.rows_affected());
        Ok(done == 1)
    }

    /// Deletes a job that is done; `false` if it is somebody else's by now.
    pub async fn finish_job(&self, id: i64, claim: &str) -> sqlx::Result<bool> {
        let statement = "delete from jobs where id = $1 and claimed_by = $2";
        Ok(write!(self, |pool| sqlx::query(statement).bind(id).bind(claim).execute(pool).await?.rows_affected()) == 1)
    }

    /// Hands back a job that failed: it is due again at `due_at`, or was given up at `dead_at`.
    pub async fn fail_job(&self, id: i64, claim: &str, error: &str, due_at: Millis, dead_at: Option<Millis>) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "update jobs set claimed_by = null, claimed_until = 0, last_error = $3, due_at = $4, dead_at = $5
             where id = $1 and claimed_by = $2",
        )
        .bind(id)
        .bind(claim)
        .bind(error)
        .bind(due_at)
        .bind(dead_at)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Hands back a job that was not really tried: it is due again at `due_at`.
    pub async fn put_back_job(&self, id: i64, claim: &str, due_at: Millis) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(
            "update jobs set claimed_by = null, claimed_until = 0, attempts = attempts - 1, due_at = $3
             where id = $1 and claimed_by = $2",
        )
        .bind(id)
        .bind(claim)
        .bind(due_at)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Releases all claims, on SQLite, where only a process that is gone can have made them.
    pub async fn release_jobs(&self) -> sqlx::Result<()> {
        if let Self::Sqlite(sqlite) = self {
            sqlx::query("update jobs set claimed_by = null, claimed_until = 0 where claimed_until > 0")
                .execute(&sqlite.write)
                .await?;
        }
        Ok(())
    }

    /// How many jobs there are.
    pub async fn count_jobs(&self, now: Millis) -> sqlx::Result<JobCounts> {
        read!(self, |pool| sqlx::query_as(
            "select count(case when dead_at is null and claimed_until <= $1 then 1 end) as waiting,
                    count(case when dead_at is null and claimed_until > $1 then 1 end) as running,
                    count(dead_at) as dead from jobs",
        )
        .bind(now)
        .fetch_one(pool)
        .await)
    }

    /// How many jobs were given up.
    pub async fn count_dead_jobs(&self) -> sqlx::Result<i64> {
        read!(self, |pool| sqlx::query_scalar("select count(*) from jobs where dead_at is not null").fetch_one(pool).await)
    }

    /// Up to `limit` jobs from before the one with the id `before`, the latest first; all of them without a state.
    pub async fn list_jobs(&self, state: Option<JobState>, before: i64, now: Millis, limit: usize) -> sqlx::Result<Vec<Job>> {
        let condition = match state {
            None => "true",
            Some(JobState::Waiting) => "dead_at is null and claimed_until <= $2",
            Some(JobState::Running) => "dead_at is null and claimed_until > $2",
            Some(JobState::Dead) => "dead_at is not null",
        };
        let statement = format!(
            "select id, kind, created_at, due_at, attempts, claimed_until, last_error, dead_at from jobs
             where id < $1 and cast($2 as bigint) > 0 and {condition} order by id desc limit $3"
        );
        read!(self, |pool| sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(before)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(pool)
            .await)
    }

    /// A job.
    pub async fn find_job(&self, id: i64) -> sqlx::Result<Option<Job>> {
        let statement =
            "select id, kind, created_at, due_at, attempts, claimed_until, last_error, dead_at from jobs where id = $1";
        read!(self, |pool| sqlx::query_as(statement).bind(id).fetch_optional(pool).await)
    }

    /// Makes a job due that nobody works on, even one that was given up; `false` if there is none.
    pub async fn retry_job(&self, id: i64, now: Millis, event: &Event) -> sqlx::Result<bool> {
        self.act_on_job(RETRY, id, now, event).await
    }

    /// Deletes a job that nobody works on; `false` if there is none.
    pub async fn delete_job(&self, id: i64, now: Millis, event: &Event) -> sqlx::Result<bool> {
        self.act_on_job(DELETE, id, now, event).await
    }

    async fn act_on_job(&self, statement: &'static str, id: i64, now: Millis, event: &Event) -> sqlx::Result<bool> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let done = sqlx::query(statement).bind(id).bind(now).execute(&mut *tx).await?.rows_affected();
            if done > 0 {
                record!(tx, rows);
            }
            done > 0
        })
    }

    /// Makes all jobs due that were given up; returns how many.
    pub async fn retry_dead_jobs(&self, now: Millis, event: &Event) -> sqlx::Result<u64> {
        let rows = rows([event]);
        transaction!(self, |tx| {
            let statement = "update jobs set dead_at = null, attempts = 0, due_at = $1 where dead_at is not null";
            let done = sqlx::query(statement).bind(now).execute(&mut *tx).await?.rows_affected();
            if done > 0 {
                record!(tx, rows);
            }
            done
        })
    }

    /// Adds a job by itself, for tests and for what no transaction goes with.
    pub async fn insert_job(&self, task: &crate::model::Task, now: Millis) -> sqlx::Result<()> {
        write!(self, |pool| sqlx::query(INSERT)
            .bind(task.kind())
            .bind(task.payload())
            .bind(now)
            .bind(now)
            .execute(pool)
            .await
            .map(drop))
    }
}
