//! Second factors: setting up an authenticator app, recovery codes, removing them, and checking a code.
//!
//! Owns what counts as a right code, how many wrong ones are allowed, and who may remove a second factor. A code is accepted once, on all
//! nodes (`db::second_factor`). It must not begin sessions.

use std::sync::Arc;

use super::session::{Announced, NewLogIn, SessionUser};
use super::throttle::Attempt;
use super::totp::{self, Enrollment};
use super::{Accounts, hash, to_its_end};
use crate::db::passkeys::PasskeyRow;
use crate::db::people::Profile;
use crate::error::{Error, Result};
use crate::events::{Event as Published, SessionEnd};
use crate::model::{SessionKey, UserId};
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Event, Source};

/// How many recovery codes a person gets.
const RECOVERY_CODES: usize = 10;
/// The signs of a recovery code: no two look alike.
const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// The signs of one code, of five bits each.
const LENGTH: usize = 16;

const HAS_TOTP: Error = Error::Forbidden("You already use an authenticator app. Remove it first.");
const NOT_STARTED: Error = Error::NotFound("QR code");
const NO_SECOND_FACTOR: Error = Error::NotFound("second factor");

/// The second factors of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondFactors {
    /// Whether they use an authenticator app.
    pub has_totp: bool,
    /// Their passkeys, the oldest first.
    pub passkeys: Vec<PasskeyRow>,
    /// How many recovery codes they have left.
    pub recovery_codes: i64,
}

/// How somebody proved who they are, beside a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A code of an authenticator app.
    Totp,
    /// A recovery code, which is used up.
    RecoveryCode,
}

impl Proof {
    /// Its name in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "authenticator app",
            Self::RecoveryCode => "recovery code",
        }
    }
}

impl Accounts {
    /// A person's second factors.
    pub async fn second_factors(&self, user: UserId) -> Result<SecondFactors> {
        let has_totp = self.db.find_totp(user).await?.is_some_and(|totp| totp.confirmed_at.is_some());
        let (passkeys, recovery_codes) = (self.db.list_passkeys(user).await?, self.db.count_recovery_codes(user).await?);
        Ok(SecondFactors { has_totp, passkeys, recovery_codes })
    }

    /// Whether a person has a second factor.
    pub async fn has_second_factor(&self, user: UserId) -> Result<bool> {
        Ok(self.db.has_second_factor(user).await?)
    }

    /// Whether a person must have a second factor and has none.
    pub async fn lacks_second_factor(&self, user: UserId) -> Result<bool> {
        let is_required = match self.db.find_user(user).await? {
            Some(user) => !user.is_bot && self.sessions.required().includes(user.is_admin),
            None => false,
        };
        Ok(is_required && !self.db.has_second_factor(user).await?)
    }

    /// Begins to set up an authenticator app: a new secret, which counts once a code of it was right.
    ///
    /// # Errors
    /// `forbidden` for those who have one.
    pub async fn start_totp(&self, user: &SessionUser) -> Result<Enrollment> {
        let secret = totp::new_secret();
        if !self.db.start_totp(user.id, &secret, self.clock.now()).await? {
            return Err(HAS_TOTP);
        }
        Enrollment::new(&user.username, secret)
    }

    /// The authenticator app that waits for its first code.
    pub async fn started_totp(&self, user: &SessionUser) -> Result<Option<Enrollment>> {
        let waiting = self.db.find_totp(user.id).await?.filter(|totp| totp.confirmed_at.is_none());
        waiting.map(|totp| Enrollment::new(&user.username, totp.secret)).transpose()
    }

