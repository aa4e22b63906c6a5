//! Whether a Postgres still has the history that clients know: the epoch, and the timeline that it belongs to.
//!
//! Owns the check at each new connection. After a failover to a standby that was not synchronous, the last changes are lost, and their
//! numbers would be given out again. Postgres counts such a change of servers as a new timeline; then the history gets a new epoch, before
//! the connection is used, and every client starts over.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::{Connection, PgConnection};
use tokio::sync::watch;

use crate::encoding::random_hex;

/// The epoch as this process knows it.
#[derive(Debug)]
pub struct History {
    epoch: watch::Sender<Arc<str>>,
    /// The timeline at the last check; 0 before the first one.
    timeline: AtomicI64,
}

/// The timeline is the first part of the name of the write-ahead log's file. Fails on a standby, which cannot be written to.
const TIMELINE: &str = "select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint";
/// Whether each commit waits for a standby: then a standby that takes over has everything that was acknowledged.
const IS_SYNCHRONOUS: &str = "select current_setting('synchronous_standby_names') <> ''
    and current_setting('synchronous_commit') in ('on', 'remote_apply')";

impl Default for History {
    fn default() -> Self {
        Self { epoch: watch::Sender::new("".into()), timeline: AtomicI64::new(0) }
    }
}

impl History {
    /// The epoch, and its changes.
    pub fn epoch(&self) -> watch::Receiver<Arc<str>> {
        self.epoch.subscribe()
    }

    /// Checks a new connection, before it is used.
    ///
    /// # Errors
    /// The database's: also when it is a standby.
    pub async fn check(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let timeline: i64 = sqlx::query_scalar(TIMELINE).fetch_one(&mut *connection).await?;
        if self.timeline.load(Ordering::Acquire) == timeline {
            return Ok(());
        }
        // Before the first migration there is no history.
        let exists: bool = sqlx::query_scalar("select to_regclass('meta') is not null").fetch_one(&mut *connection).await?;
        if exists {
            self.reconcile(connection, timeline).await?;
        }
        Ok(())
    }

    /// Reads the epoch, or replaces it if changes may be lost on the way to this timeline. Connections for reading write nothing else.
    async fn reconcile(&self, connection: &mut PgConnection, timeline: i64) -> sqlx::Result<()> {
        let mut tx = connection.begin_with("begin read write").await?;
        let row = "select value from meta where key = $1 for update";
        let Some(epoch) = sqlx::query_scalar::<_, String>(row).bind("epoch").fetch_optional(&mut *tx).await? else {
            return tx.rollback().await;
        };
        let known: Option<String> = sqlx::query_scalar(row).bind("timeline").fetch_optional(&mut *tx).await?;
        let is_synchronous: bool = sqlx::query_scalar(IS_SYNCHRONOUS).fetch_one(&mut *tx).await?;
        let current = format!("{timeline}{}", if is_synchronous { " synchronous" } else { "" });
        let epoch = match known.as_deref().map(|known| known.split_once(' ').unwrap_or((known, ""))) {
            // Nothing is lost if the earlier timeline was replicated synchronously.
            Some((known, how)) if known != timeline.to_string() && how != "synchronous" => {
                let new = random_hex();
                sqlx::query("update meta set value = $1 where key = 'epoch'").bind(&new).execute(&mut *tx).await?;
                tracing::warn!(
                    timeline,
                    "another Postgres has taken over, and may lack the last changes: all clients start over"
                );
                new
            }
            _ => epoch,
        };
        if known.as_deref() != Some(&*current) {
            let set =
                "insert into meta (key, value) values ('timeline', $1) on conflict (key) do update set value = excluded.value";
            sqlx::query(set).bind(current).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        self.timeline.store(timeline, Ordering::Release);
        self.set_epoch(epoch);
        Ok(())
    }

    /// Records whether commits wait for a standby, which an operator can change at any time, and reads the epoch, which other nodes may
    /// have replaced.
    ///
    /// # Errors
    /// The database's.
    pub async fn refresh(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let timeline: i64 = sqlx::query_scalar(TIMELINE).fetch_one(&mut *connection).await?;
        self.reconcile(connection, timeline).await
    }

    fn set_epoch(&self, epoch: String) {
        self.epoch.send_if_modified(|known| {
            let is_new = **known != *epoch;
            *known = epoch.into();
            is_new
        });
    }
}
