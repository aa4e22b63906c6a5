//! Roles on the server: administrator, member, guest.
//!
//! Owns these use-cases. What a role permits is decided by `permissions`. Guests' connections hear less: those of somebody who becomes a
//! guest, or no longer is one, are cut, and come back with what is true then.

use std::sync::Arc;

use serde_json::json;

use super::by_hand::LAST_ADMIN;
use super::session::SessionUser;
use super::{Accounts, to_its_end};
use crate::db::people::Profile;
use crate::error::{Error, Result};
use crate::events;
use crate::model::ServerRole;
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Event, Source};

impl Accounts {
    /// Gives somebody another role, by an administrator.
    ///
    /// # Errors
    /// `forbidden` for non-administrators and for the last administrator; `not_found`.
    pub async fn set_role(
        self: &Arc<Self>,
        by: &SessionUser,
        username: &str,
        role: ServerRole,
        source: &Source,
    ) -> Result<Profile> {
        let (accounts, by, username, source) = (self.clone(), by.clone(), username.to_owned(), source.clone());
        to_its_end(async move {
            permissions::may_administer(by.actor(), ServerAction::ChangeRole)?;
            let profile = accounts.profile(&username).await?;
            let event = accounts.event(Action::ChangeRole, &source).by(by.id, &by.username).about(&*profile.username);
            accounts.store_role(&profile, role, event).await?;
            if profile.is_guest != (role == ServerRole::Guest) {
                accounts.events.deliver(events::Event::RoleChanged { user: profile.id }).await;
            }
            accounts.access_reduced(profile.id).await;
            Ok(profile)
        })
        .await
    }

    pub(super) async fn store_role(&self, profile: &Profile, role: ServerRole, event: Event) -> Result<()> {
        if profile.is_bot && role != ServerRole::Guest {
            return Err(Error::invalid("role", "A bot sees only the rooms that it’s added to, so it’s always a guest."));
        }
        let before = ServerRole::of(profile.is_admin, profile.is_guest);
        let event = event.changed(Some(json!({ "role": before })), Some(json!({ "role": role }))).note(role.as_str());
        if !self.db.set_role(profile.id, role, &event).await? {
            return Err(LAST_ADMIN);
        }
        self.reports.committed(&event);
        Ok(())
    }
}
