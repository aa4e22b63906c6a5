//! Where security events go.
//!
//! Owns that each event is one line of the log, and that events whose actions write nothing else are stored. All other rows are written by
//! the transactions of `db`.

use std::sync::Arc;

use crate::db::Db;
use crate::security_log::{Bounds, Event};

/// Records security events.
#[derive(Debug)]
pub struct Reports {
    db: Arc<Db>,
    bounds: Bounds,
}

impl Reports {
    /// Records to the log and to this database.
    pub fn new(db: Arc<Db>) -> Arc<Self> {
        Arc::new(Self { db, bounds: Bounds::default() })
    }

    /// Writes the line of an event whose row was committed with its action.
    pub fn committed(&self, event: &Event) {
        if let Some(event) = self.bounds.line(event) {
            event.write_line();
        }
    }

    /// Writes the line of an event, and stores it. Returns once it is stored or dropped; a failure of the database is only logged.
    pub async fn report(&self, event: Event) {
        self.committed(&event);
        if let Some(event) = self.bounds.row(&event) {
            store(&self.db, event).await;
        }
    }

    /// Writes the line of an event, and stores it without waiting. The bounds limit how many wait for the database.
    pub fn report_later(&self, event: Event) {
        self.committed(&event);
        if let Some(event) = self.bounds.row(&event) {
            let db = self.db.clone();
            tokio::spawn(async move { store(&db, event).await });
        }
    }
}

async fn store(db: &Db, event: Event) {
    match db.insert_audit(&[event]).await {
        // The server is stopping.
        Ok(()) | Err(sqlx::Error::PoolClosed) => {}
        Err(error) => tracing::warn!(%error, "an event is missing from the audit log"),
    }
}
