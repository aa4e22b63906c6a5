//! Logging in, and showing one's password again.
//!
//! Owns what is told of a failure (nothing that says which names exist) and what it counts against.

use super::device::DeviceId;
use super::hashing_queue::{Client, Ticket};
use super::session::SessionUser;
use super::throttle::{Attempt, Backoff, network};
use super::{Accounts, rate_limiter::Limited};
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::model::SessionKey;
use crate::model::username::Username;
use crate::security_log::{Action, Event, Source};

impl Accounts {
    /// Who has this name and password. A wrong name and a wrong password cannot be told apart, by the answer or by the time.
    /// `device` is what the browser keeps since it logged in before.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], `rate_limited` after too many failures, or `busy`.
    pub async fn authenticate(&self, username: &str, password: &str, device: Option<&str>, source: &Source) -> Result<User> {
        // A name that cannot exist is worked on like one that does not.
        let account = Username::parse(username).map_or_else(|_| String::new(), |name| name.as_str().to_owned());
        let known = self.db.find_user_by_name(&account).await?;
        let from = source.address.map(network);
        let (attempt, client) = match device.and_then(|kept| self.devices.find(kept, known.as_ref())) {
            Some(device) => (Attempt::Device(device), Some(Client::Person(device.user))),
            None => (Attempt::Stranger { account, network: from }, from.map(Client::Network)),
        };
        // Nobody's name is noted: somebody may have typed their password there.
        let event = |action| self.event(action, source).about(known.as_ref().map(|user| &*user.username));
        let backoff = self.may_try(&attempt, || event(Action::Throttled).detail("log_in"))?;
        let guessed = if let Attempt::Stranger { account, .. } = &attempt { Some(account.clone()) } else { None };
        let ticket = Ticket { client, failures: backoff.failures, account: guessed, pause: backoff.pause };
        let slot = self.hasher.log_in_slot(ticket).await?;
        // Of many at once, each sees when its slot comes what became of those before it: they do not slip through together, and
        // those who know their passwords do not stand in each other's way.
        self.may_try(&attempt, || event(Action::Throttled).detail("log_in"))?;
        let user = known.as_ref().filter(|user| user.banned_at.is_none());
        let (fits, slot) = self.hasher.verify(slot, password, user.map(|user| &*user.password_hash)).await?;
        if !fits {
            self.throttle.fail(attempt, self.clock.now());
            let failed = event(Action::LogInFailed);
            let is_banned = known.as_ref().is_some_and(|user| user.banned_at.is_some());
            self.security.note(if is_banned { failed.detail("banned") } else { failed });
            return Err(Error::WrongPassword);
        }
        drop(slot);
        known.ok_or(Error::WrongPassword)
    }

    /// Whether the password that somebody has just shown is still theirs. It is asked once their session is stored: a change of the
    /// password ends all sessions that it finds, so none slips through beside it. Then they are in, and that is noted.
    ///
    /// # Errors
    /// [`Error::WrongPassword`].
    pub async fn confirm(&self, user: &User, source: &Source) -> Result<()> {
        let now = self.db.find_user(user.id).await?;
        let is_same = now.is_some_and(|now| now.banned_at.is_none() && now.password_hash == user.password_hash);
        if !is_same {
            return Err(Error::WrongPassword);
        }
        self.security.note(self.event(Action::LogIn, source).by(&user.username));
        Ok(())
    }

    /// What a browser is to keep, so that it is known when somebody logs in again. The device stays the same where it kept something
    /// that is still good.
    pub fn remember(&self, user: &User, kept: Option<&str>) -> String {
        let device = kept.and_then(|kept| self.devices.find(kept, Some(user)));
        self.devices.sign(device.unwrap_or_else(|| DeviceId::random(user.id)), &user.password_hash)
    }

    /// Whether this is the password of somebody who is signed in. What strangers guess is no matter, and what is guessed here counts
    /// against this session alone: a borrowed browser does not help anybody to guess, and locks nobody out.
    ///
    /// # Errors
    /// `invalid`, for `field`; `rate_limited` after too many wrong ones; `busy`.
    pub(super) async fn verify_password(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        password: &str,
        field: &'static str,
        source: &Source,
    ) -> Result<()> {
        let attempt = Attempt::Session(session.clone());
        let event = |action| self.event(action, source).by(&user.username).about(&*user.username);
        let backoff = self.may_try(&attempt, || event(Action::Throttled).detail("password_check"))?;
        let stored = self.db.find_user(user.id).await?.map(|user| user.password_hash);
        let ticket = Ticket { client: Some(Client::Person(user.id)), failures: backoff.failures, ..Ticket::default() };
        let slot = self.hasher.choice_slot(ticket).await?;
        self.may_try(&attempt, || event(Action::Throttled).detail("password_check"))?;
        let (fits, slot) = self.hasher.verify(slot, password, stored.as_deref()).await?;
        if !fits {
            self.throttle.fail(attempt, self.clock.now());
            self.security.note(event(Action::PasswordCheckFailed));
            return Err(Error::invalid(field, "That’s not your current password."));
        }
        drop(slot);
        Ok(())
    }

    pub(super) fn may_try(&self, attempt: &Attempt, event: impl FnOnce() -> Event) -> Result<Backoff> {
        self.throttle.check(attempt, self.clock.now()).map_err(|Limited { retry_after, is_first }| {
            if is_first {
                self.security.note(event());
            }
            Error::RateLimited { retry_after }
        })
    }
}
