//! What an operator does with accounts at the command line, beside a running server.
//!
//! Owns that the command line follows the same rules as the pages, and that somebody can always administer the server. A running server
//! notices through the database (migrations 17 and 21; `accounts::outside`).

use super::Accounts;
use crate::db::people::Profile;
use crate::db::resets::ListedAccount;
use crate::error::{Error, Result};
use crate::model::ServerRole;
use crate::security_log::{Action, Event, Source};

/// How many accounts are read at once.
const PAGE: i64 = 500;

pub(super) const LAST_ADMIN: Error = Error::Forbidden("They are the last administrator. Make somebody else one first.");

impl Accounts {
    /// The next accounts in order of usernames; the last page is empty.
    pub async fn accounts_after(&self, username: &str) -> Result<Vec<ListedAccount>> {
        Ok(self.db.list_accounts(username, PAGE).await?)
    }

    /// Gives somebody another role on the server.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for the last administrator.
    pub async fn set_role_by_hand(&self, username: &str, role: ServerRole) -> Result<Profile> {
        let profile = self.profile(username).await?;
        let event = self.event_by_hand(Action::ChangeRole, &profile);
        self.store_role(&profile, role, event).await?;
        Ok(profile)
    }

    /// Bans a user: their sessions end and they cannot log in. Their messages stay.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for the last administrator.
    pub async fn ban_by_hand(&self, username: &str) -> Result<Profile> {
        let profile = self.profile(username).await?;
        if self.is_admin(&profile).await? && !self.db.has_other_admin(profile.id).await? {
            return Err(LAST_ADMIN);
        }
        let event = self.event_by_hand(Action::Ban, &profile);
        self.db.ban(profile.id, self.clock.now(), &event).await?;
        self.reports.committed(&event);
        Ok(profile)
    }

    /// Lifts a ban.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn lift_ban_by_hand(&self, username: &str) -> Result<Profile> {
        let profile = self.profile(username).await?;
        let event = self.event_by_hand(Action::Unban, &profile);
        self.db.lift_ban(profile.id, &event).await?;
        self.reports.committed(&event);
        Ok(profile)
    }

    async fn is_admin(&self, profile: &Profile) -> Result<bool> {
        Ok(self.db.find_user(profile.id).await?.is_some_and(|user| user.is_admin))
    }

    fn event_by_hand(&self, action: Action, profile: &Profile) -> Event {
        self.event(action, &Source::default()).by_hand().about(&*profile.username)
    }
}
