//! Logging in, and confirming a password.
//!
//! Owns what a failure reveals, which is nothing about existing usernames, and which limits it counts against.

use super::device::DeviceId;
use super::hashing_queue::{Client, Ticket};
use super::session::SessionUser;
use super::throttle::{Attempt, Backoff, network};
use super::{Accounts, imported_hash, rate_limiter::Limited};
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::model::SessionKey;
use crate::model::username::Username;
use crate::security_log::{Action, Event, Source};

/// How long after a log-in somebody without a password is believed to be there themselves, in milliseconds.
const RECENT: i64 = 10 * 60 * 1000;

const NO_PASSWORD: &str = "Your account has no password. Log out, log in again, and do this within ten minutes.";

impl Accounts {
    /// Authenticates a user. A wrong username and a wrong password are indistinguishable, by the answer and by its timing.
    /// `device` is the token of an earlier log-in.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], `rate_limited` after too many failures, or `busy`.
    pub async fn authenticate(&self, username: &str, password: &str, device: Option<&str>, source: &Source) -> Result<User> {
        // An invalid username takes the same path as an unknown one.
        let account = Username::parse(username).map_or_else(|_| String::new(), |name| name.as_str().to_owned());
        let known = self.db.find_user_by_name(&account).await?;
        let from = source.address.map(network);
        let (attempt, client) = match device.and_then(|kept| self.devices.verify(kept, known.as_ref())) {
            Some(device) => (Attempt::Device(device), Some(Client::Person(device.user))),
            None => (Attempt::Stranger { account, network: from }, from.map(Client::Network)),
        };
        // The typed username is not logged: people sometimes type their password there.
        let event = |action| self.event(action, source).about(known.as_ref().map(|user| &*user.username));
        let backoff = self.may_try(&attempt, || event(Action::Throttled).note("log_in"))?;
        let guessed = if let Attempt::Stranger { account, .. } = &attempt { Some(account.clone()) } else { None };
        let ticket = Ticket { client, failures: backoff.failures, account: guessed, pause: backoff.pause };
        let slot = self.hasher.log_in_slot(ticket).await?;
        // Checked again when the slot is available: concurrent guesses do not pass together, and users with the right password do
        // not block each other.
        self.may_try(&attempt, || event(Action::Throttled).note("log_in"))?;
        let user = known.as_ref().filter(|user| user.banned_at.is_none());
        let (fits, slot) = self.hasher.verify(slot, password, user.map(|user| &*user.password_hash)).await?;
        if !fits {
            self.failed(&attempt);
            let failed = event(Action::LogInFailed);
            let is_closed = known.as_ref().is_some_and(|user| user.banned_at.is_some());
            self.reports.report(if is_closed { failed.note("banned") } else { failed }).await;
            return Err(Error::WrongPassword);
        }
        let mut user = known.ok_or(Error::WrongPassword)?;
        if imported_hash::is_one(&user.password_hash) {
            let (new, _slot) = self.hasher.hash_again(slot, password).await?;
            // A password that was chosen meanwhile stays; `confirm` refuses the old one.
            self.db.replace_imported_hash(user.id, &user.password_hash, &new).await?;
            user.password_hash = new;
        }
        Ok(user)
    }

    /// Checks that the password is still current, after the session was stored: a password change ends all sessions that it
    /// finds, so none can slip through.
    ///
    /// # Errors
    /// [`Error::WrongPassword`].
    pub async fn confirm(&self, user: &User, source: &Source) -> Result<()> {
        let now = self.db.find_user(user.id).await?;
        let is_same = now.is_some_and(|now| now.banned_at.is_none() && now.password_hash == user.password_hash);
        if !is_same {
            self.reports.report(self.event(Action::LogInFailed, source).about(&*user.username).note("access changed")).await;
            return Err(Error::WrongPassword);
        }
        Ok(())
    }

    /// The event of a log-in. It is stored together with the session that begins.
    pub fn log_in_event(&self, user: &User, source: &Source) -> Event {
        self.event(Action::LogIn, source).by(user.id, &user.username).about(&*user.username)
    }

    /// The device token to store in the browser. A valid earlier token keeps its device.
    pub fn remember(&self, user: &User, kept: Option<&str>) -> String {
        let device = kept.and_then(|kept| self.devices.verify(kept, Some(user)));
        self.devices.sign(device.unwrap_or_else(|| DeviceId::random(user.id)), &user.password_hash)
    }

    /// Verifies the password of a signed-in user; of one without a password, that they logged in a moment ago. Failures count against
    /// this session alone: a borrowed browser cannot be used to lock the owner out, and strangers' guesses do not matter.
    ///
    /// # Errors
    /// `invalid` for `field`; `rate_limited` after too many wrong passwords; `busy`.
    pub(super) async fn verify_password(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        password: &str,
        field: &'static str,
        source: &Source,
    ) -> Result<()> {
        let attempt = Attempt::Session(session.clone());
        let event = |action| self.event(action, source).by(user.id, &user.username).about(&*user.username);
        let backoff = self.may_try(&attempt, || event(Action::Throttled).note("password_check"))?;
        let stored = self.db.find_user(user.id).await?.map(|user| user.password_hash);
        if stored.as_deref().is_some_and(str::is_empty) {
            // An account that single sign-on created has no password until its person chooses one.
            return if user.confirmed_at.plus(RECENT) > self.clock.now() {
                Ok(())
            } else {
                Err(Error::invalid(field, NO_PASSWORD))
            };
        }
        let ticket = Ticket { client: Some(Client::Person(user.id)), failures: backoff.failures, ..Ticket::default() };
        let slot = self.hasher.choice_slot(ticket).await?;
        self.may_try(&attempt, || event(Action::Throttled).note("password_check"))?;
        let (fits, slot) = self.hasher.verify(slot, password, stored.as_deref()).await?;
        if !fits {
            self.failed(&attempt);
            self.reports.report(event(Action::PasswordCheckFailed)).await;
            return Err(Error::invalid(field, "That’s not your current password."));
        }
        drop(slot);
        Ok(())
    }

    /// Whether somebody has a password.
    pub async fn has_password(&self, user: &SessionUser) -> Result<bool> {
        Ok(self.db.find_user(user.id).await?.is_some_and(|user| !user.password_hash.is_empty()))
    }

    pub(super) fn may_try(&self, attempt: &Attempt, event: impl FnOnce() -> Event) -> Result<Backoff> {
        self.throttle.check(attempt, self.clock.now()).map_err(|Limited { retry_after, is_first }| {
            if is_first {
                self.reports.report_later(event());
            }
            Error::RateLimited { retry_after }
        })
    }
}
