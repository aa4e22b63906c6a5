//! What handlers share.
//!
//! Owns the struct only: `app` builds it.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::http::origin::Origins;
use crate::realtime::Realtime;

/// What every handler can reach.
#[derive(Clone)]
pub struct AppState {
    /// The settings.
    pub config: Arc<Config>,
    /// Where requests may come from.
    pub origins: Arc<Origins>,
    /// The database; for handlers, only to ask whether it answers.
    pub db: Arc<Db>,
    /// People and sessions.
    pub accounts: Arc<Accounts>,
    /// Rooms and messages.
    pub chat: Arc<Chat>,
    /// The sockets.
    pub realtime: Arc<Realtime>,
    /// The time.
    pub clock: Clock,
}
