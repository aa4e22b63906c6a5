//! Retention: what is older than it should be kept is deleted, and what is under a legal hold is not.
//!
//! Owns when the server looks for what has expired, the pace at which it is deleted, and the use-cases of legal holds. It must not delete a
//! message itself: the ledger does, as if a person did, so that every client learns of it by `rev`.

pub mod holds;
mod progress;
mod room;
mod run;

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::chat::Chat;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::retention::RetentionState;
use crate::settings::Settings;

/// Deletes what has expired.
pub struct Retention {
    db: Arc<Db>,
    chat: Arc<Chat>,
    settings: Arc<Settings>,
    clock: Clock,
    measures: Measures,
    /// Has it look now.
    wake: Notify,
}

/// What this process has deleted because it had expired.
#[derive(Debug, Default)]
pub struct Measures {
    /// Messages and notices.
    pub messages: Counter,
    /// Files of messages that stay.
    pub files: Counter,
    /// Entries of the audit log.
    pub audit: Counter,
    /// Sessions.
    pub sessions: Counter,
}

impl Retention {
    /// Starts it. It ends with `stop`, between two steps.
    pub async fn start(
        db: Arc<Db>,
        chat: Arc<Chat>,
        settings: Arc<Settings>,
        clock: Clock,
        stop: CancellationToken,
    ) -> sqlx::Result<Arc<Self>> {
        if db.shared().is_none() {
            // Only this process can have a claim on a SQLite file; one that is gone does not keep it waiting.
            db.change_retention_state(|state| state.claim.take().is_some()).await?;
        }
        let retention = Arc::new(Self { db, chat, settings, clock, measures: Measures::default(), wake: Notify::new() });
        tokio::spawn(run::keep_running(retention.clone(), stop));
        Ok(retention)
    }

    /// What this process has deleted.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// How it goes, on whichever node.
    ///
    /// # Errors
    /// The database's.
    pub async fn state(&self) -> sqlx::Result<RetentionState> {
        self.db.retention_state().await
    }

    /// Has it look now, if this node is the one that does.
    pub fn look_soon(&self) {
        self.wake.notify_one();
    }
}
