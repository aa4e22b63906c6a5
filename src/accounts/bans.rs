//! Bans: taking a user's access away, and giving it back.
//!
//! Owns these use-cases. Sessions end in the database first, then at every connection through an event.

use std::sync::Arc;

use super::session::SessionUser;
use super::{Accounts, to_its_end};
use crate::db::people::Profile;
use crate::error::Result;
use crate::events::SessionEnd;
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Source};

impl Accounts {
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
            let event = accounts.event(Action::Ban, &source).by(by.id, &by.username).about(&*profile.username);
            accounts.db.ban(profile.id, accounts.clock.now(), &event).await?;
            accounts.access_ended(profile.id, SessionEnd::Banned).await;
            accounts.end_bots_of(profile.id).await?;
            accounts.reports.committed(&event);
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
        let event = self.event(Action::Unban, source).by(by.id, &by.username).about(&*profile.username);
        self.db.lift_ban(profile.id, &event).await?;
        self.reports.committed(&event);
        Ok(profile)
    }
}
