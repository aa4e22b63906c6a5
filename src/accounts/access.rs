//! Who keeps their access: changing one's password, banning, letting back in.
//!
//! Owns who may do that, and that a session begun with what is no longer true is none. What ends in the
//! database first ends at every connection right after: `events` tells them.

use std::sync::Arc;

use super::hashing_queue::{Client, Ticket};
use super::session::SessionUser;
use super::{Accounts, password, to_its_end};
use crate::db::people::Profile;
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::events::SessionEnd;
use crate::model::SessionKey;
use crate::model::username::Username;
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Source};

impl Accounts {
    /// Changes one's password, and ends every session of one's own, this one too. Gives who they are now.
    ///
    /// # Errors
    /// `invalid`, for `current` or `password`; `rate_limited` after too many wrong ones; `busy`.
    pub async fn change_password(
        self: &Arc<Self>,
        user: &SessionUser,
        session: &SessionKey,
        current: &str,
        new: &str,
        source: &Source,
    ) -> Result<User> {
        let (accounts, user, session, source) = (self.clone(), user.clone(), session.clone(), source.clone());
        let (current, new) = (current.to_owned(), new.to_owned());
        to_its_end(async move {
            password::check_length(&new)?;
            accounts.verify_password(&user, &session, &current, "current", &source).await?;
            let ticket = Ticket { client: Some(Client::Person(user.id)), ..Ticket::default() };
            let slot = accounts.hasher.choice_slot(ticket).await?;
            let password_hash = accounts.hasher.hash_new(slot, &new, &Username::parse(&user.username)?, &user.name).await?;
            accounts.db.set_password(user.id, password_hash).await?;
            accounts.access_ended(user.id, SessionEnd::PasswordChanged).await;
            accounts.security.note(accounts.event(Action::PasswordChange, &source).by(&user.username).about(&*user.username));
            accounts.db.find_user(user.id).await?.ok_or(Error::Unauthenticated)
        })
        .await
    }

    /// Bans somebody, by an administrator: their sessions end, and they cannot log in. What they wrote stays.
    ///
    /// # Errors
    /// `forbidden` to others, and for oneself; `not_found`.
    pub async fn ban(self: &Arc<Self>, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        let (accounts, by, username, source) = (self.clone(), by.clone(), username.to_owned(), source.clone());
        to_its_end(async move {
            // Whether the person exists is for admins to know.
            permissions::may_administer(by.actor(), ServerAction::Unban)?;
            let profile = accounts.profile(&username).await?;
            permissions::may_administer(by.actor(), ServerAction::Ban(profile.id))?;
            accounts.db.ban(profile.id, accounts.clock.now()).await?;
            accounts.access_ended(profile.id, SessionEnd::Banned).await;
            accounts.security.note(accounts.event(Action::Ban, &source).by(&by.username).about(&*profile.username));
            Ok(profile)
        })
        .await
    }

    /// Lets somebody back in, by an administrator.
    ///
    /// # Errors
    /// `forbidden` to others; `not_found`.
    pub async fn lift_ban(&self, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        permissions::may_administer(by.actor(), ServerAction::Unban)?;
        let profile = self.profile(username).await?;
        self.db.lift_ban(profile.id).await?;
        self.security.note(self.event(Action::Unban, source).by(&by.username).about(&*profile.username));
        Ok(profile)
    }
}
