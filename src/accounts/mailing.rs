//! Which mails Parlor sends to people, and how many.
//!
//! Owns their texts and their bounds: for each person and each address, for each network that asks for some, and in all. Each node counts
//! on its own. How a mail is sent is `mail`'s. A text must not contain what somebody else typed: a mail from here is trusted.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::Accounts;
use super::rate_limiter::{Limited, Quota, RateLimiter};
use crate::clock::Millis;
use crate::config::{Config, Rate};
use crate::db::emails::Reachable;
use crate::mail::{Address, Mail, Mailer};
use crate::model::{Scopes, UserId, user_agent};
use crate::security_log::Source;

/// How many links, and how many notices, one person or address is sent in an hour.
const FOR_ONE: u32 = 10;
/// How many mails one network may ask for in an hour.
const FOR_NETWORK: u32 = 30;
/// How many mails are sent in an hour.
const IN_ALL: u32 = 1000;
/// How many requests may wait for the database.
const LOOKUPS: usize = 100;

/// What a mail is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A link that somebody asked for.
    Link,
    /// Something happened. Notices have bounds of their own, so that they cannot use up those of links.
    Notice,
}

/// Something that a person should know.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A log-in from an unknown device.
    LogIn(Source),
    /// The password was changed.
    Password,
    /// An access token was made.
    Token {
        /// From where.
        source: Source,
        /// Whether it is for a bot of the person's.
        is_for_bot: bool,
        /// What it permits.
        scopes: Scopes,
        /// When it expires; `None`: never.
        expires_at: Option<Millis>,
    },
}

/// Sends mails to people.
pub struct Mailing {
    mailer: Mailer,
    /// The origin of links.
    site: OnceLock<String>,
    limits: Mutex<Limits>,
    lookups: Arc<Semaphore>,
}

struct Limits {
    people: RateLimiter<(UserId, Purpose)>,
    addresses: RateLimiter<(String, Purpose)>,
    networks: RateLimiter<IpAddr>,
    all: RateLimiter<()>,
}

