//! Changing one's own password.
//!
//! Owns this use-case. Sessions end in the database first, then at every connection through an event.

use std::sync::Arc;

use super::hashing_queue::{Client, Ticket};
use super::mailing::About;
use super::session::SessionUser;
use super::{Accounts, password, to_its_end};
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::events::SessionEnd;
use crate::model::SessionKey;
use crate::model::username::Username;
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
            let event = accounts.event(Action::ChangePassword, &source).by(user.id, &user.username).about(&*user.username);
            let notice = accounts.notice(user.id, &About::PasswordChanged {}).await?;
            accounts.db.set_password(user.id, password_hash, notice, &event).await?;
            accounts.access_ended(user.id, SessionEnd::PasswordChanged).await;
            accounts.reports.committed(&event);
            accounts.db.find_user(user.id).await?.ok_or(Error::Unauthenticated)
        })
        .await
    }
}
