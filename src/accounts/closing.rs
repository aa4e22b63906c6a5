//! Closing accounts: deactivation, which can be undone, and deletion, which cannot.
//!
//! Owns these use-cases, for administrators and for one's own account. Sessions end in the database first, then at every connection
//! through an event.

use std::sync::Arc;

use serde_json::json;

use super::session::SessionUser;
use super::{Accounts, hash, to_its_end};
use crate::db::closing::{Closing, Deletion};
use crate::db::people::Profile;
use crate::error::{Error, Result};
use crate::events::{Event, SessionEnd};
use crate::model::SessionKey;
use crate::permissions::{self, ServerAction};
use crate::security_log::{self, Action, Source};

/// The name of deleted accounts.
pub const DELETED: &str = "Deleted user";

const LAST_ADMIN: Error = Error::Forbidden("They are the last administrator. Make somebody else one first.");
const LAST_ADMIN_SELF: Error = Error::Forbidden("You are the last administrator. Make somebody else one first.");
const BANNED: Error = Error::Forbidden("They’re banned. Unban them first.");
const HELD: Error = Error::Forbidden("This account can’t be deleted at the moment. Administrators see why at /admin/holds.");
const NO_PERSON: Error = Error::NotFound("person");

/// What happens to the messages of a deleted account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// They stay, by [`DELETED`].
    Keep,
    /// They are deleted.
    Delete,
}

impl Messages {
    /// Parses the field `messages`.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "keep" => Ok(Self::Keep),
            "delete" => Ok(Self::Delete),
            _ => Err(Error::invalid("messages", "Choose whether to keep or delete the messages.")),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Delete => "delete",
        }
    }
}

impl Accounts {
    /// Deactivates an account: all access ends until it is reactivated. Its messages stay.
    ///
    /// # Errors
    /// `forbidden` for non-administrators, for oneself, for the last administrator and for a banned account; `not_found`.
    pub async fn deactivate(self: &Arc<Self>, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        // First, because only administrators may learn whether the user exists.
        permissions::may_administer(by.actor(), ServerAction::Reactivate)?;
        let profile = self.profile(username).await?;
        permissions::may_administer(by.actor(), ServerAction::Deactivate(profile.id))?;
        let event = self.event(Action::Deactivate, source).by(by.id, &by.username);
        self.close(profile, event, LAST_ADMIN).await
    }

    /// Deactivates one's own account.
    ///
    /// # Errors
    /// `invalid` for `password`; `forbidden` for the last administrator; `rate_limited` after too many wrong passwords; `busy`.
    pub async fn deactivate_own(
        self: &Arc<Self>,
        user: &SessionUser,
        session: &SessionKey,
        password: &str,
        source: &Source,
    ) -> Result<()> {
        self.verify_password(user, session, password, "password", source).await?;
        let profile = self.profile(&user.username).await?;
        let event = self.event(Action::Deactivate, source).by(user.id, &user.username);
        self.close(profile, event, LAST_ADMIN_SELF).await.map(drop)
    }

    /// Deactivates an account at the command line.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for the last administrator and for a banned account.
    pub async fn deactivate_by_hand(self: &Arc<Self>, username: &str) -> Result<Profile> {
        let profile = self.profile(username).await?;
        let event = self.event(Action::Deactivate, &Source::default()).by_hand();
        self.close(profile, event, LAST_ADMIN).await
    }

