//! Set-up of the first administrator.
//!
//! Owns the one-time token, and whether an administrator exists. The database holds the tokens' hashes, so that the link that one node
//! printed works on all nodes. `registration` uses the token.

use std::sync::atomic::Ordering;

use super::throttle::{Attempt, network};
use super::{Accounts, hash};
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::security_log::{Action, Source};

/// Tokens of other nodes that are older than this are deleted at start, in milliseconds.
const MAX_AGE_MS: i64 = 24 * 60 * 60 * 1000;

impl Accounts {
    /// Creates the token of a set-up link; `None` if there is an administrator. Called once, at start.
    pub async fn new_setup_token(&self) -> Result<Option<String>> {
        let now = self.clock.now();
        // A SQLite file has one node: each start replaces the link of the one before.
        let keep = if self.db.shared().is_some() { MAX_AGE_MS } else { 0 };
        self.db.delete_setup_tokens(now.plus(-keep)).await?;
        if self.has_admin().await? {
            return Ok(None);
        }
        let token = random_hex();
        self.db.insert_setup_token(&hash(&token), now).await?;
        Ok(Some(token))
    }

    /// Whether a token makes its holder the administrator. It is found by its hash, so that the timing reveals nothing.
    pub(super) async fn is_setup_token(&self, given: &str) -> Result<bool> {
        Ok(!self.has_admin().await? && self.db.has_setup_token(&hash(given)).await?)
    }

    /// Whether there is an administrator. Queries the database until there is one, because the command line or another node may create it.
    pub async fn has_admin(&self) -> Result<bool> {
        if self.has_admin.load(Ordering::Acquire) {
            return Ok(true);
        }
        let has_admin = self.db.has_admin().await?;
        self.has_admin.fetch_or(has_admin, Ordering::AcqRel);
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
        self.may_try(&attempt, || self.event(Action::Throttled, source).note("setup"))?;
        if self.is_setup_token(given).await? {
            return Ok(given.to_owned());
        }
        self.failed(&attempt);
        self.reports.report_later(self.event(Action::SetupRefused, source));
        Err(Error::invalid("token", "That’s not the token. Each start of Parlor prints a new one: copy the latest."))
    }
}
