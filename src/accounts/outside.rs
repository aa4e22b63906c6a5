//! Changes of a SQLite file by other processes, such as `parlor user ban` beside a running server.
//!
//! Owns how they are noticed: SQLite counts the commits of other connections (`PRAGMA data_version`), which on the only writing connection
//! are those of other processes. After one, open sockets are checked. Nodes on Postgres are notified instead.

use std::sync::Arc;
use std::time::Duration;

use crate::db::Db;
use crate::events::{Bus, Event};

/// How often it is asked.
const INTERVAL: Duration = Duration::from_millis(500);

/// Watches until the database is closed; on Postgres it returns at once.
pub async fn watch(db: Arc<Db>, events: Bus) {
    let mut known = None;
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match db.outside_changes().await {
            Ok(None) | Err(sqlx::Error::PoolClosed) => return,
            Ok(version) => {
                if known.replace(version).is_some_and(|before| before != version) {
                    events.publish(vec![Event::AccessUncertain]).await;
                }
            }
            // The database is busy, or the disk fails; others report it.
            Err(error) => tracing::debug!(%error, "could not ask whether another process changed the database"),
        }
    }
}
