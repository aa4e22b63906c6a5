//! Single sign-on: log-ins by an OpenID provider, and the accounts that belong to identities there.
//!
//! Owns that a log-in comes back in the browser that began it, once and soon, at whichever node; which account an identity belongs to; and
//! what its groups give. An account is found by issuer and subject, never by a name or an address, which others could have at the
//! provider. What is said to the provider is `oidc`'s.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::session::SessionUser;
use super::throttle::{Attempt, network};
use super::{Accounts, hash, to_its_end};
use crate::clock::Millis;
use crate::config::{Config, Registration};
use crate::db::identities::{Linked, Unlinked};
use crate::db::users::User;
use crate::encoding::{from_hex, hex};
use crate::error::{Error, Result};
use crate::model::{ServerRole, SessionKey};
use crate::oidc::{Fault, Identity, Provider, Secrets};
use crate::security_log::{Action, Source};

/// How long a log-in may take at the provider, in milliseconds.
const LIFETIME: i64 = 10 * 60 * 1000;
/// The longest path to return to.
const LONGEST_PATH: usize = 512;

/// Where a browser comes back to.
pub const CALLBACK: &str = "/login/oidc/callback";

const OFF: Error = Error::NotFound("page");
const EXPIRED: Error = Error::Forbidden("This log-in has expired, or was begun in another browser. Try again.");
const REFUSED: Error = Error::Forbidden("This log-in didn’t work. Try again, or log in with your password.");
const CANCELLED: Error = Error::Forbidden("You didn’t log in there.");
const NO_ACCOUNT: Error = Error::Forbidden(
    "There’s no account for you here yet. If you have one, log in with your password, then link it in your settings.",
);
const NO_ACCESS: Error = Error::Forbidden("This account can’t log in. Ask an administrator.");
const TAKEN: Error = Error::Forbidden("Another account is linked to this one there.");
const HAS_ANOTHER: Error = Error::Forbidden("Your account is linked already. Unlink it first.");
const LAST_WAY: Error =
    Error::Forbidden("Your account has no password: without single sign-on you couldn’t log in. Choose a password first.");

/// The provider, and what its identities may do here.
pub struct SingleSignOn {
    provider: Option<Provider>,
    name: String,
    issuer: String,
    /// Whether it creates accounts; none: if everybody may register.
    creates_accounts: Option<bool>,
    admin_group: Option<String>,
    /// Makes the secrets of log-ins; all nodes share it.
    key: Hmac<Sha256>,
}

/// A log-in that begins.
#[derive(Debug)]
pub struct Begun {
    /// Where to send the browser.
    pub url: String,
    /// What the browser keeps until it comes back.
    pub cookie: String,
}

/// What the provider sends back with the browser.
#[derive(Clone, Debug, Default)]
pub struct Returned {
    /// The state.
    pub state: String,
    /// The code; empty after a refusal.
    pub code: String,
    /// Who says so, if it is said (RFC 9207).
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// What came of a log-in that came back.
#[derive(Debug)]
pub enum Outcome {
    /// This person is who they are, and wants to go there.
    LogIn(User, String),
    /// The identity was linked to the account of whoever is signed in.
    Linked,
}

/// A person's link to the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLink {
    /// What the provider is called.
    pub name: String,
    /// When it was linked.
    pub since: Option<Millis>,
    /// Whether there is a password to log in with instead.
    pub has_password: bool,
}

/// What a browser keeps of a log-in: random digits, until when it is good, the session that links, and where to go.
struct Pending<'a> {
    text: &'a str,
    expires_at: Millis,
    session: &'a str,
    next: String,
}

impl<'a> Pending<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let [_, expires_at, session, next] = text.split('.').collect::<Vec<_>>().try_into().ok()?;
        let next = String::from_utf8(from_hex(next)?).ok()?;
        Some(Self { text, expires_at: Millis(expires_at.parse().ok()?), session, next })
    }
}

impl SingleSignOn {
    /// As the settings say. `key` is the database's, which all nodes share.
    pub fn new(config: &Config, key: &str) -> Self {
        let settings = config.oidc.as_ref();
        Self {
            provider: Provider::new(config),
            name: settings.map_or_else(String::new, |settings| settings.name.clone()),
            issuer: settings.map_or_else(String::new, |settings| settings.issuer.clone()),
            creates_accounts: settings.and_then(|settings| settings.create_accounts),
            admin_group: settings.and_then(|settings| settings.admin_group.clone()),
            key: Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length"),
        }
    }

