//! Who keeps their access: changing one's password, banning, letting back in.
//!
//! Owns who may do that, and that a session begun with what is no longer true is none. It must not know of sockets: whoever calls it
//! ends those, after it has returned.

use super::line::{Party, Place};
use super::session::{SessionKey, SessionUser};
use super::username::Username;
use super::{Accounts, password};
use crate::db::people::Profile;
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::security_log::{Action, Source};

impl Accounts {
    /// Changes one's password, and ends every session of one's own, this one too. Gives who they are now.
    ///
    /// # Errors
    /// `invalid`, for `current` or `password`; `rate_limited` after too many wrong ones; `busy`.
    pub async fn change_password(
        &self,
        user: &SessionUser,
        session: &SessionKey,
        current: &str,
        new: &str,
        source: &Source,
    ) -> Result<User> {
        password::check_length(new)?;
        self.show_again(user, session, current, "current", source).await?;
        let place = Place { party: Some(Party::Person(user.id)), ..Place::default() };
        let turn = self.hasher.choice_turn(place).await?;
        let password_hash = self.hasher.hash_new(turn, new, &Username::parse(&user.username)?, &user.name).await?;
        self.db.set_password(user.id, password_hash).await?;
        self.security.note(self.event(Action::PasswordChange, source).by(&user.username).about(&*user.username));
        let user = self.db.find_user(user.id).await?;
        user.ok_or(Error::Unauthenticated)
    }

    /// Bans somebody, by an administrator: their sessions end, and they cannot log in. What they wrote stays.
    ///
    /// # Errors
    /// `forbidden` to others, and for oneself; `not_found`.
    pub async fn ban(&self, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        let profile = self.to_be_looked_after(by, username).await?;
        if profile.id == by.id {
            return Err(Error::Forbidden("You can’t ban yourself."));
        }
        self.db.ban(profile.id, self.clock.now()).await?;
        self.security.note(self.event(Action::Ban, source).by(&by.username).about(&*profile.username));
        Ok(profile)
    }

    /// Lets somebody back in, by an administrator.
    ///
    /// # Errors
    /// `forbidden` to others; `not_found`.
    pub async fn lift_ban(&self, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        let profile = self.to_be_looked_after(by, username).await?;
        self.db.lift_ban(profile.id).await?;
        self.security.note(self.event(Action::Unban, source).by(&by.username).about(&*profile.username));
        Ok(profile)
    }

    async fn to_be_looked_after(&self, by: &SessionUser, username: &str) -> Result<Profile> {
        if !by.is_admin {
            return Err(Error::Forbidden("Only admins can ban or unban people."));
        }
        self.profile(username).await
    }
}
