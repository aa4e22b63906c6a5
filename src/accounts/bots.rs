//! Bots: accounts that programs write as.
//!
//! Owns who may make them, how many, and that only their owner changes them. A bot is a guest: it sees only the rooms that it is added to.
//! Nobody logs in to it, and it can do nothing once its owner's account is closed (`db::bots`).

use std::sync::Arc;

use serde_json::json;

use super::profile::ProfileUpdate;
use super::registration::{Checked, name_taken, usernames_for};
use super::session::SessionUser;
use super::{Accounts, to_its_end};
use crate::db::bots::{BotRow, MadeBot, NewBot};
use crate::db::people::{Profile, SharedRoom};
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::events::SessionEnd;
use crate::model::username::{self, Username};
use crate::model::{UserId, lookalikes};
use crate::permissions::{self, ServerAction};
use crate::security_log::{Action, Event, Source};

/// How many bots a person may have.
pub const MOST: i64 = 20;

const TOO_MANY: Error = Error::Forbidden("You have 20 bots. Delete one of them first.");
const NO_BOT: Error = Error::NotFound("bot");

impl Accounts {
    /// Makes a bot of a person's own.
    ///
    /// # Errors
    /// `forbidden` for guests and for those who have [`MOST`]; `invalid` or `too_long` for a field.
    pub async fn make_bot(&self, by: &SessionUser, name: &str, username: &str, source: &Source) -> Result<User> {
        permissions::may_administer(by.actor(), ServerAction::MakeBot)?;
        let username = Username::parse(username)?;
        let name = username::display_name(name, &username)?;
        let checked = Checked { username, name, password: "" };
        self.check_names(&checked, by.is_admin).await?;
        let event = self.event(Action::AddBot, source).by(by.id, &by.username).about(checked.username.as_str());
        match self.db.insert_bot(self.new_bot(checked, Some(by.id), Some(event.clone()))).await? {
            MadeBot::NameTaken => Err(name_taken()),
            MadeBot::TooMany => Err(TOO_MANY),
            MadeBot::As(id) => {
                self.reports.committed(&event);
                self.introduce_bot(id).await
            }
        }
    }

    /// Makes a bot of the server's own, under a username like its name. Whoever has it made records that.
    ///
    /// # Errors
    /// `invalid` or `too_long` for `name`.
    pub async fn make_server_bot(&self, name: &str) -> Result<User> {
        let store = |new| async move {
            Ok(match self.db.insert_bot(new).await? {
                MadeBot::As(id) => Some(id),
                MadeBot::NameTaken | MadeBot::TooMany => None,
            })
        };
        let id = self.store_server_bot(name, store).await?;
        self.introduce_bot(id).await
    }

