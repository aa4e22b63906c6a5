//! Forgotten passwords: links, by an administrator or by mail, with which somebody can choose a new one.
//!
//! Owns their lifetime and what a wrong link reveals, which is nothing about accounts. The database holds the hashes of their tokens.
//! Sessions end in the database first, then at every connection through an event.

use std::sync::Arc;

use super::hashing_queue::{Client, Ticket};
use super::mailing::{Notice, Purpose};
use super::rate_limiter::Limited;
use super::session::SessionUser;
use super::throttle::{Attempt, network};
use super::{Accounts, hash, password, to_its_end};
use tracing::Instrument;

use crate::clock::Millis;
use crate::db::emails::Reachable;
use crate::db::resets::ResetRow;
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::events::SessionEnd;
use crate::mail::Address;
use crate::model::username::Username;
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Event, Source};

/// Lifetime of a link, in milliseconds.
const LIFETIME: i64 = 60 * 60 * 1000;

const NO_LINK: Error = Error::NotFound("link");
const BANNED: Error = Error::Forbidden("They’re banned. Unban them first.");
const BOT: Error = Error::Forbidden("It’s a bot, and nobody logs in to it.");
const DEACTIVATED: Error = Error::Forbidden("Their account is deactivated. Reactivate it first.");

/// A link for a new password, as it is shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetLink {
    /// Its token.
    pub token: String,
    /// The username of the account.
    pub username: String,
    /// When it expires.
    pub expires_at: Millis,
}

impl ResetLink {
    /// The path of the link on this server.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/reset/{}", self.token)
    }
}

impl Accounts {
    /// Creates a link for somebody who forgot their password, by an administrator. Earlier links of that account end.
    ///
    /// # Errors
    /// `forbidden` for non-administrators, and for a banned or deactivated account; `not_found`.
    pub async fn new_reset_link(&self, by: &SessionUser, username: &str, source: &Source) -> Result<ResetLink> {
        permissions::may_administer(by.actor(), ServerAction::ResetPassword)?;
        self.store_reset_link(username, self.event(Action::CreateReset, source).by(by.id, &by.username)).await
    }

    /// Creates such a link at the command line.
    ///
    /// # Errors
    /// As [`Self::new_reset_link`].
    pub async fn new_reset_link_by_hand(&self, username: &str) -> Result<ResetLink> {
        self.store_reset_link(username, self.event(Action::CreateReset, &Source::default()).by_hand()).await
    }

    async fn store_reset_link(&self, username: &str, event: Event) -> Result<ResetLink> {
        let profile = self.profile(username).await?;
        if profile.is_bot {
            return Err(BOT);
        }
        if profile.is_deactivated {
            return Err(DEACTIVATED);
        }
        if profile.is_banned() {
            return Err(BANNED);
        }
        let (token, now) = (random_hex(), self.clock.now());
        let (expires_at, event) = (now.plus(LIFETIME), event.about(&*profile.username));
        self.db.insert_reset(profile.id, hash(&token), now, expires_at, true, &event).await?;
        self.reports.committed(&event);
        Ok(ResetLink { token, username: profile.username, expires_at })
    }

    /// Mails a link to whoever forgot their password. It returns before the account is looked up, so that neither the answer nor its timing
    /// depends on whether there is one.
    ///
    /// # Errors
    /// `rate_limited` after too many from one network; `busy`.
    pub fn ask_for_reset_link(self: &Arc<Self>, account: &str, source: &Source) -> Result<()> {
        if !self.mailing.is_on() {
            return Ok(());
        }
        let charged = self.mailing.charge_network(source.address.map(network), self.clock.now());
        charged.map_err(|Limited { retry_after, is_first }| {
            if is_first {
                self.reports.report_later(self.event(Action::Throttled, source).note("reset"));
            }
            Error::RateLimited { retry_after }
        })?;
        let place = self.mailing.lookup().ok_or(Error::BUSY)?;
        let account = account.trim().to_owned();
        // An address has an `@` within it, and a username has none.
        let name = account.strip_prefix('@').unwrap_or(&account);
        let username = Username::parse(name).ok();
        let address = Address::parse(&account).ok();
        let (accounts, source) = (self.clone(), source.clone());
        let sending = async move {
            let (username, folded) = (username.as_ref().map(Username::as_str), address.as_ref().map(Address::folded));
            match accounts.db.find_reachable_by(username, folded.as_deref()).await? {
                Some(found) => accounts.mail_reset_link(found, &source).await,
                None => Ok(()),
            }
        };
        tokio::spawn(
            async move {
                if let Err(error) = sending.await {
                    tracing::warn!(%error, "a link for a new password was not mailed");
                }
                drop(place);
            }
            .in_current_span(),
        );
        Ok(())
    }

    async fn mail_reset_link(&self, account: Reachable, source: &Source) -> Result<()> {
        let Reachable { user_id, username, address } = account;
        let (to, now) = (Address::parse(&address)?, self.clock.now());
        let event = |action| self.event(action, source).about(&*username);
        if let Err(limited) = self.mailing.charge(user_id, &to, Purpose::Link, now) {
            if limited.is_first {
                self.reports.report(event(Action::Throttled).note("reset")).await;
            }
            return Ok(());
        }
        let (token, event) = (random_hex(), event(Action::CreateReset).note("mail"));
        // Earlier links stay: a stranger who asks must not end the one that somebody is about to use.
        self.db.insert_reset(user_id, hash(&token), now, now.plus(LIFETIME), false, &event).await?;
        self.reports.committed(&event);
        self.mailing.send_reset_link(to, &username, &token);
        Ok(())
    }

    /// The account of a link. A token that is unknown, used or expired counts as a guess from its address.
    ///
    /// # Errors
    /// `not_found`; `rate_limited` after too many guesses.
    pub async fn check_reset_link(&self, token: &str, source: &Source) -> Result<ResetRow> {
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).note("reset"))?;
        if let Some(found) = self.db.find_reset(&hash(token), self.clock.now()).await? {
            return Ok(found);
        }
        self.failed(&attempt);
        self.reports.report_later(self.event(Action::ResetRefused, source));
        Err(NO_LINK)
    }

    /// Stores a new password with a link, which is used up, and ends all sessions of the account.
    ///
    /// # Errors
    /// `not_found` if the link is not valid; `invalid` for `password`; `rate_limited` after too many guesses; `busy`.
    pub async fn reset_password(self: &Arc<Self>, token: &str, new: &str, source: &Source) -> Result<()> {
        let found = self.check_reset_link(token, source).await?;
        password::check_length(new)?;
        let (accounts, token, new, source) = (self.clone(), token.to_owned(), new.to_owned(), source.clone());
        to_its_end(async move {
            let ResetRow { user, username, name } = found;
            let client = source.address.map(|address| Client::Network(network(address)));
            let slot = accounts.hasher.choice_slot(Ticket { client, ..Ticket::default() }).await?;
            let password_hash = accounts.hasher.hash_new(slot, &new, &Username::parse(&username)?, &name).await?;
            let event = accounts.event(Action::UseReset, &source).about(&*username);
            if !accounts.db.use_reset(hash(&token), accounts.clock.now(), password_hash, &event).await? {
                return Err(NO_LINK);
            }
            accounts.access_ended(user, SessionEnd::PasswordChanged).await;
            accounts.reports.committed(&event);
            accounts.mail_notice(user, Notice::Password);
            Ok(())
        })
        .await
    }
}
