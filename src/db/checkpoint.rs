//! Copying SQLite's write-ahead log into the database, and emptying it of what was deleted.
//!
//! Owns when that happens, on a connection of its own: a checkpoint on the writing connection would make posts wait for it. The log keeps
//! what it holds until something else is written in its place, also the words of a message that is deleted by now. So after a deletion
//! the log is cut off, at most once a minute: a log that grows again costs each commit a little more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Executor, Sqlite};
use tokio::time::Instant;

use super::Connections;

/// How often the log is copied.
const EVERY: Duration = Duration::from_secs(10);
/// How long after it was cut off it is left alone: with `EVERY`, whatever was deleted is gone within a minute.
const LEFT_ALONE: Duration = Duration::from_secs(50);
/// How long cutting it off waits for those who read; nobody can write meanwhile. It is tried again.
const PATIENCE: Duration = Duration::from_millis(100);

/// The checkpoints of one file.
#[derive(Debug)]
pub(super) struct Checkpoints {
    options: SqliteConnectOptions,
    /// Whether the log may hold something that was deleted.
    is_due: AtomicBool,
}

impl Checkpoints {
    /// Those of a file that was just opened; whoever had it before may have been killed.
    pub fn new(options: SqliteConnectOptions) -> Arc<Self> {
        Arc::new(Self { options: options.busy_timeout(PATIENCE), is_due: AtomicBool::new(true) })
    }

    /// Notes that something was deleted; after the commit, so that the commit is in what is copied next.
    pub fn note_deletion(&self) {
        self.is_due.store(true, Ordering::Release);
    }

    /// Makes them until the database is closed.
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
            // The file is being closed: what is left in the log is read from there at the next start.
            sqlx::Connection::close(connection).await.ok();
        }
    }

    /// Copies the log; gives whether it was cut off as well.
    async fn copy(&self, connection: &mut SqliteConnection, may_cut: bool) -> sqlx::Result<bool> {
        // This one waits for nobody, and leaves little to the other.
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