    /// Has a bot of the server's own stored under the best username like its name that is free. `store` puts it into one transaction with what it
    /// is for, and returns `None` if the username is taken by then; whoever asks has it introduced.
    ///
    /// # Errors
    /// `invalid` or `too_long` for `name`, also if no username is left; those of `store`.
    pub async fn store_server_bot<T, F>(&self, name: &str, mut store: impl FnMut(NewBot) -> F) -> Result<T>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        for username in usernames_for(None, Some(name)) {
            let name = username::display_name(name, &username)?;
            let checked = Checked { username, name, password: "" };
            match self.check_server_names(&checked).await {
                Ok(()) => {}
                // Another username may do; another name would not be the one that was asked for.
                Err(Error::Invalid { field: "username", .. }) => continue,
                Err(error) => return Err(error),
            }
            if let Some(stored) = store(self.new_bot(checked, None, None)).await? {
                return Ok(stored);
            }
        }
        Err(Error::invalid("name", "No username like that name is free. Choose another."))
    }

    /// Tells everybody of a bot that was stored.
    ///
    /// # Errors
    /// The database's.
    pub async fn introduce_bot(&self, id: UserId) -> Result<User> {
        let bot = self.db.find_user(id).await?;
        let bot = bot.ok_or_else(|| Error::Internal("a bot vanished while it was made".into()))?;
        self.introduce(&bot).await;
        Ok(bot)
    }

    /// As [`Self::check_names`], but the name may be that of other bots: several webhooks of one program are called like it.
    async fn check_server_names(&self, checked: &Checked<'_>) -> Result<()> {
        let refused = match self.check_names(checked, false).await {
            Err(error @ Error::Invalid { field: "name", .. }) => error,
            other => return other,
        };
        let folds = lookalikes::folds(&checked.name);
        if lookalikes::is_reserved_role(&checked.name) || folds.iter().any(|fold| lookalikes::is_reserved_word(fold)) {
            return Err(refused);
        }
        match self.db.find_lookalike(&folds, checked.username.as_str()).await? {
            Some(other) if self.is_bot(&other).await? => Ok(()),
            _ => Err(refused),
        }
    }

    /// Whether there is a bot with this username.
    pub(super) async fn is_bot(&self, username: &str) -> Result<bool> {
        Ok(self.db.find_user_by_name(username).await?.is_some_and(|user| user.is_bot))
    }

    /// Gives one of the server's bots another name, and publishes it. The caller has asked who may.
    ///
    /// # Errors
    /// `invalid` or `too_long` for `name`; `not_found`.
    pub async fn rename_server_bot(&self, username: &str, name: &str) -> Result<()> {
        let bot = self.profile(username).await?;
        let as_bot =
            SessionUser { username: bot.username.as_str().into(), is_guest: true, is_bot: true, ..SessionUser::only(bot.id) };
        self.change_profile(&as_bot, ProfileUpdate { name: Some(name), ..ProfileUpdate::default() }).await.map(drop)
    }

    /// Closes one of the server's bots. The caller has asked who may.
    ///
    /// # Errors
    /// The database's.
    pub async fn close_server_bot(self: &Arc<Self>, by: &SessionUser, username: &str, source: &Source) -> Result<()> {
        let bot = self.profile(username).await?;
        let event = self.event(Action::RemoveBot, source).by(by.id, &by.username);
        self.close(bot, event, NO_BOT).await.map(drop)
    }

    fn new_bot(&self, checked: Checked<'_>, owner: Option<UserId>, event: Option<Event>) -> NewBot {
        NewBot {
            username: checked.username.as_str().to_owned(),
            digest: self.username_digest(checked.username.as_str()),
            name: checked.name,
            owner,
            most: MOST,
            created_at: self.clock.now(),
            event,
        }
    }

    /// Ends the connections of the bots of somebody whose account was closed: the database refuses what they do from now on.
    pub(super) async fn end_bots_of(&self, owner: UserId) -> Result<()> {
        for bot in self.db.list_bots(owner).await? {
            self.access_ended(bot.id, SessionEnd::Deactivated).await;
        }
        Ok(())
    }

    /// A person's bots, by username.
    ///
    /// # Errors
    /// The database's.
    pub async fn bots(&self, owner: &SessionUser) -> Result<Vec<BotRow>> {
        Ok(self.db.list_bots(owner.id).await?)
    }

    /// One of a person's own bots.
    ///
    /// # Errors
    /// `not_found` for everybody else.
    pub async fn bot(&self, owner: &SessionUser, username: &str) -> Result<Profile> {
        let profile =
            self.profile(username).await.map_err(|error| if matches!(error, Error::NotFound(_)) { NO_BOT } else { error })?;
        if self.db.is_bot_of(profile.id, owner.id).await? { Ok(profile) } else { Err(NO_BOT) }
    }

    /// The rooms that one of a person's bots is in.
    ///
    /// # Errors
    /// The database's.
    pub async fn rooms_of_bot(&self, bot: &Profile) -> Result<Vec<SharedRoom>> {
        Ok(self.db.list_shared_rooms(bot.id, bot.id).await?)
    }

    /// Gives one of a person's bots another name, and publishes it.
    ///
    /// # Errors
    /// `not_found`; `invalid` or `too_long` for `name`.
    pub async fn rename_bot(&self, owner: &SessionUser, username: &str, name: &str, source: &Source) -> Result<Profile> {
        let before = self.bot(owner, username).await?;
        let as_bot = SessionUser { username: before.username.as_str().into(), is_guest: true, ..SessionUser::only(before.id) };
        let update = ProfileUpdate { name: Some(name), ..ProfileUpdate::default() };
        let after = self.change_profile(&as_bot, update).await?;
        if after.name != before.name {
            let event = self.event(Action::ChangeBot, source).by(owner.id, &owner.username).about(&*before.username);
            let (before, now) = (json!({ "name": before.name }), json!({ "name": after.name }));
            self.reports.report(event.changed(Some(before), Some(now))).await;
        }
        Ok(after)
    }

    /// Closes one of a person's bots for good, as far as they are concerned. Its messages stay.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_bot(self: &Arc<Self>, owner: &SessionUser, username: &str, source: &Source) -> Result<()> {
        let (accounts, owner, username, source) = (self.clone(), owner.clone(), username.to_owned(), source.clone());
        to_its_end(async move {
            let bot = accounts.bot(&owner, &username).await?;
            let event = accounts.event(Action::RemoveBot, &source).by(owner.id, &owner.username);
            accounts.close(bot, event, NO_BOT).await.map(drop)
        })
        .await
    }
}
