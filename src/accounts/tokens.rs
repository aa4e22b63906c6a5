//! Access tokens: secrets with which programs act for a person, or for another account that the person answers for.
//!
//! Owns their bounds, who may make and revoke them, and the check of a secret. A token is a session with scopes
//! (docs/decisions/0095): whatever ends all access of an account ends its tokens. A secret is shown once: the database has only its
//! hash.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;

use super::mailing::{About, device};
use super::rate_limiter::{Limited, Quota, RateLimiter};
use super::session::SessionUser;
use super::throttle::network;
use super::{Accounts, hash, to_its_end};
use crate::clock::Millis;
use crate::config::Rate;
use crate::db::tokens::{NewToken, TokenRow};
use crate::error::{Error, Result};
use crate::events::{Event, SessionEnd};
use crate::model::{Scope, Scopes, SessionKey, UserId, validate};
use crate::security_log::{Action, Source};

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;
/// The lifetime of a token if none is chosen, in days.
pub const DAYS: i64 = 90;
/// The longest lifetime, in days. A token for 0 days does not expire.
pub const MAX_DAYS: i64 = 366;
/// How many valid tokens a person may have, with those of their bots.
pub const MAX: i64 = 50;
/// The longest name, in characters.
pub const MAX_NAME: usize = 64;
/// What every secret begins with, so that people and scanners of leaked secrets recognize one.
const PREFIX: &str = "parlor_";
/// How many random bytes follow, in base64.
const BYTES: usize = 32;
/// How many characters of a secret are kept to recognize it by.
const HINT: usize = 4;
/// When a token without an expiry ends: the last moment of the year 9999.
const NEVER: Millis = Millis(253_402_300_799_999);
/// How many refused secrets an address may send at once, in multiples of `LOGIN_RATE`: nobody guesses one, and a program with an old
/// secret must not be mistaken for a flood.
const BURST: i64 = 10;

/// The account that a token belongs to: the person's own, or one that they answer for.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its id.
    pub id: UserId,
    /// Its username.
    pub username: Arc<str>,
    /// Whether it is an administrator.
    pub is_admin: bool,
}

impl From<&SessionUser> for Owner {
    fn from(user: &SessionUser) -> Self {
        Self { id: user.id, username: user.username.clone(), is_admin: user.is_admin }
    }
}

/// What a token is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What its owner calls it.
    pub name: String,
    /// What it permits.
    pub scopes: Scopes,
    /// For how many days; 0 for ever.
    pub days: i64,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its public id, which is no secret.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it permits.
    pub scopes: Scopes,
    /// The last characters of its secret.
    pub hint: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it expires; never without.
    pub expires_at: Option<Millis>,
    /// When it was last used.
    pub last_used_at: Option<Millis>,
    /// The username of the bot that it belongs to; none if it is the person's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
}

impl Token {
    fn of(row: TokenRow) -> Self {
        let TokenRow { key, name, scopes, hint, created_at, expires_at, used_at, bot } = row;
        Self {
            id: SessionKey::from_digits(key).public_id().to_owned(),
            name,
            scopes: Scopes::of_text(&scopes),
            hint,
            created_at,
            expires_at: Some(expires_at).filter(|at| *at < NEVER),
            last_used_at: used_at,
            bot,
        }
    }
}

/// The refused secrets of each address.
pub(super) struct Refused(Option<Mutex<RateLimiter<IpAddr>>>);

impl Refused {
    pub fn new(rate: Option<Rate>) -> Self {
        Self(rate.map(|rate| Mutex::new(RateLimiter::new(Quota::new(rate).with_burst(BURST)))))
    }

    fn count(&self, address: Option<IpAddr>, now: Millis) -> Result<(), Limited> {
        let (Some(limiter), Some(address)) = (&self.0, address) else { return Ok(()) };
        let (mut limiter, network) = (limiter.lock(), network(address));
        limiter.check(&network, now)?;
        limiter.charge(network, now);
        Ok(())
    }
}

/// The session of the token with a secret, if the text can be one.
pub fn key(secret: &str) -> Option<SessionKey> {
    let random = secret.strip_prefix(PREFIX)?;
    let is_secret = URL_SAFE_NO_PAD.decode(random).is_ok_and(|bytes| bytes.len() == BYTES);
    is_secret.then(|| SessionKey::from_digits(hash(secret)))
}

