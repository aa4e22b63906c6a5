//! Registration.
//!
//! Owns who may register, how often, and the order of the checks: cheap ones come before the password is hashed, and the
//! transaction that stores the account repeats them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use serde_json::json;

use super::hashing_queue::{Client, Ticket};
use super::invites::{self, Invite};
use super::rate_limiter::{Limited, Quota, RateLimiter};
use super::throttle::network;
use super::{Accounts, hash, password};
use crate::clock::Millis;
use crate::config;
use crate::db::settings::NewValue;
use crate::db::users::{NewUser, Permit, Registered, User};
use crate::error::{Error, Result};
use crate::events;
use crate::model::Author;
use crate::model::lookalikes;
use crate::model::username;
use crate::model::username::Username;
use crate::oidc::Identity;
use crate::security_log::{Action, Actor, Event, Source};
use crate::settings::Name;

/// How many taken usernames an address may find, per account that it may create: too few to enumerate them.
const NAMES_PER_ACCOUNT: i64 = 10;

/// The longest username that is taken from an identity: a number fits behind it.
const LONGEST_PREFERRED: usize = 24;

const SETUP_USED: Error = Error::Forbidden("This setup link has expired or was already used. Restart Parlor to get a new one.");
const IDENTITY_TAKEN: Error = Error::Forbidden("Another account is linked to this one there.");
const NO_USERNAME: Error = Error::Forbidden("No username like yours is free here. Ask an administrator for an account.");
const CLOSED: Error = Error::Forbidden("Sign-ups are closed. Ask an admin for an account.");

fn no_invite() -> Error {
    Error::invalid("invite", "This invite was used up or revoked, or has expired. Ask for a new one.")
}

pub(super) fn name_taken() -> Error {
    Error::invalid("username", "That username is taken.")
}

/// The fields of a registration.
#[derive(Debug)]
pub struct Registration<'a> {
    /// The username.
    pub username: &'a str,
    /// The name to show; may be empty.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// The token of an invitation; may be empty.
    pub invite: &'a str,
    /// The token of the set-up link; may be empty.
    pub setup: &'a str,
    /// With the set-up link: who may register from now on; empty leaves it.
    pub registration: &'a str,
}

/// A registration that has passed the cheap checks.
pub(super) struct Checked<'a> {
    pub(super) username: Username,
    pub(super) name: String,
    pub(super) password: &'a str,
}

/// The checks that cost nothing.
fn check<'a>(username: &str, name: &str, password: &'a str) -> Result<Checked<'a>> {
    let username = Username::parse(username)?;
    let name = username::display_name(name, &username)?;
    password::check_length(password)?;
    Ok(Checked { username, name, password })
}

impl Accounts {
    /// Creates an account.
    ///
    /// # Errors
    /// `invalid` or `too_long` for a field, `forbidden` if registration is closed, `rate_limited`, or `busy`.
    pub async fn register(&self, form: Registration<'_>, source: &Source) -> Result<User> {
        // First, so that only people who may register learn which names are taken.
        let (permit, invited_by) = self.permit(&form, source).await?;
        let checked = check(form.username, form.name, form.password)?;
        let network = source.address.map(network);
        // Invitations are limited by those who create them.
        let counted = if permit == Permit::Open { network } else { None };
        self.limited(self.registrations.check(counted, self.clock.now()), source)?;
        let mut ticket = Ticket { client: network.map(Client::Network), ..Ticket::default() };
        // Saves queries for a request that would be refused.
        self.hasher.check_choice_queue(&ticket)?;
        let is_admin = permit == Permit::Setup;
        if let Err(refused) = self.check_names(&checked, is_admin).await {
            self.limited(self.registrations.record_taken_name(network, self.clock.now()), source)?;
            return Err(refused);
        }
        // Charged before the slot is available: concurrent registrations do not pass together.
        ticket.failures = self.limited(self.registrations.charge(counted, self.clock.now()), source)?;
        let event = |action| self.event(action, source).about(checked.username.as_str());
        let (mut events, mut settings) = (vec![event(Action::Register)], Vec::new());
        match &permit {
            Permit::Open | Permit::Identity(..) => {}
            Permit::Invite(hash) => {
                let invited = Some(json!({ "invited_by": invited_by }));
                events.push(self.event(Action::UseInvite, source).about(invites::id_of(hash)).changed(None, invited));
            }
            Permit::Setup => {
                events.push(event(Action::UseSetup));
                if !form.registration.is_empty() {
                    let (new, changed) = self.settings.at_set_up(Name::Registration, form.registration, source)?;
                    settings = new;
                    events.extend(changed);
                }
            }
        }
        let added = self.add(checked, permit, is_admin, ticket, settings, events).await;
        if let Err(Error::Busy { .. } | Error::Invalid { field: "password", .. }) = &added {
            // No password was hashed.
            self.registrations.refund(counted);
        }
        let user = added?;
        if is_admin {
            self.has_admin.store(true, Ordering::Release);
            if let Err(error) = self.settings.reload().await {
                tracing::warn!(%error, "the settings of the set-up could not be read");
            }
        }
        self.introduce(&user).await;
        Ok(user)
    }