    /// Ends the set-up with the app's first code; returns new recovery codes, which are shown once.
    ///
    /// # Errors
    /// `invalid` for `code`; `not_found` if nothing was begun; `rate_limited` after too many wrong codes.
    pub async fn confirm_totp(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        code: &str,
        source: &Source,
    ) -> Result<Vec<String>> {
        let waiting = self.db.find_totp(user.id).await?.filter(|totp| totp.confirmed_at.is_none()).ok_or(NOT_STARTED)?;
        let attempt = Attempt::Session(session.clone());
        let charged = self.charge(&attempt, || self.event_by(Action::Throttled, user, source).note("second_factor"))?;
        let now = self.clock.now();
        let step = totp::code(code).map(|code| totp::step_of(&waiting.secret, &code, now)).transpose()?.flatten();
        let Some(step) = step else {
            self.shared_failures.send(charged);
            return Err(Error::invalid("code", "That code isn’t right. Check your device’s clock, and enter the current code."));
        };
        self.throttle.refund(&charged);
        let (codes, hashes) = new_recovery_codes();
        let event = self.event_by(Action::AddTotp, user, source);
        if !self.db.confirm_totp(user.id, waiting.secret, step, now, hashes, &event).await? {
            return Err(NOT_STARTED);
        }
        self.reports.committed(&event);
        Ok(codes)
    }

    /// Removes the authenticator app and the recovery codes.
    ///
    /// # Errors
    /// `invalid` for `password`; `not_found` without one; `rate_limited`; `busy`.
    pub async fn remove_totp(
        self: &Arc<Self>,
        user: &SessionUser,
        session: &SessionKey,
        password: &str,
        source: &Source,
    ) -> Result<()> {
        self.verify_password(user, session, password, "password", source).await?;
        let (accounts, user, source) = (self.clone(), user.clone(), source.clone());
        to_its_end(async move {
            let event = accounts.event_by(Action::RemoveTotp, &user, &source);
            if !accounts.db.remove_totp(user.id, &event).await? {
                return Err(NO_SECOND_FACTOR);
            }
            accounts.access_reduced(user.id).await;
            accounts.reports.committed(&event);
            Ok(())
        })
        .await
    }

    /// Replaces the recovery codes; returns the new ones, which are shown once.
    ///
    /// # Errors
    /// `invalid` for `password`; `not_found` without a second factor; `rate_limited`; `busy`.
    pub async fn renew_recovery_codes(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        password: &str,
        source: &Source,
    ) -> Result<Vec<String>> {
        self.verify_password(user, session, password, "password", source).await?;
        if !self.db.has_second_factor(user.id).await? {
            return Err(NO_SECOND_FACTOR);
        }
        let (codes, hashes) = new_recovery_codes();
        let event = self.event_by(Action::RenewRecoveryCodes, user, source);
        self.db.replace_recovery_codes(user.id, hashes, &event).await?;
        self.reports.committed(&event);
        Ok(codes)
    }

    /// Removes somebody's second factor, by an administrator. All their sessions end, and their next one says so.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`, also without a second factor.
    pub async fn remove_second_factor_of(self: &Arc<Self>, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        permissions::may_administer(by.actor(), ServerAction::RemoveSecondFactor)?;
        let event = self.event_by(Action::RemoveSecondFactor, by, source);
        let (accounts, username) = (self.clone(), username.to_owned());
        to_its_end(async move {
            let profile = accounts.profile(&username).await?;
            accounts.remove_all_factors(&profile, event.about(&*profile.username)).await?;
            Ok(profile)
        })
        .await
    }

    /// The same at the command line.
    ///
    /// # Errors
    /// `not_found`, also without a second factor.
    pub async fn remove_second_factor_by_hand(&self, username: &str) -> Result<Profile> {
        let profile = self.profile(username).await?;
        let event = self.event(Action::RemoveSecondFactor, &Source::default()).by_hand().about(&*profile.username);
        self.remove_all_factors(&profile, event).await?;
        Ok(profile)
    }

    async fn remove_all_factors(&self, profile: &Profile, event: Event) -> Result<()> {
        let told = NewLogIn { what: Announced::SecondFactorRemoved, at: self.clock.now(), address: None, user_agent: None };
        let told = serde_json::to_string(&told).map_err(|error| Error::Internal(error.to_string()))?;
        if self.db.remove_second_factor(profile.id, told, &event).await?.is_none() {
            return Err(NO_SECOND_FACTOR);
        }
        self.access_ended(profile.id, SessionEnd::Ended).await;
        self.reports.committed(&event);
        Ok(())
    }

    /// Has every connection of a person end if they must have a second factor and have none: after they lost one, or got a role.
    pub async fn access_reduced(&self, user: UserId) {
        self.events.deliver(Published::AccessReduced { user }).await;
    }

