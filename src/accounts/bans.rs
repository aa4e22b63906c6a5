//! Changing a password, banning and unbanning.
//!
//! Owns these use-cases. Sessions end in the database first, then at every connection through an event.

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
    /// Changes the user's password and ends all of their sessions, including this one. Returns the updated user.
    ///
    /// # Errors
    /// `invalid` for `current` or `password`; `rate_limited` after too many wrong passwords; `busy`.
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

    /// Bans a user: their sessions end and they cannot log in. Their messages stay.
    ///
    /// # Errors
    /// `forbidden` for non-administrators and for oneself; `not_found`.
    pub async fn ban(self: &Arc<Self>, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        let (accounts, by, username, source) = (self.clone(), by.clone(), username.to_owned(), source.clone());
        to_its_end(async move {
            // First, because only administrators may learn whether the user exists.
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

    /// Lifts a ban.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn lift_ban(&self, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        permissions::may_administer(by.actor(), ServerAction::Unban)?;
        let profile = self.profile(username).await?;
        self.db.lift_ban(profile.id).await?;
        self.security.note(self.event(Action::Unban, source).by(&by.username).about(&*profile.username));
        Ok(profile)
    }
}