    /// Publishes a new account.
    pub(super) async fn introduce(&self, user: &User) {
        let person = Author {
            id: user.id,
            username: user.username.clone(),
            name: user.name.clone(),
            is_alike: false,
            is_bot: user.is_bot,
            photo: None,
        };
        self.events.deliver(events::Event::UserRegistered { person }).await;
        // The account exists nevertheless; the next start computes the look.
        if let Err(error) = self.store_look(user).await {
            tracing::warn!(%error, "could not note how a new name looks");
        }
    }

    /// Creates an account without a password for an identity at an OpenID provider, under the username that it prefers or one like it.
    ///
    /// # Errors
    /// `forbidden` if all of these are taken.
    pub(super) async fn register_identity(&self, identity: &Identity, source: &Source) -> Result<User> {
        let permit = Permit::Identity(identity.issuer.clone(), identity.subject.clone());
        for username in usernames_like(identity) {
            let mut checked = Checked { name: username.as_str().to_owned(), username, password: "" };
            if let Some(name) = identity.name.as_deref().and_then(|name| username::display_name(name, &checked.username).ok())
                && self.check_lookalikes(&name, &checked.username, false).await.is_ok()
            {
                checked.name = name;
            }
            match self.check_names(&checked, false).await {
                Ok(()) => {}
                Err(Error::Invalid { .. }) => continue,
                Err(error) => return Err(error),
            }
            let event = self.event(Action::Register, source).about(checked.username.as_str()).note("oidc");
            let added = self.store(checked, String::new(), permit.clone(), false, Vec::new(), vec![event]).await;
            match added {
                Err(Error::Invalid { field: "username", .. }) => {}
                Err(Error::Forbidden(_)) => {
                    // Another log-in of this person was first.
                    let user = self.db.find_identity(&identity.issuer, &identity.subject).await?;
                    let user = if let Some(user) = user { self.db.find_user(user).await? } else { None };
                    return user.ok_or(IDENTITY_TAKEN);
                }
                added => {
                    let user = added?;
                    self.introduce(&user).await;
                    return Ok(user);
                }
            }
        }
        Err(NO_USERNAME)
    }

