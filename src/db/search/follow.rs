//! Indexes new messages on SQLite shortly after their commit, many at once.
//!
//! Owns the progress: `search_after` in `meta` is the last indexed message id. The ledger does not index later messages; their
//! current state is indexed here. A search first lets the index catch up (docs/decisions/0028). On Postgres a GIN index has a
//! pending list for this.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{Connection, Executor, Sqlite as SqliteDatabase};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::build::{SourceRow, given};
use super::merge::{Parts, merge_further};
use super::{MERGE, PUT, due};
use crate::db::ledger::LARGEST_BATCH;
use crate::db::open::DURABLE;
use crate::db::{Connections, Db, Sqlite};
use crate::fulltext::document::Document;

/// Bytes of new text after which indexing starts at once: enough to be cheap per message, too little to delay a post.
const MUCH: u64 = 16 * 1024;
/// How long less text waits.
const LATEST: Duration = Duration::from_secs(1);
/// Pause after a database error.
const REST: Duration = Duration::from_secs(5);
/// How long the server must be idle before the index is merged further.
const QUIET: Duration = Duration::from_secs(3);
/// Pause between merge steps, for other writers and the disk.
const STEP: Duration = Duration::from_millis(50);
/// Bytes of text that must have been indexed since the last merge, as each merge rewrites a part of the index.
const ENOUGH: u64 = 256 * 1024;
/// Maximum number of messages per transaction. More than a batch of the ledger, so that it always catches up.
const AT_ONCE: usize = 2 * LARGEST_BATCH;

/// Tracks what is not indexed yet, and indexes it.
#[derive(Debug)]
pub(in crate::db) struct Follower {
    write: Connections<SqliteDatabase>,
    /// Bytes of text written so far, plus one for text from before the start.
    written: AtomicU64,
    /// How much of it is known to be indexed.
    indexed: AtomicU64,
    more: Notify,
}

impl Follower {
    pub fn new(write: Connections<SqliteDatabase>) -> Arc<Self> {
        Arc::new(Self { write, written: AtomicU64::new(1), indexed: AtomicU64::new(0), more: Notify::new() })
    }

    /// Records text written by a transaction. Call it before the commit, so that a reader who sees the commit sees this as well.
    pub fn note(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let before = self.written.fetch_add(bytes, Ordering::AcqRel).saturating_sub(self.indexed.load(Ordering::Acquire));
        if before == 0 || (before < MUCH && before + bytes >= MUCH) {
            self.more.notify_one();
        }
    }

    fn waiting(&self) -> u64 {
        self.written.load(Ordering::Acquire).saturating_sub(self.indexed.load(Ordering::Acquire))
    }

    /// Indexes everything written before this call.
    async fn catch_up(&self) -> sqlx::Result<()> {
        let goal = self.written.load(Ordering::Acquire);
        while self.indexed.load(Ordering::Acquire) < goal {
            self.index().await?;
        }
        Ok(())
    }