impl Accounts {
    /// Makes a token for an account; returns it with its secret, and mails the person who made it. Whoever calls this has checked that `by`
    /// answers for the account and has confirmed who they are.
    ///
    /// # Errors
    /// `forbidden` for tokens, for more than [`MAX`], and for `admin` where the owner is no administrator; `invalid` or `too_long` for a field.
    pub async fn create_token(
        self: &Arc<Self>,
        by: &SessionUser,
        owner: Owner,
        terms: Terms,
        source: &Source,
    ) -> Result<(Token, String)> {
        if by.token.is_some() {
            return Err(Error::Forbidden("Tokens can’t create tokens. Log in to create one."));
        }
        let name = validate::line("name", &terms.name, MAX_NAME)?;
        if name.is_empty() {
            return Err(Error::invalid("name", "Give the token a name, such as what it’s for."));
        }
        if terms.scopes.is_empty() {
            return Err(Error::invalid("scopes", "Choose at least one scope: read, write or admin."));
        }
        if terms.scopes.allow(Scope::Admin) && !(by.is_admin && owner.is_admin) {
            return Err(Error::Forbidden("Only administrators can create tokens with the scope admin."));
        }
        if !(0..=MAX_DAYS).contains(&terms.days) {
            return Err(Error::invalid("days", format!("A token lasts for 1 to {MAX_DAYS} days, or with 0 until it’s revoked.")));
        }
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; BYTES]>()));
        let hint = secret[secret.len() - HINT..].to_owned();
        let created_at = self.clock.now();
        let expires_at = if terms.days == 0 { NEVER } else { created_at.plus(terms.days * DAY) };
        let row = TokenRow {
            key: hash(&secret),
            name,
            scopes: terms.scopes.to_text(),
            hint,
            created_at,
            expires_at,
            used_at: None,
            bot: (owner.id != by.id).then(|| owner.username.to_string()),
        };
        let token = Token::of(row.clone());
        let after = json!({ "id": token.id, "name": token.name, "scopes": token.scopes, "expires_at": token.expires_at });
        let event = self.event(Action::CreateToken, source).by(by.id, &by.username).about(&*owner.username);
        let event = event.changed(None, Some(after));
        let TokenRow { key, name, scopes, hint, .. } = row;
        let new = NewToken { key, user: owner.id, by: by.id, name, scopes, hint, created_at, expires_at };
        let about = About::NewToken {
            device: device(source),
            is_for_bot: owner.id != by.id,
            scopes: terms.scopes.to_text(),
            expires_at: token.expires_at,
        };
        let notice = self.notice(by.id, &about).await?;
        if !self.db.insert_token(new, MAX, notice, &event).await? {
            return Err(Error::Forbidden("You have 50 tokens, with those of your bots. Revoke some of them first."));
        }
        self.reports.committed(&event);
        Ok((token, secret))
    }

    /// The valid tokens of a person and of their bots, newest first.
    pub async fn tokens(&self, owner: UserId) -> Result<Vec<Token>> {
        let rows = self.db.list_tokens(owner, self.clock.now(), MAX).await?;
        Ok(rows.into_iter().map(Token::of).collect())
    }

    /// Revokes a token of the person or of one of their bots, and ends its sockets.
    ///
    /// # Errors
    /// `not_found`, also for somebody else's token.
    pub async fn revoke_token(self: &Arc<Self>, by: &SessionUser, id: &str, source: &Source) -> Result<()> {
        let (accounts, by, id, source) = (self.clone(), by.clone(), id.to_owned(), source.clone());
        to_its_end(async move {
            let found = accounts.db.find_token(by.id, &id).await?;
            let (key, name, owner, username) = found.ok_or(Error::NotFound("token"))?;
            let event = accounts.event(Action::RevokeToken, &source).by(by.id, &by.username).about(&*username);
            let event = event.changed(Some(json!({ "id": id, "name": name })), None);
            let ended = accounts.db.end_sessions(owner, Some(&key), None, &event).await?;
            if !ended.is_empty() {
                let session = SessionKey::from_digits(key);
                accounts.events.deliver(Event::SessionEnded { session, reason: SessionEnd::Ended }).await;
                accounts.reports.committed(&event);
            }
            Ok(())
        })
        .await
    }

    /// The session and the account of the token with this secret. The account may lack a second factor that it must have.
    ///
    /// # Errors
    /// `unauthenticated` for a secret that is unknown, expired or revoked, or whose account is closed; `rate_limited` after many of these.
    pub async fn token_user(&self, secret: &str, source: &Source) -> Result<(SessionKey, SessionUser)> {
        if let Some(key) = key(secret)
            && let Some(user) = self.any_session_user(&key).await?
            && user.token.is_some()
        {
            return Ok((key, user));
        }
        self.refused_tokens.count(source.address, self.clock.now()).map_err(|Limited { retry_after, is_first }| {
            if is_first {
                self.reports.report_later(self.event(Action::Throttled, source).note("token"));
            }
            Error::RateLimited { retry_after }
        })?;
        Err(Error::InvalidToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_secret_has_a_key() {
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([7; BYTES]));
        assert!(key(&secret).is_some());
        let truncated = &secret[..secret.len() - 1];
        for other in
            ["", "parlor_", "parlor", truncated, &secret.to_uppercase(), &format!("{secret}A"), &secret.replace("parlor_", "")]
        {
            assert!(key(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_flood_of_refused_secrets_is_refused_by_itself() {
        let refused = Refused::new(Some(Rate { count: 10.try_into().unwrap(), per: std::time::Duration::from_secs(60) }));
        let [one, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|address| Some(IpAddr::from(address)));
        let passed = (0..1000).take_while(|_| refused.count(one, Millis(0)).is_ok()).count();
        assert_eq!(passed, 100);
        assert!(refused.count(other, Millis(0)).is_ok());
        assert!((0..1000).all(|_| Refused::new(None).count(one, Millis(0)).is_ok()));
    }
}
