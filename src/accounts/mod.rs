//! Accounts: registration, log-in, invitations, sessions and profiles.
//!
//! Owns who may have an account and who is who. It must not know about HTTP or sockets.

mod argon;
mod bans;
pub mod bots;
mod by_hand;
mod closing;
mod common_passwords;
pub mod device;
pub mod email;
pub mod hashing_queue;
pub mod imported_hash;
pub mod importing;
pub mod invites;
mod last_seen;
mod login;
mod mailing;
mod mails;
pub mod outside;
pub mod passkeys;
pub mod password;
mod password_change;
pub mod pending;
pub mod profile;
pub mod rate_limiter;
pub mod recovery;
mod registration;
mod reports;
mod roles;
pub mod second_factor;
pub mod session;
pub mod session_list;
mod setup;
mod shared_failures;
pub mod single_sign_on;
pub mod throttle;
pub mod tokens;
pub mod totp;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use tracing::Instrument;

use self::device::Devices;
use self::mailing::Mailing;
use self::passkeys::Passkeys;
use self::password::Hasher;
pub use self::registration::Registration;
use self::registration::Registrations;
use self::reports::Reports;
use self::session::{SessionUser, Store};
use self::shared_failures::SharedFailures;
use self::single_sign_on::SingleSignOn;
use self::throttle::{Attempt, Throttle};
use self::tokens::Refused;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::db::sessions::SessionCheck;
use crate::encoding::hex;
use crate::error::{Error, Result};
use crate::events::{self, Bus, SessionEnd};
use crate::model::SessionKey;
use crate::model::{RoomId, UserId};
use crate::security_log::{Action, Event, Source};
use crate::settings::Settings;

/// All accounts.
pub struct Accounts {
    db: Arc<Db>,
    events: Bus,
    clock: Clock,
    hasher: Hasher,
    sessions: Store,
    settings: Arc<Settings>,
    registrations: Registrations,
    throttle: Arc<Throttle>,
    shared_failures: SharedFailures,
    devices: Devices,
    mailing: Mailing,
    single_sign_on: SingleSignOn,
    /// The key of the digests of retired usernames.
    username_key: String,
    passkeys: Passkeys,
    refused_tokens: Refused,
    reports: Arc<Reports>,
    /// Whether there is an administrator. Once true, it stays true.
    has_admin: AtomicBool,
}

impl Accounts {
    /// Opens the accounts of a database. Changed profiles and ended sessions are published to `events`.
    pub async fn open(db: Arc<Db>, config: &Config, clock: Clock, events: Bus, settings: Arc<Settings>) -> Result<Self> {
        let has_admin = db.has_admin().await?.into();
        let key = db.device_key().await?;
        let throttle = Arc::new(Throttle::new(config.login_rate, &key));
        let shared_failures = SharedFailures::start(&db, &events, &throttle, clock.clone());
        let reports = Reports::new(db.clone());
        let sessions = Store::new(db.clone(), clock.clone(), config.session_idle, config.session_lifetime, config.require_2fa);
        let accounts = Self {
            db,
            events,
            clock,
            hasher: Hasher::new(),
            sessions,
            settings,
            registrations: Registrations::new(config.registration_rate),
            throttle,
            shared_failures,
            single_sign_on: SingleSignOn::new(config, &key),
            username_key: key.clone(),
            passkeys: Passkeys::new(config, &key),
            refused_tokens: Refused::new(config.login_rate),
            devices: Devices::new(key),
            mailing: Mailing::new(config),
            reports,
            has_admin,
        };
        accounts.store_missing_looks().await?;
        Ok(accounts)
    }

    /// How many passwords wait to be hashed.
    pub fn passwords_waiting(&self) -> usize {
        self.hasher.waiting()
    }

    /// Where security events go.
    pub fn reports(&self) -> &Arc<Reports> {
        &self.reports
    }

    /// The session store, for the middleware that loads sessions.
    pub fn session_store(&self) -> Store {
        self.sessions.clone()
    }

    /// Ends the connections of a session that was deleted. Returns once they can do nothing more.
    pub async fn session_ended(&self, session: SessionKey, reason: SessionEnd) {
        self.events.deliver(events::Event::SessionEnded { session, reason }).await;
    }

    /// Ends a session, and its connections, because its browser logs in again.
    pub async fn session_replaced(&self, session: SessionKey) -> Result<()> {
        self.db.replace_session(session.as_str()).await?;
        self.session_ended(session, SessionEnd::LoggedInAgain).await;
        Ok(())
    }

    /// Ends all connections of a user whose sessions were deleted. Returns once they can do nothing more.
    async fn access_ended(&self, user: UserId, reason: SessionEnd) {
        self.events.deliver(events::Event::AccessEnded { user, reason }).await;
    }

    /// Ends a session, and its connections, by a log-out, which is recorded if somebody was signed in.
    pub async fn log_out(&self, session: SessionKey, user: &SessionUser, source: &Source) -> Result<()> {
        let event = self.event(Action::LogOut, source).by(user.id, &user.username).about(&*user.username).in_session(&session);
        if self.db.log_out(session.as_str(), &event).await? {
            self.reports.committed(&event);
        }
        self.session_ended(session, SessionEnd::LoggedOut).await;
        Ok(())
    }

    /// Records a failed attempt, on all nodes.
    fn failed(&self, attempt: &Attempt) {
        self.shared_failures.send(self.throttle.fail(attempt, self.clock.now()));
    }

    /// An event of now, by a stranger.
    pub fn event(&self, action: Action, source: &Source) -> Event {
        Event::new(self.clock.now(), action, source)
    }

    /// Stores the room that a user visited last.
    pub async fn visited(&self, user: UserId, room: RoomId) -> Result<()> {
        Ok(self.db.set_last_room(user, room).await?)
    }

    /// The user of a valid session, if they have the second factor that they must have.
    pub async fn session_user(&self, key: &SessionKey) -> Result<Option<SessionUser>> {
        Ok(self.sessions.user(key).await?.filter(|user| !user.lacks_second_factor))
    }

    /// The user of a valid session, also if they can only set up a second factor (`lacks_second_factor`).
    pub async fn any_session_user(&self, key: &SessionKey) -> Result<Option<SessionUser>> {
        Ok(self.sessions.user(key).await?)
    }

    /// What makes a session valid now, for statements that find something for its user.
    pub fn session_check<'a>(&self, key: &'a SessionKey) -> SessionCheck<'a> {
        self.sessions.check(key)
    }

    /// As [`Self::session_check`], but for a session whose use need not be noted, because it was within the last minute.
    pub fn session_check_in_use<'a>(&self, key: &'a SessionKey) -> SessionCheck<'a> {
        self.sessions.check_in_use(key)
    }

    /// Records that a user is active. It is written later, in batches, at most once a minute.
    pub fn seen(&self, user: UserId) {
        self.sessions.seen(user);
    }

    /// The sessions among these that have ended, by log-out or by age.
    pub async fn ended_among(&self, keys: HashSet<SessionKey>) -> Result<HashSet<SessionKey>> {
        Ok(self.sessions.ended_among(keys).await?)
    }
}

/// Runs work to completion even if the request is cancelled: access that has ended in the database must end at the connections as
/// well.
///
/// # Errors
/// The work's, or `internal` if it panicked.
pub async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let work = tokio::spawn(work.in_current_span()).await;
    work.unwrap_or_else(|fault| Err(Error::Internal(fault.to_string())))
}

/// The hash under which a token is stored.
fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests;
