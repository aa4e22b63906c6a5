//! Checkpoints of SQLite's write-ahead log, and truncation after deletions.
//!
//! Owns when they run, on a connection of its own: a checkpoint on the writing connection would delay posts. The log keeps old
//! pages until they are overwritten, including the text of deleted messages. So it is truncated after a deletion, at most once a
//! minute: a log that has to grow again makes each commit a little slower.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Executor, Sqlite};
use tokio::time::Instant;

use super::Connections;

/// Interval between checkpoints.
const EVERY: Duration = Duration::from_secs(10);
/// Minimum time between two truncations. With `EVERY`, deleted text is gone within a minute.
const LEFT_ALONE: Duration = Duration::from_secs(50);
/// How long a truncation waits for readers, while writers are blocked. It is retried later.
const PATIENCE: Duration = Duration::from_millis(100);

/// The checkpoint task of one database file.
#[derive(Debug)]
pub(super) struct Checkpoints {
    options: SqliteConnectOptions,
    /// Whether the log may still hold deleted text.
    is_due: AtomicBool,
}

impl Checkpoints {
    /// Truncation is due at start: the previous process may have been killed.
    pub fn new(options: SqliteConnectOptions) -> Arc<Self> {
        Arc::new(Self { options: options.busy_timeout(PATIENCE), is_due: AtomicBool::new(true) })
    }

    /// Schedules a truncation. Call it after the commit, so that the next checkpoint includes it.
    pub fn note_deletion(&self) {
        self.is_due.store(true, Ordering::Release);
    }

    /// Runs checkpoints until the database is closed.
    pub async fn keep(self: Arc<Self>, write: Connections<Sqlite>) {
        let mut connection = None;
        let mut cut_at: Option<Instant> = None;
        while !write.is_closed() {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = write.close_event() => break,
            }
            if connection.is_none() {
                connection = sqlx::ConnectOptions::connect(&self.options).await.ok();
            }
            let Some(open) = &mut connection else { continue };
            let may_cut = cut_at.is_none_or(|at| at.elapsed() >= LEFT_ALONE);
            match self.copy(open, may_cut).await {
                Ok(true) => cut_at = Some(Instant::now()),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "the write-ahead log could not be checkpointed");
                    connection = None;
                }
            }
        }
        if let Some(connection) = connection {
            // The file is being closed; whatever is left in the log is replayed at the next start.
            sqlx::Connection::close(connection).await.ok();
        }
    }

    /// Runs a checkpoint; returns whether it truncated the log as well.
    async fn copy(&self, connection: &mut SqliteConnection, may_cut: bool) -> sqlx::Result<bool> {
        // A passive checkpoint waits for nobody and leaves little work to the truncation.
        connection.execute("pragma wal_checkpoint(passive)").await?;
        if !may_cut || !self.is_due.swap(false, Ordering::AcqRel) {
            return Ok(false);
        }
        let cut = sqlx::query_as::<_, (i64, i64, i64)>("pragma wal_checkpoint(truncate)").fetch_one(connection).await;
        let is_cut = matches!(cut, Ok((0, ..)));
        if !is_cut {
            self.is_due.store(true, Ordering::Release);
        }
        cut.map(|_| is_cut)
    }
}
