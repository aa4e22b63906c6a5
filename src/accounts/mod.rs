//! People: registering, logging in, inviting, and their sessions.
//!
//! Owns who may have an account and who is who. It must not know of HTTP or sockets.

mod access;
mod common;
pub mod look;
mod notes;
pub mod password;
pub mod profile;
pub mod session;
pub mod throttle;
pub mod username;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use self::password::Hasher;
use self::session::{SessionKey, SessionUser, Store};
use self::throttle::{Attempt, Throttle};
use self::username::Username;
use crate::chat::types::{RoomId, UserId};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::db::Db;
use crate::db::users::{NewUser, Permit, Registered, User};
use crate::error::{Error, Result};

/// How long an invitation is good, in milliseconds: a week.
const INVITE_LASTS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Everybody who has an account.
pub struct Accounts {
    db: Arc<Db>,
    clock: Clock,
    hasher: Hasher,
    sessions: Store,
    registration: config::Registration,
    throttle: Throttle,
    /// Lets whoever holds it become the administrator, while there is none.
    setup: Option<String>,
    /// Held by whoever uses the set-up link: of two at once, the second finds an administrator.
    setting_up: Mutex<()>,
}

/// What somebody who registers fills in.
#[derive(Debug)]
pub struct Registration<'a> {
    /// The unique name that they want.
    pub username: &'a str,
    /// The name to show; may be empty.
    pub name: &'a str,
    /// Their password.
    pub password: &'a str,
    /// The token of an invitation; may be empty.
    pub invite: &'a str,
    /// The token of the set-up link; may be empty.
    pub setup: &'a str,
}

