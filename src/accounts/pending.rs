//! Log-ins whose password was right and whose second factor is due.
//!
//! Owns how long they last and what makes them void: a new password, a ban, ended sessions. A pending log-in is no session; its token
//! is in the browser that gave the password, and every node can complete it.

use super::rate_limiter::Limited;
use super::second_factor::Proof;
use super::throttle::{Attempt, network};
use super::{Accounts, hash};
use crate::db::pending_log_ins::PendingLogIn;
use crate::db::users::User;
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::events::Failure;
use crate::security_log::{Action, Event, Source};

/// How long a person has for their second factor, in milliseconds.
pub const LIFETIME: i64 = 10 * 60 * 1000;
/// The longest path that a log-in leads to.
const LONGEST_NEXT: usize = 2048;

impl Accounts {
    /// Remembers that somebody's password was right; returns the token for their browser. `next` is where the log-in leads.
    pub async fn begin_pending(&self, user: &User, next: &str) -> Result<String> {
        let (token, now) = (random_hex(), self.clock.now());
        let next = if next.len() <= LONGEST_NEXT { next.to_owned() } else { String::new() };
        let log_in = PendingLogIn { user_id: user.id, password_digest: hash(&user.password_hash), next };
        self.db.insert_pending_log_in(hash(&token), log_in, now, now.plus(LIFETIME)).await?;
        Ok(token)
    }

    /// The person of a pending log-in, and where it leads; `None` if it is void.
    pub async fn find_pending(&self, token: &str) -> Result<Option<(User, String)>> {
        let Some(pending) = self.db.find_pending_log_in(&hash(token), self.clock.now()).await? else { return Ok(None) };
        let user = self.db.find_user(pending.user_id).await?;
        let user = user.filter(|user| user.banned_at.is_none() && hash(&user.password_hash) == pending.password_digest);
        Ok(user.map(|user| (user, pending.next)))
    }

    /// Ends a pending log-in that its person gave up.
    pub async fn drop_pending(&self, token: &str) -> Result<()> {
        self.db.take_pending_log_in(&hash(token), self.clock.now()).await?;
        Ok(())
    }

    /// Completes a pending log-in with a code of an authenticator app or a recovery code. `device` is the token of an earlier log-in.
    ///
    /// # Errors
    /// `unauthenticated` if the log-in is void, or the code is not right; `rate_limited` after too many wrong codes.
    pub async fn complete_pending(
        &self,
        token: &str,
        code: &str,
        device: Option<&str>,
        source: &Source,
    ) -> Result<(User, Proof, String)> {
        let (user, next) = self.find_pending(token).await?.ok_or(Error::Unauthenticated)?;
        let attempt = match device.and_then(|kept| self.devices.verify(kept, Some(&user))) {
            Some(device) => Attempt::Device(device),
            None => Attempt::SecondFactor { user: user.id, network: source.address.map(network) },
        };
        let event = |action| self.event(action, source).about(&*user.username);
        let charged = self.charge(&attempt, || event(Action::Throttled).note("second_factor"))?;
        let Some(proof) = self.accept_code(user.id, code).await? else {
            self.shared_failures.send(charged);
            self.reports.report(event(Action::SecondFactorFailed)).await;
            return Err(Error::WrongCode);
        };
        self.throttle.refund(&charged);
        if !self.db.take_pending_log_in(&hash(token), self.clock.now()).await? {
            return Err(Error::Unauthenticated);
        }
        Ok((user, proof, next))
    }

    /// Counts an attempt as failed, until it is refunded. Failures that are not are sent to the other nodes.
    pub(super) fn charge(&self, attempt: &Attempt, event: impl FnOnce() -> Event) -> Result<Vec<Failure>> {
        self.throttle.charge(attempt, self.clock.now()).map_err(|Limited { retry_after, is_first }| {
            if is_first {
                self.reports.report_later(event());
            }
            Error::RateLimited { retry_after }
        })
    }
}
