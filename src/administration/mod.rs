//! What administrators see of the whole server: an overview, people, rooms and the audit log.
//!
//! Owns these lists. It must not change people or rooms: `accounts` and `chat` do.

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
    /// How often the server makes a backup, in milliseconds.
    backup_every: Option<i64>,
    overview: Mutex<Option<Cached>>,
}

impl Administration {
    /// Opens it.
    pub fn open(db: Arc<Db>, config: &Config, clock: Clock) -> Arc<Self> {
        let doubts = config.warnings().iter().map(ToString::to_string).collect();
        let every = config.backup_every.filter(|_| config.backup_to.is_some());
        let backup_every = every.map(|every| i64::try_from(every.as_millis()).unwrap_or(i64::MAX));
        let has_mail = config.smtp_url.is_some();
        Arc::new(Self { db, clock, doubts, has_mail, backup_every, overview: Mutex::default() })
    }
}
