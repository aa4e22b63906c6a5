//! The first administrator: the one-time token, and whether there is an administrator yet.
//!
//! Owns both. Who registers with the token is `registration`'s.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use super::throttle::{Attempt, network};
use super::{Accounts, hash, token};
use crate::error::{Error, Result};
use crate::security_log::{Action, Source};

/// What there is to set up.
pub(super) struct Setup {
    /// Lets whoever holds it become the administrator; none when there was one at the start.
    token: Option<String>,
    /// Once there is one, there always is.
    has_admin: AtomicBool,
    /// Held by whoever uses the token: of two at once, the second finds an administrator.
    pub(super) alone: Mutex<()>,
}

impl Setup {
    /// A new token, unless there is an administrator.
    pub(super) fn new(has_admin: bool) -> Self {
        Self { token: (!has_admin).then(token), has_admin: has_admin.into(), alone: Mutex::default() }
    }

    /// Whether this is the token. Compared by their hashes: how long it takes says nothing about it.
    pub(super) fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| hash(token) == hash(given))
    }

    /// Notes that there is an administrator.
    pub(super) fn done(&self) {
        self.has_admin.store(true, Ordering::Release);
    }
}

impl Accounts {
    /// The token of the link through which the administrator registers; none when there was one at the start.
    pub fn setup_token(&self) -> Option<&str> {
        self.setup.token.as_deref()
    }

    /// Whether anybody looks after the server. The database is only asked while nobody does: the command line may have made one.
    ///
    /// # Errors
    /// The database's.
    pub async fn has_admin(&self) -> Result<bool> {
        if self.setup.has_admin.load(Ordering::Acquire) {
            return Ok(true);
        }
        let has_admin = self.db.has_admin().await?;
        if has_admin {
            self.setup.done();
        }
        Ok(has_admin)
    }

    /// The token of the set-up, out of what somebody pasted: the token, or the link or the line that it stands in.
    ///
    /// # Errors
    /// `invalid` for `token`, when it is another; `rate_limited` after too many.
    pub async fn check_setup(&self, pasted: &str, source: &Source) -> Result<String> {
        let given = pasted.rsplit("setup=").next().unwrap_or_default().trim();
        if given.is_empty() {
            return Err(Error::invalid("token", "Paste the token, or the whole link."));
        }
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).detail("setup"))?;
        if self.setup.is_token(given) && !self.has_admin().await? {
            return Ok(given.to_owned());
        }
        self.throttle.fail(attempt, self.clock.now());
        self.security.note(self.event(Action::SetupRefused, source));
        Err(Error::invalid("token", "That’s not the token. Each start of Parlor prints a new one: copy the latest."))
    }
}
