//! Which mails Parlor sends to people about their account, and how many.
//!
//! Owns what is to be mailed, as rows of the outbox, and its bounds: for each person and each address, for each network that asks for some, and
//! in all. Each node counts on its own. What a mail says is `mails`', how it is sent is `mail`'s.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Accounts;
use super::rate_limiter::{Limited, Quota, RateLimiter};
use crate::clock::Millis;
use crate::config::{Config, Rate};
use crate::db::account_mails::{AccountMail, OTHER, VERIFIED};
use crate::db::emails::Reachable;
use crate::error::Result;
use crate::mail::{Address, Mailer};
use crate::model::{UserId, user_agent};
use crate::security_log::Source;

/// How many links, and how many notices, one person or address is sent in an hour.
const FOR_ONE: u32 = 10;
/// How many mails one network may ask for in an hour.
const FOR_NETWORK: u32 = 30;
/// How many links, and how many notices, are sent in an hour.
const IN_ALL: u32 = 1000;

/// What a mail is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A link that somebody asked for.
    Link,
    /// Something happened. Notices have bounds of their own, so that they cannot use up those of links.
    Notice,
}

/// What a mail is about. The tag and the fields are columns of the outbox: a change needs a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "detail", rename_all = "snake_case")]
pub enum About {
    /// A link that verifies an address.
    EmailLink {},
    /// A link for a new password.
    ResetLink {},
    /// A log-in from an unknown device.
    NewLogIn {
        /// "Firefox on Linux at 192.0.2.7".
        device: String,
    },
    /// The password was changed.
    PasswordChanged {},
    /// The account has another address now, or none.
    AddressChanged {},
    /// An access token was made.
    NewToken {
        /// From where.
        device: String,
        /// Whether it is for a bot of the person's.
        is_for_bot: bool,
        /// What it permits.
        scopes: String,
        /// When it expires; `None`: never.
        expires_at: Option<Millis>,
    },
}

impl About {
    /// Its name, as the `event` column has it.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::EmailLink {} => "email_link",
            Self::ResetLink {} => "reset_link",
            Self::NewLogIn { .. } => "new_log_in",
            Self::PasswordChanged {} => "password_changed",
            Self::AddressChanged {} => "address_changed",
            Self::NewToken { .. } => "new_token",
        }
    }

    /// The mail that is noted; without an address, it goes to the one that is verified when it is sent.
    pub fn mail(&self, user: UserId, to: Option<String>, at: Millis) -> AccountMail {
        let kind = if matches!(self, Self::EmailLink {} | Self::AddressChanged {}) { OTHER } else { VERIFIED };
        let mut json = json!(self);
        AccountMail { user, kind, to, event: self.event(), detail: json["detail"].take(), at }
    }
}

/// "Firefox on Linux at 192.0.2.7".
pub fn device(source: &Source) -> String {
    let device = user_agent::name(source.user_agent.as_deref().unwrap_or_default());
    let address = source.address.map(|address| format!(" at {address}")).unwrap_or_default();
    format!("{device}{address}")
}

/// Mails to people.
pub struct Mailing {
    /// The way out.
    pub mailer: Mailer,
    /// The origin of links.
    site: OnceLock<String>,
    limits: Mutex<Limits>,
}

struct Limits {
    people: RateLimiter<(UserId, Purpose)>,
    addresses: RateLimiter<(String, Purpose)>,
    networks: RateLimiter<IpAddr>,
    all: RateLimiter<Purpose>,
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
        Self { mailer: Mailer::new(config), site, limits: Mutex::new(limits) }
    }

    /// Whether mails can be sent.
    pub fn is_on(&self) -> bool {
        self.mailer.is_on()
    }

    /// The origin of links, which no request chooses.
    pub fn site(&self) -> &str {
        self.site.get().map_or("", String::as_str)
    }

    /// Charges a request for a mail to its network.
    ///
    /// # Errors
    /// [`Limited`] after too many.
    pub fn charge_network(&self, network: Option<IpAddr>, now: Millis) -> std::result::Result<(), Limited> {
        let Some(network) = network else { return Ok(()) };
        let limiter = &mut self.limits.lock().networks;
        limiter.check(&network, now)?;
        limiter.charge(network, now);
        Ok(())
    }

    /// Charges a mail to everybody whom it concerns: to a person, and to an address that need not be theirs.
    ///
    /// # Errors
    /// [`Limited`] if one of them has had too many.
    pub fn charge(&self, user: UserId, to: Option<&Address>, purpose: Purpose, now: Millis) -> std::result::Result<(), Limited> {
        let Limits { people, addresses, all, .. } = &mut *self.limits.lock();
        let (person, address) = ((user, purpose.clone()), to.map(|to| (to.folded(), purpose.clone())));
        people.check(&person, now)?;
        if let Some(address) = &address {
            addresses.check(address, now)?;
        }
        all.check(&purpose, now).inspect_err(|limited| {
            if limited.is_first {
                tracing::warn!(in_an_hour = IN_ALL, "mails are dropped: there are too many in all");
            }
        })?;
        people.charge(person, now);
        if let Some(address) = address {
            addresses.charge(address, now);
        }
        all.charge(purpose, now);
        Ok(())
    }
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

    /// A notice to be noted with what it tells of, to the address that is verified now: whoever takes an account over changes that next. None if there
    /// is no such address, there are no mails, or were too many.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn notice(&self, user: UserId, about: &About) -> Result<Option<AccountMail>> {
        if !self.mailing.is_on() {
            return Ok(None);
        }
        let Some(Reachable { address, .. }) = self.db.find_reachable(user).await? else { return Ok(None) };
        let (now, to) = (self.clock.now(), Address::parse(&address)?);
        let is_due = self.mailing.charge(user, Some(&to), Purpose::Notice, now).is_ok();
        Ok(is_due.then(|| about.mail(user, Some(address), now)))
    }
}