impl Accounts {
    /// The accounts of a database.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(db: Arc<Db>, config: &Config, clock: Clock) -> Result<Self> {
        let setup = if db.has_admin().await? { None } else { Some(token()) };
        let sessions = Store::new(db.clone(), clock.clone(), config.session_idle, config.session_lifetime);
        let accounts = Self {
            db,
            clock,
            hasher: Hasher::new(),
            sessions,
            registration: config.registration,
            throttle: Throttle::new(config.login_rate),
            setup,
            setting_up: Mutex::default(),
        };
        accounts.settle_all().await?;
        Ok(accounts)
    }

    /// The token of the link through which the administrator registers; none when there was one at the start.
    #[must_use]
    pub fn setup_token(&self) -> Option<&str> {
        self.setup.as_deref()
    }

    /// The sessions, for the layer that finds each request's.
    #[must_use]
    pub fn session_store(&self) -> Store {
        self.sessions.clone()
    }

    /// Makes an account.
    ///
    /// # Errors
    /// `invalid` or `too_long` for a field, `forbidden` where registration is closed, or `busy`.
    pub async fn register(&self, form: Registration<'_>) -> Result<User> {
        let permit = self.permit(&form)?;
        let is_admin = permit == Permit::Setup;
        let _alone = if is_admin { Some(self.setting_up.lock().await) } else { None };
        self.add(form.username, form.name, form.password, permit, is_admin, is_admin).await
    }

    /// Makes an account as the person at the command line says.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn add_by_hand(&self, username: &str, password: &str, is_admin: bool) -> Result<User> {
        let user = self.add(username, "", password, Permit::Open, is_admin, true).await?;
        self.settle_name(&user).await?;
        Ok(user)
    }

    fn permit(&self, form: &Registration<'_>) -> Result<Permit> {
        if !form.setup.is_empty() {
            // Compared by their hashes: how long it takes says nothing about the token.
            let is_right = self.setup.as_ref().is_some_and(|setup| hash(setup) == hash(form.setup));
            return if is_right { Ok(Permit::Setup) } else { Err(SETUP_USED) };
        }
        match self.registration {
            config::Registration::Open => Ok(Permit::Open),
            config::Registration::Invite if !form.invite.is_empty() => Ok(Permit::Invite(hash(form.invite))),
            config::Registration::Invite => Err(Error::invalid("invite", "You need an invitation to register here.")),
            config::Registration::Closed => Err(Error::Forbidden("Registration is closed here.")),
        }
    }

    async fn add(
        &self,
        username: &str,
        name: &str,
        password: &str,
        permit: Permit,
        is_admin: bool,
        may_hold_office: bool,
    ) -> Result<User> {
        let username = Username::parse(username)?;
        self.check_username(&username, may_hold_office).await?;
        let name = username::display_name(name, &username)?;
        self.check_name(&name, &username, may_hold_office).await?;
        let new = NewUser {
            username: username.as_str().to_owned(),
            password_hash: self.hasher.hash_new(password, &username, &name).await?,
            name,
            is_admin,
            created_at: self.clock.now(),
        };
        match self.db.register(new, permit).await? {
            Registered::As(id) => {
                let user = self.db.find_user(id).await?;
                user.ok_or_else(|| Error::Internal("a person vanished while registering".into()))
            }
            Registered::NameTaken => Err(Error::invalid("username", "This name is taken.")),
            Registered::NoInvite => Err(Error::invalid("invite", "This invitation is used up or out of date.")),
            Registered::HasAdmin => Err(SETUP_USED),
        }
    }

    /// Refuses a username that is nobody's to choose, or looks like somebody else's.
    async fn check_username(&self, username: &Username, may_hold_office: bool) -> Result<()> {
        if look::is_word(username.as_str()) || !may_hold_office && look::is_office(username.as_str()) {
            return Err(Error::invalid("username", "This username is reserved. Choose another."));
        }
        match self.db.find_like(&look::folds(username.as_str()), username.as_str()).await? {
            Some(other) => Err(Error::invalid("username", format!("This username looks like @{other}, which is taken."))),
            None => Ok(()),
        }
    }

    /// Who has this name and password. A wrong name and a wrong password cannot be told apart, by the answer or by the time.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], `rate_limited` after too many failures, or `busy`.
    pub async fn authenticate(&self, username: &str, password: &str, address: Option<IpAddr>) -> Result<User> {
        // A name that cannot exist is worked on like one that does not.
        let account = Username::parse(username).map_or_else(|_| String::new(), |name| name.as_str().to_owned());
        let attempt = Attempt::new(account, address);
        self.throttle.check(&attempt, self.clock.now())?;
        let user = self.db.find_user_by_name(attempt.account()).await?.filter(|user| user.banned_at.is_none());
        let turn = self.hasher.turn().await?;
        // Of many at once, each sees when its turn comes what became of those before it: they do not slip through together, and
        // those who know their passwords do not stand in each other's way.
        self.throttle.check(&attempt, self.clock.now())?;
        let stored = user.as_ref().map(|user| user.password_hash.as_str());
        let (fits, turn) = turn.verify(password, stored).await?;
        let Some(user) = user.filter(|_| fits) else {
            self.throttle.fail(attempt, self.clock.now());
            return Err(Error::WrongPassword);
        };
        drop(turn);
        Ok(user)
    }

    /// Makes an invitation for one person; gives its token.
    ///
    /// # Errors
    /// The database's.
    pub async fn invite(&self, created_by: Option<UserId>) -> Result<String> {
        let token = token();
        let now = self.clock.now();
        self.db.insert_invite(&hash(&token), created_by, now, now.plus(INVITE_LASTS)).await?;
        Ok(token)
    }

    /// Notes which room a person visited last.
    ///
    /// # Errors
    /// The database's.
    pub async fn visited(&self, user: UserId, room: RoomId) -> Result<()> {
        Ok(self.db.set_last_room(user, room).await?)
    }

    /// Whose a session is, if it is good.
    ///
    /// # Errors
    /// The database's.
    pub async fn session_user(&self, key: &SessionKey) -> Result<Option<SessionUser>> {
        Ok(self.sessions.user(key).await?)
    }

    /// Notes that somebody was here just now. It is written soon, many at once, and at most once a minute for each.
    pub fn seen(&self, user: UserId) {
        self.sessions.seen(user);
    }

    /// Which of these sessions have ended, by log-out elsewhere or by age.
    ///
    /// # Errors
    /// The database's.
    pub async fn ended_among(&self, keys: HashSet<SessionKey>) -> Result<HashSet<SessionKey>> {
        Ok(self.sessions.ended_among(keys).await?)
    }
}

const SETUP_USED: Error = Error::Forbidden("This set-up link has been used, or is not from this start of the server.");

/// A token for a link: 128 random bits.
fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