    /// The secrets of a log-in. They follow from what its browser keeps, so that no node has to remember them; without the key nobody can
    /// make up a state that fits.
    fn secrets(&self, pending: &str) -> Secrets {
        let secret = |what: &str| {
            let mac = self.key.clone().chain_update(format!("oidc {what}\n")).chain_update(pending);
            hex(&mac.finalize().into_bytes())
        };
        Secrets { state: secret("state"), nonce: secret("nonce"), verifier: secret("verifier") }
    }

    fn provider(&self) -> Result<&Provider> {
        self.provider.as_ref().ok_or(OFF)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unreachable => Self::ProviderUnavailable,
            Fault::Refused => REFUSED,
        }
    }
}

impl Accounts {
    /// What the provider is called, if there is one.
    pub fn provider_name(&self) -> Option<&str> {
        self.single_sign_on.provider.as_ref().map(|_| &*self.single_sign_on.name)
    }

    /// Begins a log-in, after which the browser goes to `next`.
    ///
    /// # Errors
    /// `not_found` without a provider; `unavailable` if it does not answer.
    pub async fn begin_oidc(&self, next: &str) -> Result<Begun> {
        self.begin("", next).await
    }

    /// Begins to link an identity to the account of this session.
    ///
    /// # Errors
    /// `not_found` without a provider; `invalid` for `password`; `rate_limited`; `unavailable`.
    pub async fn begin_link(&self, user: &SessionUser, session: &SessionKey, password: &str, source: &Source) -> Result<Begun> {
        self.single_sign_on.provider()?;
        self.verify_password(user, session, password, "password", source).await?;
        self.begin(session.public_id(), "").await
    }

    async fn begin(&self, session: &str, next: &str) -> Result<Begun> {
        let provider = self.single_sign_on.provider()?;
        let next = if next.len() <= LONGEST_PATH { next } else { "" };
        let expires_at = self.clock.now().plus(LIFETIME).0;
        let cookie = format!("{}.{expires_at}.{session}.{}", hex(&rand::random::<[u8; 32]>()), hex(next.as_bytes()));
        let url = provider.log_in_url(&self.callback(), &self.single_sign_on.secrets(&cookie)).await?;
        Ok(Begun { url, cookie })
    }

    fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.mailing.site())
    }

    /// Ends a log-in that came back. `user` is who is signed in.
    ///
    /// # Errors
    /// `forbidden` for a log-in that is not this browser's, is old or was used, and for people who may not log in; `unavailable` if the
    /// provider does not answer; `rate_limited` after too many that failed.
    pub async fn finish_oidc(
        self: &Arc<Self>,
        cookie: &str,
        returned: Returned,
        user: Option<(&SessionUser, &SessionKey)>,
        source: &Source,
    ) -> Result<Outcome> {
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).note("oidc"))?;
        let finished = self.finish(cookie, returned, user, source).await;
        if let Err(error @ Error::Forbidden(_)) = &finished {
            self.failed(&attempt);
            tracing::debug!(%error, "a log-in by the log-in service failed");
        }
        finished
    }

    async fn finish(
        self: &Arc<Self>,
        cookie: &str,
        returned: Returned,
        user: Option<(&SessionUser, &SessionKey)>,
        source: &Source,
    ) -> Result<Outcome> {
        let sso = &self.single_sign_on;
        let provider = sso.provider()?;
        let pending = Pending::parse(cookie).ok_or(EXPIRED)?;
        let (secrets, now) = (sso.secrets(pending.text), self.clock.now());
        let is_ours = sso.key.clone().chain_update("oidc state\n").chain_update(pending.text);
        let is_ours = from_hex(&returned.state).is_some_and(|state| is_ours.verify_slice(&state).is_ok());
        if !is_ours || pending.expires_at <= now || returned.issuer.is_some_and(|issuer| issuer != sso.issuer) {
            return Err(EXPIRED);
        }
        if !self.db.use_oidc_state(hash(&secrets.state), now, pending.expires_at).await? {
            return Err(EXPIRED);
        }
        if let Some(error) = returned.error {
            return Err(if error == "access_denied" { CANCELLED } else { REFUSED });
        }
        let identity = provider.identify(&returned.code, &self.callback(), &secrets).await?;
        if pending.session.is_empty() {
            let user = self.log_in_by(identity, source).await?;
            return Ok(Outcome::LogIn(user, pending.next));
        }
        // The password was asked of this session, which must still be there.
        let (user, _) = user.filter(|(_, session)| session.public_id() == pending.session).ok_or(EXPIRED)?;
        let event = self.event(Action::LinkIdentity, source).by(user.id, &user.username).about(&*user.username);
        let Identity { issuer, subject, .. } = identity;
        match self.db.link_identity(user.id, issuer, subject, now, &event).await? {
            Linked::Yes => {
                self.reports.committed(&event);
                Ok(Outcome::Linked)
            }
            Linked::Taken => Err(TAKEN),
            Linked::HasAnother => Err(HAS_ANOTHER),
        }
    }

    /// The account of an identity, which is created if that is allowed, with the role that its groups give.
    async fn log_in_by(self: &Arc<Self>, identity: Identity, source: &Source) -> Result<User> {
        let (accounts, source) = (self.clone(), source.clone());
        to_its_end(async move {
            let user = match accounts.db.find_identity(&identity.issuer, &identity.subject).await? {
                Some(user) => accounts.db.find_user(user).await?.ok_or(NO_ACCOUNT)?,
                None if accounts.creates_for_identities() => accounts.register_identity(&identity, &source).await?,
                None => {
                    accounts.reports.report(accounts.event(Action::LogInFailed, &source).note("oidc: no account")).await;
                    return Err(NO_ACCOUNT);
                }
            };
            if user.banned_at.is_some() {
                let event = accounts.event(Action::LogInFailed, &source).about(&*user.username).note("banned");
                accounts.reports.report(event).await;
                return Err(NO_ACCESS);
            }
            accounts.set_role_by_groups(user, &identity.groups, &source).await
        })
        .await
    }

    /// Whether somebody whom the provider knows gets an account.
    fn creates_for_identities(&self) -> bool {
        let is_open = || self.settings.now().registration == Registration::Open;
        self.single_sign_on.creates_accounts.unwrap_or_else(is_open)
    }

    /// Makes somebody an administrator, or no longer, as their groups say. The last administrator stays one.
    async fn set_role_by_groups(&self, user: User, groups: &[String], source: &Source) -> Result<User> {
        let Some(group) = &self.single_sign_on.admin_group else { return Ok(user) };
        let is_admin = groups.contains(group);
        if is_admin == user.is_admin {
            return Ok(user);
        }
        let [before, after] = [user.is_admin, is_admin].map(|is_admin| if is_admin { "admin" } else { "member" });
        let event = self.event(Action::ChangeRole, source).about(&*user.username).note("oidc");
        let event = event.changed(Some(json!({ "role": before })), Some(json!({ "role": after })));
        let role = if is_admin { ServerRole::Admin } else { ServerRole::Member };
        if !self.db.set_role(user.id, role, &event).await? {
            tracing::warn!("the last administrator is not in the group of OIDC_ADMIN_GROUP, and stays one");
            return Ok(user);
        }
        self.access_reduced(user.id).await;
        self.reports.committed(&event);
        Ok(User { is_admin, ..user })
    }

    /// Whether, and since when, somebody's account is linked.
    ///
    /// # Errors
    /// `not_found` without a provider.
    pub async fn own_link(&self, user: &SessionUser) -> Result<OwnLink> {
        self.single_sign_on.provider()?;
        let (since, has_password) = self.db.find_identity_of(user.id, &self.single_sign_on.issuer).await?;
        Ok(OwnLink { name: self.single_sign_on.name.clone(), since, has_password })
    }

    /// Unlinks somebody's account.
    ///
    /// # Errors
    /// `not_found` without a provider or a link; `invalid` for `password`; `forbidden` if there is no password to log in with;
    /// `rate_limited`.
    pub async fn unlink(&self, user: &SessionUser, session: &SessionKey, password: &str, source: &Source) -> Result<()> {
        self.single_sign_on.provider()?;
        let (since, has_password) = self.db.find_identity_of(user.id, &self.single_sign_on.issuer).await?;
        if since.is_some() && !has_password {
            return Err(LAST_WAY);
        }
        self.verify_password(user, session, password, "password", source).await?;
        let event = self.event(Action::UnlinkIdentity, source).by(user.id, &user.username).about(&*user.username);
        match self.db.unlink_identity(user.id, self.single_sign_on.issuer.clone(), &event).await? {
            Unlinked::Yes => {
                self.reports.committed(&event);
                Ok(())
            }
            Unlinked::None => Err(Error::NotFound("link")),
            Unlinked::IsLastWay => Err(LAST_WAY),
        }
    }

    /// Where to log out at the provider too, and come back from to the log-in page.
    pub async fn provider_log_out_url(&self) -> Option<String> {
        self.single_sign_on.provider.as_ref()?.log_out_url(&format!("{}/login", self.mailing.site())).await
    }
}