impl Mailing {
    /// Sends as the settings say.
    pub fn new(config: &Config) -> Self {
        let an_hour =
            |count| Quota::new(Rate { count: NonZeroU32::new(count).expect("not zero"), per: Duration::from_secs(3600) });
        let limits = Limits {
            people: RateLimiter::new(an_hour(FOR_ONE)),
            addresses: RateLimiter::new(an_hour(FOR_ONE)),
            networks: RateLimiter::new(an_hour(FOR_NETWORK)),
            all: RateLimiter::new(an_hour(IN_ALL)),
        };
        let site = config.public_url.as_ref().map_or_else(OnceLock::new, |url| url.origin.clone().into());
        Self { mailer: Mailer::new(config), site, limits: Mutex::new(limits), lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }

    /// Whether mails can be sent.
    pub fn is_on(&self) -> bool {
        self.mailer.is_on()
    }

    /// How many mails wait.
    pub fn waiting(&self) -> usize {
        self.mailer.waiting()
    }

    /// The origin of links, which no request chooses.
    pub fn site(&self) -> &str {
        self.site.get().map_or("", String::as_str)
    }

    /// Charges a request for a mail to its network.
    ///
    /// # Errors
    /// [`Limited`] after too many.
    pub fn charge_network(&self, network: Option<IpAddr>, now: Millis) -> Result<(), Limited> {
        let Some(network) = network else { return Ok(()) };
        let limiter = &mut self.limits.lock().networks;
        limiter.check(&network, now)?;
        limiter.charge(network, now);
        Ok(())
    }

    /// Charges a mail to everybody whom it concerns.
    ///
    /// # Errors
    /// [`Limited`] if one of them has had too many.
    pub fn charge(&self, user: UserId, to: &Address, purpose: Purpose, now: Millis) -> Result<(), Limited> {
        let Limits { people, addresses, all, .. } = &mut *self.limits.lock();
        let (person, address) = ((user, purpose.clone()), (to.folded(), purpose));
        people.check(&person, now)?;
        addresses.check(&address, now)?;
        all.check(&(), now).inspect_err(|limited| {
            if limited.is_first {
                tracing::warn!(in_an_hour = IN_ALL, "mails are dropped: there are too many in all");
            }
        })?;
        people.charge(person, now);
        addresses.charge(address, now);
        all.charge((), now);
        Ok(())
    }

    /// A place among the requests that wait for the database.
    pub fn lookup(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        self.lookups.clone().try_acquire_owned().ok()
    }

    /// Sends a link that verifies an address.
    pub fn send_email_link(&self, to: Address, username: &str, token: &str) {
        let site = self.site();
        let text = format!(
            "Hello @{username},\n\nto use this email address for your account at {site}, open this link within 24 hours:\n\n\
             {site}/email/{token}\n\nIf you don’t know what this is about, ignore this mail: nothing changes.\n"
        );
        self.mailer.send(Mail::plain(to, "Confirm your email address", text));
    }

    /// Sends a link for a new password.
    pub fn send_reset_link(&self, to: Address, username: &str, token: &str) {
        let site = self.site();
        let text = format!(
            "Hello @{username},\n\na new password was asked for, for your account at {site}. To choose one, open this link within an hour:\n\n\
             {site}/reset/{token}\n\nIf it wasn’t you, ignore this mail: your password stays as it is.\n"
        );
        self.mailer.send(Mail::plain(to, "Choose a new password", text));
    }

    /// Sends a notice to the address that an account does not have any more.
    pub fn send_address_changed(&self, user: UserId, username: &str, before: &str, now: Millis) {
        let Ok(to) = Address::parse(before) else { return };
        if self.charge(user, &to, Purpose::Notice, now).is_err() {
            return;
        }
        let site = self.site();
        let text = format!(
            "Hello @{username},\n\nyour account at {site} no longer uses this email address.\n\n\
             If it wasn’t you, change your password now, and look at where you’re logged in:\n\n{site}/settings/sessions\n"
        );
        self.mailer.send(Mail::plain(to, "Your email address was changed", text));
    }

    fn send_notice(&self, to: Address, username: &str, notice: &Notice, now: Millis) {
        let (site, at) = (self.site(), minute(now));
        let (subject, text) = match notice {
            Notice::Password => (
                "Your password was changed",
                format!(
                    "Hello @{username},\n\nthe password of your account at {site} was changed on {at}. You are logged out everywhere else.\n\n\
                     If it wasn’t you, choose a new one now:\n\n{site}/reset\n"
                ),
            ),
            Notice::LogIn(source) => {
                let device = device(source);
                (
                    "New log-in to your account",
                    format!(
                        "Hello @{username},\n\nsomeone logged in to your account at {site} on a new device, on {at}:\n\n{device}\n\n\
                         If it wasn’t you, log that device out and change your password:\n\n{site}/settings/sessions\n"
                    ),
                )
            }
            // Not its name, which whoever made it chose.
            Notice::Token { source, is_for_bot, scopes, expires_at } => {
                let device = device(source);
                let account = if *is_for_bot { "a bot of yours" } else { "your account" };
                let scopes = scopes.to_text();
                let end = expires_at.map_or_else(|| "until it is revoked".to_owned(), |until| format!("until {}", minute(until)));
                (
                    "New access token",
                    format!(
                        "Hello @{username},\n\nan access token for {account} at {site} was made on {at}:\n\n{device}\n\n\
                         Whoever has it can use the account without logging in, {end}. Scopes: {scopes}.\n\n\
                         If it wasn’t you, revoke it and change your password:\n\n{site}/settings/tokens\n"
                    ),
                )
            }
        };
        self.mailer.send(Mail::plain(to, subject, text));
    }
}

/// "Firefox on Linux at 192.0.2.7".
fn device(source: &Source) -> String {
    let device = user_agent::name(source.user_agent.as_deref().unwrap_or_default());
    let address = source.address.map(|address| format!(" at {address}")).unwrap_or_default();
    format!("{device}{address}")
}

impl Accounts {
    /// Sets where the server listens: the origin of links in mails without `PUBLIC_URL`, which it can only lack where nobody else reaches
    /// that address.
    pub fn listens_at(&self, scheme: &str, address: SocketAddr) {
        self.mailing.site.get_or_init(|| format!("{scheme}://{address}"));
    }

    /// The origin of links in mails, which no request chooses.
    pub fn site(&self) -> &str {
        self.mailing.site()
    }

    /// Whether mails can be sent.
    pub fn sends_mail(&self) -> bool {
        self.mailing.is_on()
    }

    /// Sends a notice to a person who has a verified address, without waiting for anything.
    pub(super) fn mail_notice(self: &Arc<Self>, user: UserId, notice: Notice) {
        if !self.mailing.is_on() {
            return;
        }
        let accounts = self.clone();
        let sending = async move {
            let Some(Reachable { username, address, .. }) = accounts.db.find_reachable(user).await? else { return Ok(()) };
            let now = accounts.clock.now();
            if let Ok(to) = Address::parse(&address)
                && accounts.mailing.charge(user, &to, Purpose::Notice, now).is_ok()
            {
                accounts.mailing.send_notice(to, &username, &notice, now);
            }
            Ok::<_, sqlx::Error>(())
        };
        tokio::spawn(
            async move {
                if let Err(error) = sending.await {
                    tracing::warn!(%error, "a notice was not mailed");
                }
            }
            .in_current_span(),
        );
    }
}

/// "2026-11-28 at 09:14 UTC".
fn minute(at: Millis) -> String {
    let text = at.to_string();
    format!("{} at {} UTC", &text[..10], &text[11..16])
}