    /// Indexes the oldest pending messages in one transaction, without waiting for the disk: after a power failure `search_after`
    /// is lost together with the words, and they are indexed again. The next post's commit syncs both.
    async fn index(&self) -> sqlx::Result<()> {
        let mut guard = self.write.acquire().await?;
        let mut tx = guard.begin_with("pragma synchronous = normal; begin immediate").await?;
        let written = self.written.load(Ordering::Acquire);
        // As one text: each row of SQLite's is handed between threads.
        let rows: String = sqlx::query_scalar(
            "select json_group_array(json_array(id, room_id, author_id, body,
                    case when instr(html, 'href=') > 0 then html else '' end, mentions, attachments)) from (
             select id, room_id, author_id, body, html, mentions, attachments from messages
             where id > (select cast(value as integer) from meta where key = 'search_after') and kind = 'text' and deleted_at is null
             order by id limit ?)",
        )
        .bind(AT_ONCE as i64)
        .fetch_one(&mut *tx)
        .await?;
        let rows: Vec<SourceRow> = serde_json::from_str(&rows).map_err(|error| sqlx::Error::Decode(error.into()))?;
        if let Some(last) = rows.last() {
            let given = given(&rows, Document::into_text);
            let due = due(rows.len(), given.len());
            sqlx::query(PUT).bind(given).execute(&mut *tx).await?;
            if Parts::of(&mut tx).await?.are_many() {
                sqlx::query(MERGE).bind(due).bind(rows.len() as i64).execute(&mut *tx).await?;
            }
            sqlx::query("update meta set value = cast(? as text) where key = 'search_after'")
                .bind(last.id)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        // On an error or cancellation, the pool does this when it takes the connection back.
        guard.execute(DURABLE).await?;
        guard.release();
        if rows.len() < AT_ONCE {
            self.indexed.fetch_max(written, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Runs one merge step in a transaction, without waiting for the disk, and returns whether there is more to do.
    async fn merge(&self) -> sqlx::Result<bool> {
        let mut guard = self.write.acquire().await?;
        let mut tx = guard.begin_with("pragma synchronous = normal; begin immediate").await?;
        let more = merge_further(&mut tx).await?;
        tx.commit().await?;
        guard.execute(DURABLE).await?;
        guard.release();
        Ok(more)
    }

    /// Waits until nothing was written for a while; returns the bytes written so far.
    async fn quiet(&self) -> u64 {
        loop {
            let written = self.written.load(Ordering::Acquire);
            tokio::time::sleep(QUIET).await;
            if self.waiting() == 0 && self.written.load(Ordering::Acquire) == written {
                return written;
            }
        }
    }

    /// Waits until there is enough text to index, or some has waited long enough.
    async fn collect(&self) {
        while self.waiting() == 0 {
            self.more.notified().await;
        }
        let latest = Instant::now() + LATEST;
        while self.waiting() < MUCH && timeout_at(latest, self.more.notified()).await.is_ok() {}
    }
}

impl Db {
    /// Indexes new messages until the database is closed. Does nothing on Postgres.
    pub async fn index_newer(&self) {
        let Self::Sqlite(Sqlite { follower, .. }) = self else { return };
        let mut closed = follower.write.close_event();
        let mut is_logged = false;
        while closed.do_until(follower.collect()).await.is_ok() {
            match follower.catch_up().await {
                Ok(()) => is_logged = false,
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => {
                    // Logged once per outage, not at every attempt.
                    if !std::mem::replace(&mut is_logged, true) {
                        tracing::warn!(%error, "new messages could not be indexed for search; trying again");
                    }
                    self.note_failure(&error);
                    closed.do_until(tokio::time::sleep(REST)).await.ok();
                }
            }
        }
    }

    /// Runs one merge step of SQLite's index and returns whether there is more to do. Call it from a task that is never
    /// cancelled.
    pub async fn merge_further(&self) -> sqlx::Result<bool> {
        match self {
            Self::Sqlite(sqlite) => sqlite.follower.merge().await,
            Self::Postgres(_) => Ok(false),
        }
    }

    /// Merges the index when the server is idle, because a search reads every segment: once after the start, then after enough
    /// new text. Runs until the database is closed; does nothing on Postgres.
    pub async fn merge_in_quiet_times(&self) {
        let Self::Sqlite(Sqlite { follower, .. }) = self else { return };
        let mut closed = follower.write.close_event();
        let mut merged_at = None;
        'quiet: while let Ok(written) = closed.do_until(follower.quiet()).await {
            if merged_at.is_some_and(|merged_at| written - merged_at < ENOUGH) {
                continue;
            }
            while follower.written.load(Ordering::Acquire) == written {
                // A step is never cancelled; after the last one everything is closed.
                let rest = match follower.merge().await {
                    Ok(true) => STEP,
                    Ok(false) => {
                        merged_at = Some(written);
                        continue 'quiet;
                    }
                    Err(sqlx::Error::PoolClosed) => return,
                    Err(error) => {
                        self.note_failure(&error);
                        REST
                    }
                };
                if closed.do_until(tokio::time::sleep(rest)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Indexes everything that was committed before this call.
    ///
    /// # Errors
    /// The newest messages may be missing from the index.
    pub async fn catch_up(&self) -> sqlx::Result<()> {
        let Self::Sqlite(sqlite) = self else { return Ok(()) };
        if sqlite.follower.waiting() == 0 {
            return Ok(());
        }
        let follower = sqlite.follower.clone();
        // A task of its own: a cancelled request must not leave a transaction half-way.
        let caught_up = tokio::spawn(async move { follower.catch_up().await }).await;
        caught_up.map_err(|fault| sqlx::Error::Protocol(fault.to_string()))?
    }
}