    /// Whether a code is right: one of the person's authenticator app or a recovery code. It is used up.
    pub(super) async fn accept_code(&self, user: UserId, typed: &str) -> Result<Option<Proof>> {
        if let Some(code) = totp::code(typed) {
            let Some(totp) = self.db.find_totp(user).await?.filter(|totp| totp.confirmed_at.is_some()) else { return Ok(None) };
            let Some(step) = totp::step_of(&totp.secret, &code, self.clock.now())? else { return Ok(None) };
            return Ok(self.db.accept_totp_step(user, step).await?.then_some(Proof::Totp));
        }
        let Some(code) = recovery_code(typed) else { return Ok(None) };
        Ok(self.db.use_recovery_code(user, &hash(&code)).await?.then_some(Proof::RecoveryCode))
    }

    /// Confirms in a session who its person is, by their password or a code.
    ///
    /// # Errors
    /// `invalid` for `password` or `code`; `rate_limited`; `busy`; `unauthenticated` if the session has ended.
    pub async fn confirm_session(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        password: &str,
        code: &str,
        source: &Source,
    ) -> Result<()> {
        let event = self.event_by(Action::Confirm, user, source);
        let event = if code.trim().is_empty() {
            self.verify_password(user, session, password, "password", source).await?;
            event.note("password")
        } else {
            let attempt = Attempt::Session(session.clone());
            let charged = self.charge(&attempt, || self.event_by(Action::Throttled, user, source).note("second_factor"))?;
            let Some(proof) = self.accept_code(user.id, code).await? else {
                self.shared_failures.send(charged);
                self.reports.report(self.event_by(Action::SecondFactorFailed, user, source)).await;
                return Err(Error::invalid("code", Error::WrongCode.to_string()));
            };
            self.throttle.refund(&charged);
            event.note(proof.as_str())
        };
        if !self.db.confirm_session(session.as_str(), self.clock.now(), &event).await? {
            return Err(Error::Unauthenticated);
        }
        self.reports.committed(&event);
        Ok(())
    }

    /// An event of now that a person causes about themselves.
    pub(super) fn event_by(&self, action: Action, user: &SessionUser, source: &Source) -> Event {
        self.event(action, source).by(user.id, &user.username).about(&*user.username)
    }
}

/// New recovery codes as they are shown, and their hashes.
pub(super) fn new_recovery_codes() -> (Vec<String>, Vec<String>) {
    let codes: Vec<[u8; LENGTH]> =
        (0..RECOVERY_CODES).map(|_| rand::random::<[u8; LENGTH]>().map(|byte| SIGNS[usize::from(byte % 32)])).collect();
    let plain: Vec<String> = codes.iter().map(|code| code.iter().copied().map(char::from).collect()).collect();
    let shown = plain.iter().map(|code| format!("{}-{}-{}-{}", &code[..4], &code[4..8], &code[8..12], &code[12..])).collect();
    (shown, plain.iter().map(|code| hash(code)).collect())
}

/// What looks like a recovery code, as it is hashed.
fn recovery_code(typed: &str) -> Option<String> {
    let code: String =
        typed.chars().filter(|sign| !sign.is_whitespace() && *sign != '-').map(|sign| sign.to_ascii_lowercase()).collect();
    (code.len() == LENGTH && code.bytes().all(|sign| SIGNS.contains(&sign))).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_read_as_they_are_shown() {
        let (shown, hashes) = new_recovery_codes();
        assert_eq!((shown.len(), hashes.len()), (10, 10));
        for (code, hashed) in shown.iter().zip(&hashes) {
            assert_eq!(code.len(), 19);
            for typed in [code.clone(), code.to_uppercase(), format!(" {} ", code.replace('-', " ")), code.replace('-', "")] {
                assert_eq!(recovery_code(&typed).map(|code| hash(&code)).as_ref(), Some(hashed), "{typed}");
            }
        }
        for typed in ["", "123456", "abcd-abcd-abcd-abc", "abcd-abcd-abcd-abc1", "abcd-abcd-abcd-abcdd"] {
            assert_eq!(recovery_code(typed), None, "{typed}");
        }
    }
}