    /// Creates an account at the command line.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn add_by_hand(&self, username: &str, password: &str, is_admin: bool) -> Result<User> {
        let checked = check(username, "", password)?;
        self.check_names(&checked, true).await?;
        let event = self.event(Action::AddUser, &Source::default()).by_hand().about(checked.username.as_str());
        let event = if is_admin { event.note("administrator") } else { event };
        let user = self.add(checked, Permit::Open, is_admin, Ticket::default(), Vec::new(), vec![event]).await?;
        self.store_look(&user).await?;
        Ok(user)
    }

    /// The permit for a registration, and who invited; does not use it up.
    async fn permit(&self, form: &Registration<'_>, source: &Source) -> Result<(Permit, Option<Arc<str>>)> {
        if !form.setup.is_empty() {
            if self.is_setup_token(form.setup).await? {
                return Ok((Permit::Setup, None));
            }
            self.reports.report_later(self.event(Action::SetupRefused, source));
            return Err(SETUP_USED);
        }
        match self.settings.now().registration {
            config::Registration::Open if form.invite.is_empty() => Ok((Permit::Open, None)),
            // A link that does not work keeps nobody out.
            config::Registration::Open => match self.check_invite(form.invite, source).await {
                Ok(Invite::Good { by }) => Ok((Permit::Invite(hash(form.invite.trim())), by)),
                Ok(_) | Err(Error::RateLimited { .. }) => Ok((Permit::Open, None)),
                Err(error) => Err(error),
            },
            config::Registration::Invite if !form.invite.is_empty() => {
                if let Invite::Good { by } = self.check_invite(form.invite, source).await? {
                    return Ok((Permit::Invite(hash(form.invite.trim())), by));
                }
                self.reports.report_later(self.event(Action::InviteRefused, source));
                Err(no_invite())
            }
            config::Registration::Invite => Err(Error::invalid("invite", "You need an invite to sign up.")),
            config::Registration::Closed => Err(CLOSED),
        }
    }

    /// Refuses names that are taken, reserved, or resemble another user's.
    pub(super) async fn check_names(&self, checked: &Checked<'_>, may_use_roles: bool) -> Result<()> {
        let username = &checked.username;
        let is_taken = self.db.find_user_by_name(username.as_str()).await?.is_some();
        if is_taken || self.db.is_retired(&self.username_digest(username.as_str())).await? {
            return Err(name_taken());
        }
        if lookalikes::is_reserved_word(username.as_str()) || !may_use_roles && lookalikes::is_reserved_role(username.as_str()) {
            return Err(Error::invalid("username", "That username is reserved. Choose another."));
        }
        if let Some(other) = self.db.find_lookalike(&lookalikes::folds(username.as_str()), username.as_str()).await? {
            return Err(Error::invalid("username", format!("That username looks too much like @{other}. Choose another.")));
        }
        self.check_lookalikes(&checked.name, username, may_use_roles).await
    }

    /// Hashes the password, and stores the account with the events. Those without an actor are the new user's own.
    async fn add(
        &self,
        checked: Checked<'_>,
        permit: Permit,
        is_admin: bool,
        ticket: Ticket,
        settings: Vec<NewValue>,
        events: Vec<Event>,
    ) -> Result<User> {
        let slot = self.hasher.choice_slot(ticket).await?;
        let password_hash = self.hasher.hash_new(slot, checked.password, &checked.username, &checked.name).await?;
        self.store(checked, password_hash, permit, is_admin, settings, events).await
    }

    /// Stores the account with the events.
    async fn store(
        &self,
        checked: Checked<'_>,
        password_hash: String,
        permit: Permit,
        is_admin: bool,
        settings: Vec<NewValue>,
        events: Vec<Event>,
    ) -> Result<User> {
        let new = NewUser {
            username: checked.username.as_str().to_owned(),
            password_hash,
            name: checked.name,
            is_admin,
            digest: self.username_digest(checked.username.as_str()),
            created_at: self.clock.now(),
            settings,
            events: events.clone(),
        };
        match self.db.register(new, permit).await? {
            Registered::As(id) => {
                let user = self.db.find_user(id).await?;
                let user = user.ok_or_else(|| Error::Internal("a person vanished while registering".into()))?;
                for event in events {
                    let is_own = event.actor == Actor::Stranger;
                    self.reports.committed(&if is_own { event.by(id, &user.username) } else { event });
                }
                Ok(user)
            }
            Registered::NameTaken => Err(name_taken()),
            Registered::NoInvite => Err(no_invite()),
            Registered::HasAdmin => Err(SETUP_USED),
            Registered::HasIdentity => Err(IDENTITY_TAKEN),
        }
    }

    fn limited<T>(&self, result: Result<T, Limited>, source: &Source) -> Result<T> {
        result.map_err(|limited| {
            if limited.is_first {
                self.reports.report_later(self.event(Action::Throttled, source).note("registration"));
            }
            Error::RateLimited { retry_after: limited.retry_after }
        })
    }
}

