//! Set-up of the first administrator.
//!
//! Owns the one-time token, and whether an administrator exists. `registration` uses the token.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use super::throttle::{Attempt, network};
use super::{Accounts, hash};
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::security_log::{Action, Source};

/// The state of the set-up.
pub(super) struct Setup {
    /// Makes its holder the administrator; `None` if there was one at start.
    token: Option<String>,
    /// Once true, it stays true.
    has_admin: AtomicBool,
    /// Serializes uses of the token: the second finds an administrator.
    pub(super) alone: Mutex<()>,
}

impl Setup {
    /// Creates a token unless there is an administrator.
    pub(super) fn new(has_admin: bool) -> Self {
        Self { token: (!has_admin).then(random_hex), has_admin: has_admin.into(), alone: Mutex::default() }
    }

    /// Compares by hash, so that the timing reveals nothing.
    pub(super) fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| hash(token) == hash(given))
    }

    /// Records that there is an administrator.
    pub(super) fn done(&self) {
        self.has_admin.store(true, Ordering::Release);
    }
}

impl Accounts {
    /// The token of the set-up link; `None` if there was an administrator at start.
    pub fn setup_token(&self) -> Option<&str> {
        self.setup.token.as_deref()
    }

    /// Whether there is an administrator. Queries the database until there is one, because the command line may create it.
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

    /// Extracts the set-up token from pasted text: the token, the link, or the log line that contains it.
    ///
    /// # Errors
    /// `invalid` for `token` if it is wrong; `rate_limited` after too many guesses.
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
