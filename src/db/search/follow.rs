//! SQLite's index follows the log: a new message is put into it a moment after its commit, many at once.
//!
//! Owns how far that has come: `meta` keeps `search_after`, after which number nothing is in the index yet. The ledger leaves those messages
//! alone, and whatever they have become by then is what gets indexed. Whoever searches has the index catch up first (decision 28).
//! Postgres has the same inside: a GIN index keeps what is new in a list.

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

/// How much text is indexed before the time has come, in bytes: enough that a message costs little, and so little that no post waits long.
const MUCH: u64 = 16 * 1024;
/// How long the first of less waits.
const LATEST: Duration = Duration::from_secs(1);
/// How long it rests when the database refuses.
const REST: Duration = Duration::from_secs(5);
/// How long nothing must have been said for the index to be merged further.
const QUIET: Duration = Duration::from_secs(3);
/// How long that rests between two steps: others write as well, and what is written must reach the disk.
const STEP: Duration = Duration::from_millis(50);
/// How much text must have been indexed since it was merged last, in bytes: each time a part of it is written anew.
const ENOUGH: u64 = 256 * 1024;
/// How many messages one transaction indexes at the most. More than one batch of the ledger's, which may come in between: so it always
/// catches up.
const AT_ONCE: usize = 2 * LARGEST_BATCH;

/// What is not in the index yet, and who puts it there.
#[derive(Debug)]
pub(in crate::db) struct Follower {
    write: Connections<SqliteDatabase>,
    /// How much text was written, in bytes, and one for what is from before the start.
    written: AtomicU64,
    /// How much of that is known to be in the index.
    indexed: AtomicU64,
    more: Notify,
}

impl Follower {
    pub fn new(write: Connections<SqliteDatabase>) -> Arc<Self> {
        Arc::new(Self { write, written: AtomicU64::new(1), indexed: AtomicU64::new(0), more: Notify::new() })
    }

    /// Notes that a transaction wrote so many bytes of text; before it ends, so that whoever is told of its commit finds them.
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

    /// Indexes what was written before this call.
    async fn catch_up(&self) -> sqlx::Result<()> {
        let goal = self.written.load(Ordering::Acquire);
        while self.indexed.load(Ordering::Acquire) < goal {
            self.index().await?;
        }
        Ok(())
    }

    /// Indexes the oldest messages that are not, in one transaction. It does not wait for the disk: should the power fail, `search_after`
    /// is lost with the words, and they are indexed again. The next post's commit syncs both.
    async fn index(&self) -> sqlx::Result<()> {
        let mut guard = self.write.acquire().await?;
        let mut tx = guard.begin_with("pragma synchronous = normal; begin immediate").await?;
        let written = self.written.load(Ordering::Acquire);
        // As one text: each row of SQLite's is handed from its thread to another.
        let rows: String = sqlx::query_scalar(
            "select json_group_array(json_array(id, room_id, author_id, body,
                    case when instr(html, 'href=') > 0 then html else '' end, mentions)) from (
             select id, room_id, author_id, body, html, mentions from messages
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
        // What fails or is given up before this goes back to the pool, which does the same.
        guard.execute(DURABLE).await?;
        guard.release();
        if rows.len() < AT_ONCE {
            self.indexed.fetch_max(written, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Merges the index a little further, in one transaction, and says whether there is more to do. As with [`Self::index`], it does not
    /// wait for the disk.
    async fn merge(&self) -> sqlx::Result<bool> {
        let mut guard = self.write.acquire().await?;
        let mut tx = guard.begin_with("pragma synchronous = normal; begin immediate").await?;
        let more = merge_further(&mut tx).await?;
        tx.commit().await?;
        guard.execute(DURABLE).await?;
        guard.release();
        Ok(more)
    }

    /// Waits until nothing has been said for a while; how much was written by then.
    async fn quiet(&self) -> u64 {
        loop {
            let written = self.written.load(Ordering::Acquire);
            tokio::time::sleep(QUIET).await;
            if self.waiting() == 0 && self.written.load(Ordering::Acquire) == written {
                return written;
            }
        }
    }

    /// Waits until there is much to index, or the first of it has waited long enough.
    async fn collect(&self) {
        while self.waiting() == 0 {
            self.more.notified().await;
        }
        let latest = Instant::now() + LATEST;
        while self.waiting() < MUCH && timeout_at(latest, self.more.notified()).await.is_ok() {}
    }
}

impl Db {
    /// Indexes new messages as they come, until the database is closed. On Postgres there is nothing to do.
    pub async fn index_newer(&self) {
        let Self::Sqlite(Sqlite { follower, .. }) = self else { return };
        let mut closed = follower.write.close_event();
        let mut told = false;
        while closed.do_until(follower.collect()).await.is_ok() {
            match follower.catch_up().await {
                Ok(()) => told = false,
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => {
                    // Once, and not every few seconds for as long as the disk is full.
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "new messages could not be indexed for search; trying again");
                    }
                    self.note_failure(&error);
                    closed.do_until(tokio::time::sleep(REST)).await.ok();
                }
            }
        }
    }

    /// Merges SQLite's index a little further, and says whether there is more to do. To be called in a task that nobody gives up.
    ///
    /// # Errors
    /// The database's.
    pub async fn merge_further(&self) -> sqlx::Result<bool> {
        match self {
            Self::Sqlite(sqlite) => sqlite.follower.merge().await,
            Self::Postgres(_) => Ok(false),
        }
    }

    /// Merges the index further whenever nothing is said for a while and there is something to gain, until the database is closed: a search
    /// reads each of its parts. Once after the start, and then for every so much text. On Postgres there is nothing to do.
    pub async fn merge_in_quiet_times(&self) {
        let Self::Sqlite(Sqlite { follower, .. }) = self else { return };
        let mut closed = follower.write.close_event();
        let mut merged_at = None;
        'quiet: while let Ok(written) = closed.do_until(follower.quiet()).await {
            if merged_at.is_some_and(|merged_at| written - merged_at < ENOUGH) {
                continue;
            }
            while follower.written.load(Ordering::Acquire) == written {
                // A step is never given up half-way; after the last one all is closed.
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

    /// Sees to it that a search finds whatever was committed before.
    ///
    /// # Errors
    /// The database's; then the newest messages may be missing.
    pub async fn catch_up(&self) -> sqlx::Result<()> {
        let Self::Sqlite(sqlite) = self else { return Ok(()) };
        if sqlite.follower.waiting() == 0 {
            return Ok(());
        }
        let follower = sqlite.follower.clone();
        // A task of its own: a request that goes away cannot leave a transaction half-way.
        let caught_up = tokio::spawn(async move { follower.catch_up().await }).await;
        caught_up.map_err(|fault| sqlx::Error::Protocol(fault.to_string()))?
    }
}
