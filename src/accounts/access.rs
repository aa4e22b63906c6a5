//! Who keeps their access: changing one's password, banning, letting back in.
//!
//! Owns who may do that, and that a session begun with what is no longer true is none. It must not know of sockets: whoever calls it
//! ends those, after it has returned.

use std::net::IpAddr;

use super::Accounts;
use super::session::SessionUser;
use super::username::Username;
use crate::db::people::Profile;
use crate::db::users::User;
use crate::error::{Error, Result};

impl Accounts {
    /// Changes one's password, and ends every session of one's own, this one too.
    ///
    /// # Errors
    /// `invalid`, for `current` or `password`; `rate_limited` after too many wrong ones; `busy`.
    pub async fn change_password(&self, user: &SessionUser, current: &str, new: &str, address: Option<IpAddr>) -> Result<()> {
        // As a log-in, so that a borrowed browser does not help anybody to guess.
        self.authenticate(&user.username, current, address).await.map_err(|error| match error {
            Error::WrongPassword => Error::invalid("current", "This is not your present password."),
            other => other,
        })?;
        let hash = self.hasher.hash_new(new, &Username::parse(&user.username)?, &user.name).await?;
        Ok(self.db.set_password(user.id, hash).await?)
    }

    /// Whether the password that somebody has just shown is still theirs. It is asked once their session is stored: a change of the
    /// password ends all sessions that it finds, so none slips through beside it.
    ///
    /// # Errors
    /// [`Error::WrongPassword`].
    pub async fn confirm(&self, user: &User) -> Result<()> {
        let now = self.db.find_user(user.id).await?;
        let is_same = now.is_some_and(|now| now.banned_at.is_none() && now.password_hash == user.password_hash);
        if is_same { Ok(()) } else { Err(Error::WrongPassword) }
    }

    /// Bans somebody, by an administrator: their sessions end, and they cannot log in. What they wrote stays.
    ///
    /// # Errors
    /// `forbidden` to others, and for oneself; `not_found`.
    pub async fn ban(&self, by: &SessionUser, username: &str) -> Result<Profile> {
        let profile = self.to_be_looked_after(by, username).await?;
        if profile.id == by.id {
            return Err(Error::Forbidden("Nobody can ban themselves."));
        }
        self.db.ban(profile.id, self.clock.now()).await?;
        Ok(profile)
    }

    /// Lets somebody back in, by an administrator.
    ///
    /// # Errors
    /// `forbidden` to others; `not_found`.
    pub async fn lift_ban(&self, by: &SessionUser, username: &str) -> Result<Profile> {
        let profile = self.to_be_looked_after(by, username).await?;
        self.db.lift_ban(profile.id).await?;
        Ok(profile)
    }

    async fn to_be_looked_after(&self, by: &SessionUser, username: &str) -> Result<Profile> {
        if !by.is_admin {
            return Err(Error::Forbidden("Only an administrator may ban somebody or let them back in."));
        }
        self.profile(username).await
    }
}
