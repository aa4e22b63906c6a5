//! Forgotten passwords: links, by an administrator or by mail, with which somebody can choose a new one.
//!
//! Owns their lifetime and what a wrong link reveals, which is nothing about accounts. The database holds the hashes of their tokens.
//! Sessions end in the database first, then at every connection through an event.

use std::sync::Arc;

use async_trait::async_trait;

use super::hashing_queue::{Client, Ticket};
use super::mailing::{About, Purpose};
use super::rate_limiter::Limited;
use super::session::SessionUser;
use super::throttle::{Attempt, network};
use super::{Accounts, hash, password, to_its_end};
use crate::clock::Millis;
use crate::db::emails::Reachable;
use crate::db::resets::ResetRow;
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::events::SessionEnd;
use crate::jobs::{Handler, Handlers, JobError, Policy};
use crate::mail::Address;
use crate::model::Task;
use crate::model::username::Username;
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Event, Source};

/// The longest account that is looked for, in characters: the longest address (RFC 5321).
const MAX_ACCOUNT: usize = 254;
/// Lifetime of a link, in milliseconds.
pub const LIFETIME: i64 = 60 * 60 * 1000;

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
        self.db.insert_reset(profile.id, hash(&token), now, expires_at, true, Some(&event)).await?;
        self.reports.committed(&event);
        Ok(ResetLink { token, username: profile.username, expires_at })
    }

    /// Has a link mailed to whoever forgot their password. The account is looked up later, by a job, so that neither the answer nor its timing
    /// depends on whether there is one.
    ///
    /// # Errors
    /// `rate_limited` after too many from one network.
    pub async fn ask_for_reset_link(&self, account: &str, source: &Source) -> Result<()> {
        if !self.mailing.is_on() {
            return Ok(());
        }
        let now = self.clock.now();
        let charged = self.mailing.charge_network(source.address.map(network), now);
        charged.map_err(|Limited { retry_after, is_first }| {
            if is_first {
                self.reports.report_later(self.event(Action::Throttled, source).note("reset"));
            }
            Error::RateLimited { retry_after }
        })?;
        // Nobody is called so, and no job could be stored with it.
        if account.contains('\0') {
            return Ok(());
        }
        let account = account.trim().chars().take(MAX_ACCOUNT).collect();
        Ok(self.db.insert_job(&Task::ResetLink { account, address: source.address }, now).await?)
    }

    /// Adds the handler of the job that looks the account up.
    #[must_use]
    pub fn handlers(self: &Arc<Self>, handlers: Handlers) -> Handlers {
        handlers.on("reset_link", Policy { at_once: 4, ..Policy::default() }, self.clone())
    }

    /// Notes the mail with a link, if there is such an account.
    async fn note_reset_link(&self, account: &str, source: &Source) -> Result<()> {
        // An address has an `@` within it, and a username has none.
        let username = Username::parse(account.strip_prefix('@').unwrap_or(account)).ok();
        let folded = Address::parse(account).ok().map(|address| address.folded());
        let found = self.db.find_reachable_by(username.as_ref().map(Username::as_str), folded.as_deref()).await?;
        let Some(Reachable { user_id, username, .. }) = found else { return Ok(()) };
        let event = |action| self.event(action, source).about(&*username);
        let now = self.clock.now();
        if let Err(limited) = self.mailing.charge(user_id, None, Purpose::Link, now) {
            if limited.is_first {
                self.reports.report(event(Action::Throttled).note("reset")).await;
            }
            return Ok(());
        }
        let event = event(Action::CreateReset).note("mail");
        self.db.note_reset(About::ResetLink {}.mail(user_id, None, now), &event).await?;
        self.reports.committed(&event);
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
            let notice = accounts.notice(user, &About::PasswordChanged {}).await?;
            if !accounts.db.use_reset(hash(&token), accounts.clock.now(), password_hash, notice, &event).await? {
                return Err(NO_LINK);
            }
            accounts.access_ended(user, SessionEnd::PasswordChanged).await;
            accounts.reports.committed(&event);
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Handler for Accounts {
    async fn handle(&self, task: &Task) -> std::result::Result<(), JobError> {
        let Task::ResetLink { account, address } = task else { return Ok(()) };
        Ok(self.note_reset_link(account, &Source { address: *address, ..Source::default() }).await?)
    }
}
