//! What administrators see of the whole server: an overview, people, rooms and the audit log.
//!
//! Owns these lists and how long the audit log is kept. It must not change people or rooms: `accounts` and `chat` do.

pub mod audit;
pub mod overview;
pub mod people;
pub mod rooms;

use std::sync::Arc;

use tokio::sync::Mutex;

use self::overview::Cached;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;

/// The administration of a server.
#[derive(Debug)]
pub struct Administration {
    db: Arc<Db>,
    clock: Clock,
    /// Doubts about the settings.
    doubts: Vec<String>,
    /// Whether mails can be sent.
    has_mail: bool,
    overview: Mutex<Option<Cached>>,
}

impl Administration {
    /// Opens it, and begins to delete audit entries that are older than the setting says.
    pub fn start(db: Arc<Db>, config: &Config, clock: Clock) -> Arc<Self> {
        if let Some(keep) = config.audit_keep {
            tokio::spawn(audit::expire(db.clone(), clock.clone(), keep));
        }
        let doubts = config.warnings().iter().map(ToString::to_string).collect();
        Arc::new(Self { db, clock, doubts, has_mail: config.smtp_url.is_some(), overview: Mutex::default() })
    }
}
