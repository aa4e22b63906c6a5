//! Email addresses: setting, verifying and removing one's own.
//!
//! Owns that an address counts only once its owner has opened a link, and that nobody learns whose an address is. The database holds the
//! hashes of the links' tokens, which are made when their mails are sent (`mails`).

use std::sync::Arc;

use super::mailing::{About, Purpose};
use super::rate_limiter::Limited;
use super::session::SessionUser;
use super::throttle::{Attempt, network};
use super::{Accounts, hash, to_its_end};
use crate::db::emails::{EmailLink, Verified};
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::mail::Address;
use crate::model::SessionKey;
use crate::security_log::{Action, Source};

/// Lifetime of a link, in milliseconds: a day.
pub const LIFETIME: i64 = 24 * 60 * 60 * 1000;

const NO_LINK: Error = Error::NotFound("link");
const NO_MAIL: Error = Error::Forbidden("This server doesn’t send mail.");
const TAKEN: Error = Error::Forbidden("Another account uses this email address.");

/// A person's addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emails {
    /// The verified one.
    pub verified: Option<String>,
    /// The one to which a link was sent.
    pub pending: Option<String>,
}

impl Accounts {
    /// A person's own addresses.
    pub async fn own_emails(&self, user: &SessionUser) -> Result<Emails> {
        let (verified, pending) = self.db.find_emails(user.id, self.clock.now()).await?;
        Ok(Emails { verified, pending })
    }

    /// Sends a link that verifies an address. The earlier one ends.
    ///
    /// # Errors
    /// `forbidden` if the server sends no mails; `invalid` for `email` or `password`; `rate_limited`.
    pub async fn set_email(
        self: &Arc<Self>,
        user: &SessionUser,
        session: &SessionKey,
        email: &str,
        password: &str,
        source: &Source,
    ) -> Result<()> {
        if !self.mailing.is_on() {
            return Err(NO_MAIL);
        }
        let address = Address::parse(email)?;
        self.verify_password(user, session, password, "password", source).await?;
        let now = self.clock.now();
        let charged = self.mailing.charge_network(source.address.map(network), now);
        let charged = charged.and_then(|()| self.mailing.charge(user.id, Some(&address), Purpose::Link, now));
        charged.map_err(|Limited { retry_after, .. }| Error::RateLimited { retry_after })?;
        let event = self.event(Action::SendEmailLink, source).by(user.id, &user.username).about(&*user.username);
        let mail = About::EmailLink {}.mail(user.id, Some(address.as_str().to_owned()), now);
        // A token that nobody knows: the one in the mail is made when that is sent.
        self.db.insert_email_link(hash(&random_hex()), mail, now.plus(LIFETIME), &event).await?;
        self.reports.committed(&event);
        Ok(())
    }

    /// What a link verifies. A token that is unknown, used or expired counts as a guess from its address.
    ///
    /// # Errors
    /// `not_found`; `rate_limited` after too many guesses.
    pub async fn check_email_link(&self, token: &str, source: &Source) -> Result<EmailLink> {
        let attempt = Attempt::Token(source.address.map(network));
        self.may_try(&attempt, || self.event(Action::Throttled, source).note("email"))?;
        if let Some(found) = self.db.find_email_link(&hash(token), self.clock.now()).await? {
            return Ok(found);
        }
        self.failed(&attempt);
        self.reports.report_later(self.event(Action::EmailRefused, source));
        Err(NO_LINK)
    }

    /// Verifies an address with a link, which is used up. Whoever opens it need not be signed in: they read the mail.
    ///
    /// # Errors
    /// `not_found`; `forbidden` if another account has the address; `rate_limited` after too many guesses.
    pub async fn verify_email(self: &Arc<Self>, token: &str, source: &Source) -> Result<()> {
        let link = self.check_email_link(token, source).await?;
        let (accounts, token, source) = (self.clone(), token.to_owned(), source.clone());
        to_its_end(async move {
            let (now, folded) = (accounts.clock.now(), Address::parse(&link.address)?.folded());
            let notice = accounts.notice(link.user_id, &About::AddressChanged {}).await?;
            let notice = notice.filter(|notice| notice.to.as_ref() != Some(&link.address));
            let event = accounts.event(Action::ChangeEmail, &source).about(&*link.username);
            match accounts.db.use_email_link(hash(&token), link, folded, now, notice, &event).await? {
                Verified::NoLink => return Err(NO_LINK),
                Verified::Taken => return Err(TAKEN),
                Verified::Yes => {}
            }
            accounts.reports.committed(&event);
            Ok(())
        })
        .await
    }

    /// Removes one's own address.
    ///
    /// # Errors
    /// `invalid` for `password`; `rate_limited` after too many wrong passwords.
    pub async fn remove_email(
        self: &Arc<Self>,
        user: &SessionUser,
        session: &SessionKey,
        password: &str,
        source: &Source,
    ) -> Result<()> {
        self.verify_password(user, session, password, "password", source).await?;
        let event = self.event(Action::RemoveEmail, source).by(user.id, &user.username).about(&*user.username);
        let notice = self.notice(user.id, &About::AddressChanged {}).await?;
        if self.db.remove_email(user.id, notice, &event).await? {
            self.reports.committed(&event);
        }
        Ok(())
    }
}
