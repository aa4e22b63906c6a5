//! People: registering, logging in, inviting, and their sessions.
//!
//! Owns who may have an account and who is who. It must not know of HTTP or sockets.

pub mod password;
pub mod session;
pub mod throttle;
pub mod username;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::password::Hasher;
use self::session::{SessionKey, SessionUser, Store};
use self::throttle::Throttle;
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
    by_account: Option<Throttle<String>>,
    by_address: Option<Throttle<IpAddr>>,
    /// Lets whoever holds it become the administrator, while there is none.
    setup: Option<String>,
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
        Ok(Self {
            db,
            clock,
            hasher: Hasher::new(),
            sessions,
            registration: config.registration,
            by_account: config.login_rate.map(Throttle::new),
            by_address: config.login_rate.map(Throttle::new),
            setup,
        })
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
        self.add(form.username, form.name, form.password, permit, is_admin).await
    }

    /// Makes an account as the person at the command line says.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn add_by_hand(&self, username: &str, password: &str, is_admin: bool) -> Result<User> {
        self.add(username, "", password, Permit::Open, is_admin).await
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

    async fn add(&self, username: &str, name: &str, password: &str, permit: Permit, is_admin: bool) -> Result<User> {
        let username = Username::parse(username)?;
        let name = username::display_name(name, &username)?;
        password::check(password, &username)?;
        let new = NewUser {
            username: username.as_str().to_owned(),
            name,
            password_hash: self.hasher.hash(password.to_owned()).await?,
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

    /// Who has this name and password. A wrong name and a wrong password cannot be told apart, by the answer or by the time.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], `rate_limited` after too many failures, or `busy`.
    pub async fn authenticate(&self, username: &str, password: &str, address: Option<IpAddr>) -> Result<User> {
        let now = self.clock.now();
        // A name that cannot exist is worked on like one that does not.
        let account = Username::parse(username).map_or_else(|_| String::new(), |name| name.as_str().to_owned());
        let address = address.map(group);
        if let (Some(throttle), Some(address)) = (&self.by_address, address) {
            throttle.charge(address, now)?;
        }
        if let Some(throttle) = &self.by_account
            && let Err(limited) = throttle.charge(account.clone(), now)
        {
            return Err(limited);
        }
        let user = self.db.find_user_by_name(&account).await?.filter(|user| user.banned_at.is_none());
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        // No password is longer; hashing a longer one would be work for nothing.
        let password: String = password.chars().take(257).collect();
        let fits = self.hasher.verify(password, hash).await?;
        let Some(user) = user.filter(|_| fits) else { return Err(Error::WrongPassword) };
        if let Some(throttle) = &self.by_account {
            throttle.refund(&account);
        }
        if let (Some(throttle), Some(address)) = (&self.by_address, address) {
            throttle.refund(&address);
        }
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

    /// Which of these sessions have ended, by log-out elsewhere or by age; and forgets what ended long ago.
    ///
    /// # Errors
    /// The database's.
    pub async fn ended_among(&self, keys: HashSet<SessionKey>) -> Result<HashSet<SessionKey>> {
        let ended = self.sessions.ended_among(keys.iter()).await?;
        self.sessions.forget_ended().await?;
        Ok(ended.into_iter().collect())
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

/// An IPv6 /64 belongs to one customer, who has all of its addresses.
fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}