/// Usernames for an identity, the best one first.
fn usernames_like(identity: &Identity) -> impl Iterator<Item = Username> {
    usernames_for(identity.username.as_deref(), identity.name.as_deref())
}

/// Usernames for somebody, the best one first: what they prefer, without what a username cannot have, and then with a number.
pub(super) fn usernames_for(username: Option<&str>, name: Option<&str>) -> impl Iterator<Item = Username> {
    // An address is often preferred: its first part is the name.
    let preferred = username.and_then(|username| username.split('@').next());
    let plain = |text: &str| {
        let folded = text.trim().to_lowercase();
        let signs = folded.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' });
        let plain: String = signs.take(LONGEST_PREFERRED).collect();
        let plain = plain.trim_matches(['.', '_', '-']).to_owned();
        (!plain.is_empty()).then_some(plain)
    };
    let best = preferred.and_then(plain).or_else(|| name.and_then(plain)).unwrap_or_else(|| "someone".into());
    let numbered = (2..10).chain((0..5).map(|_| rand::random_range(1000..10_000))).map({
        let best = best.clone();
        move |number: u32| format!("{best}-{number}")
    });
    std::iter::once(best).chain(numbered).filter_map(|username| Username::parse(&username).ok())
}

/// Limits registrations by network.
pub struct Registrations {
    /// `None` without a limit.
    limiters: Option<Mutex<Limiters>>,
}

struct Limiters {
    accounts: RateLimiter<IpAddr>,
    names: RateLimiter<IpAddr>,
}

impl Registrations {
    /// Limits each network to a rate; no limit without one.
    pub fn new(rate: Option<config::Rate>) -> Self {
        let limiters = rate.map(|rate| {
            let quota = Quota::new(rate);
            Mutex::new(Limiters { accounts: RateLimiter::new(quota), names: RateLimiter::new(quota.faster(NAMES_PER_ACCOUNT)) })
        });
        Self { limiters }
    }

    /// Checks whether another registration is possible.
    fn check(&self, network: Option<IpAddr>, now: Millis) -> Result<(), Limited> {
        self.with(network, |limiters, network| limiters.accounts.check(&network, now)).unwrap_or(Ok(()))
    }

    /// Charges a registration; returns the number of recent ones before it.
    fn charge(&self, network: Option<IpAddr>, now: Millis) -> Result<u32, Limited> {
        let charged = self.with(network, |limiters, network| {
            limiters.accounts.check(&network, now)?;
            let before = limiters.accounts.count(&network, now);
            limiters.accounts.charge(network, now);
            Ok(before)
        });
        charged.unwrap_or(Ok(0))
    }

    fn refund(&self, network: Option<IpAddr>) {
        self.with(network, |limiters, network| limiters.accounts.refund(&network));
    }

    /// Charges a username that was found to be taken.
    fn record_taken_name(&self, network: Option<IpAddr>, now: Millis) -> Result<(), Limited> {
        let found = self.with(network, |limiters, network| {
            limiters.names.check(&network, now)?;
            limiters.names.charge(network, now);
            Ok(())
        });
        found.unwrap_or(Ok(()))
    }

    fn with<T>(&self, network: Option<IpAddr>, run: impl FnOnce(&mut Limiters, IpAddr) -> T) -> Option<T> {
        let mut limiters = self.limiters.as_ref()?.lock();
        Some(run(&mut limiters, network?))
    }
}