    /// Opens a deactivated account again.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn reactivate(&self, by: &SessionUser, username: &str, source: &Source) -> Result<Profile> {
        permissions::may_administer(by.actor(), ServerAction::Reactivate)?;
        self.reopen(username, self.event(Action::Reactivate, source).by(by.id, &by.username)).await
    }

    /// Opens a deactivated account again, at the command line.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn reactivate_by_hand(&self, username: &str) -> Result<Profile> {
        self.reopen(username, self.event(Action::Reactivate, &Source::default()).by_hand()).await
    }

    /// Deletes an account. `confirm` is its username.
    ///
    /// # Errors
    /// `forbidden` for non-administrators, for oneself and for the last administrator; `invalid` for `confirm`; `not_found`.
    pub async fn delete(
        self: &Arc<Self>,
        by: &SessionUser,
        username: &str,
        messages: &str,
        confirm: &str,
        source: &Source,
    ) -> Result<()> {
        permissions::may_administer(by.actor(), ServerAction::Reactivate)?;
        let profile = self.profile(username).await?;
        permissions::may_administer(by.actor(), ServerAction::DeleteAccount(profile.id))?;
        let messages = Messages::parse(messages)?;
        check_confirmation(&profile, confirm)?;
        let event = self.event(Action::DeleteAccount, source).by(by.id, &by.username);
        self.erase(profile, messages, &by.username, event, LAST_ADMIN).await
    }

    /// Deletes one's own account. `confirm` is one's username.
    ///
    /// # Errors
    /// `invalid` for `messages`, `confirm` or `password`; `forbidden` for the last administrator; `rate_limited` after too many wrong
    /// passwords; `busy`.
    pub async fn delete_own(
        self: &Arc<Self>,
        user: &SessionUser,
        session: &SessionKey,
        messages: &str,
        confirm: &str,
        password: &str,
        source: &Source,
    ) -> Result<()> {
        let messages = Messages::parse(messages)?;
        let profile = self.profile(&user.username).await?;
        check_confirmation(&profile, confirm)?;
        self.verify_password(user, session, password, "password", source).await?;
        let event = self.event(Action::DeleteAccount, source).by(user.id, &user.username);
        self.erase(profile, messages, &user.username, event, LAST_ADMIN_SELF).await
    }

    /// Whether somebody is the only administrator, who cannot close their account.
    pub async fn is_last_admin(&self, user: &SessionUser) -> Result<bool> {
        Ok(user.is_admin && !self.db.has_other_admin(user.id).await?)
    }

    pub(super) async fn close(
        self: &Arc<Self>,
        profile: Profile,
        event: security_log::Event,
        last_admin: Error,
    ) -> Result<Profile> {
        let accounts = self.clone();
        to_its_end(async move {
            if profile.is_banned() {
                return Err(BANNED);
            }
            let event = event.about(&*profile.username);
            match accounts.db.deactivate(profile.id, accounts.clock.now(), &event).await? {
                Closing::Done(_) => {
                    accounts.access_ended(profile.id, SessionEnd::Deactivated).await;
                    accounts.end_bots_of(profile.id).await?;
                    accounts.reports.committed(&event);
                    if profile.photo.is_some() {
                        // Their photo is gone.
                        accounts.publish_names(std::iter::once(profile.id)).await?;
                    }
                    Ok(Profile { photo: None, ..profile })
                }
                Closing::AlreadyClosed => Ok(profile),
                Closing::LastAdmin => Err(last_admin),
                Closing::Held => Err(HELD),
            }
        })
        .await
    }

    async fn reopen(&self, username: &str, event: security_log::Event) -> Result<Profile> {
        let profile = self.profile(username).await?;
        let event = event.about(&*profile.username);
        if self.db.reactivate(profile.id, &event).await? {
            self.reports.committed(&event);
        }
        Ok(profile)
    }

    async fn erase(
        self: &Arc<Self>,
        profile: Profile,
        messages: Messages,
        by: &str,
        event: security_log::Event,
        last_admin: Error,
    ) -> Result<()> {
        let event = event.about(&*profile.username).changed(None, Some(json!({ "messages": messages.as_str() })));
        let deletion = Deletion {
            user: profile.id,
            digest: self.username_digest(&profile.username),
            username: profile.username,
            // Not a username: it can be neither registered nor mentioned, and has no profile.
            placeholder: format!("-deleted-{}", profile.id),
            name: DELETED,
            deletes_messages: messages == Messages::Delete,
            requested_by: by.to_owned(),
            now: self.clock.now(),
        };
        let accounts = self.clone();
        to_its_end(async move {
            let alike = match accounts.db.delete_account(&deletion, &event).await? {
                Closing::Done(alike) => alike,
                Closing::AlreadyClosed => return Err(NO_PERSON),
                Closing::LastAdmin => return Err(last_admin),
                Closing::Held => return Err(HELD),
            };
            accounts.access_ended(deletion.user, SessionEnd::Deleted).await;
            accounts.end_bots_of(deletion.user).await?;
            accounts.reports.committed(&event);
            accounts.publish_names(alike.into_iter().filter(|changed| *changed != deletion.user)).await?;
            let person = accounts.db.find_user(deletion.user).await?.ok_or(NO_PERSON)?;
            let person = crate::model::Author {
                id: person.id,
                username: person.username,
                name: person.name,
                is_alike: false,
                is_bot: person.is_bot,
                photo: None,
            };
            accounts.events.deliver(Event::AccountDeleted { person, former_username: deletion.username.into() }).await;
            Ok(())
        })
        .await
    }

    /// The digest under which the username of a deleted account is retired.
    pub(super) fn username_digest(&self, username: &str) -> String {
        hash(&format!("{}:{username}", self.username_key))
    }
}

fn check_confirmation(profile: &Profile, confirm: &str) -> Result<()> {
    let is_confirmed = confirm.trim().trim_start_matches('@').eq_ignore_ascii_case(&profile.username);
    if is_confirmed { Ok(()) } else { Err(Error::invalid("confirm", format!("Type {} to confirm.", profile.username))) }
}
