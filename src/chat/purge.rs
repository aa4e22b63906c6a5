//! Deletes what is left of deleted rooms.
//!
//! Owns the pace: a room may have a million messages, and posts must not wait for them. A room is out of everybody's sight before this
//! begins; what a stopped server left is deleted after the next start.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::db::Db;

/// How many messages are deleted in one transaction.
const STEP: i64 = 200;
/// The pause between two of them.
const PAUSE: Duration = Duration::from_millis(20);
/// How long until a failed one is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Starts the task. Notify it of a deleted room.
pub fn start(db: &Arc<Db>) -> Arc<Notify> {
    let notify = Arc::new(Notify::new());
    tokio::spawn(run(Arc::downgrade(db), notify.clone()));
    notify
}

async fn run(db: Weak<Db>, notify: Arc<Notify>) {
    while let Some(db) = db.upgrade() {
        let step = db.purge_rooms(STEP).await;
        drop(db);
        match step {
            Ok(true) => tokio::time::sleep(PAUSE).await,
            Ok(false) => notify.notified().await,
            Err(error) => {
                tracing::warn!(%error, "a deleted room could not be purged; trying again later");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
