//! Profiles and preferences: name, photo, status, time zone, theme and notifications.
//!
//! Owns their validation. Changes are published.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::session::SessionUser;
use super::{Accounts, to_its_end};
use crate::db::people::{ListedPerson, Profile, SharedRoom};
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::lookalikes;
use crate::model::pagination::{PageRequest, PeopleListPage};
use crate::model::username::{Username, display_name};
use crate::model::validate;
use crate::model::{NotificationLevel, Theme, UserId};
use crate::permissions::{self, ServerAction};

/// Maximum length of a status, in characters.
const STATUS: usize = 100;
/// Number of names processed per write when looks are computed at start.
const LOOKS_BATCH: i64 = 1000;

/// A change of a profile; fields that are `None` stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProfileUpdate<'a> {
    /// The name to show; empty for the username.
    pub name: Option<&'a str>,
    /// A one-line status.
    pub status: Option<&'a str>,
    /// IANA name of the time zone; empty for none.
    pub time_zone: Option<&'a str>,
    /// `auto`, `light` or `dark`.
    pub theme: Option<&'a str>,
    /// `all`, `mentions` or `muted`.
    pub notify: Option<&'a str>,
}

impl Accounts {
    /// Finds a profile.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn profile(&self, username: &str) -> Result<Profile> {
        let username = Username::parse(username).map_err(|_| Error::NotFound("person"))?;
        self.db.find_profile(username.as_str()).await?.ok_or(Error::NotFound("person"))
    }

    /// Changes a profile and publishes what others can see of it. Returns once caches hold the new name.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for the field.
    pub async fn change_profile(&self, user: &SessionUser, update: ProfileUpdate<'_>) -> Result<Profile> {
        let before = self.profile(&user.username).await?;
        let mut profile = before.clone();
        // Existing names may violate newer rules until they are changed.
        if let Some(name) = update.name.filter(|name| *name != before.name) {
            let username = Username::parse(&user.username)?;
            profile.name = display_name(name, &username)?;
            self.check_lookalikes(&profile.name, &username, user.is_admin).await?;
        }
        if let Some(status) = update.status {
            profile.status = validate::line("status", status, STATUS)?;
        }
        if let Some(zone) = update.time_zone {
            profile.time_zone = time_zone(zone)?;
        }
        if let Some(theme) = update.theme {
            profile.theme = Theme::parse(theme).ok_or_else(|| Error::invalid("theme", "Choose system, light or dark."))?;
        }
        if let Some(notify) = update.notify {
            profile.notify = NotificationLevel::parse(notify)
                .ok_or_else(|| Error::invalid("notify", "Choose all messages, mentions only or nothing."))?;
        }
        let is_renamed = profile.name != before.name;
        if profile == before {
            return Ok(profile);
        }
        let mut events = Vec::new();
        {
            for changed in self.db.update_profile(&profile, lookalikes::look(&profile.name)).await? {
                if changed == profile.id {
                    profile.alike = !before.alike;
                } else {
                    events.push(profile_changed(&self.profile_of(changed).await?, true));
                }
            }
        }
        if is_renamed || profile.status != before.status {
            events.insert(0, profile_changed(&profile, is_renamed));
        }
        self.events.deliver_all(events).await;
        Ok(profile)
    }

    /// Gives somebody the photo in a file that was stored for it, or none, and publishes that. Returns once caches hold the new one.
    ///
    /// # Errors
    /// `not_found` if the file or the account is gone.
    pub async fn set_photo(self: &Arc<Self>, user: UserId, file: Option<String>) -> Result<()> {
        let accounts = self.clone();
        to_its_end(async move {
            if !accounts.db.set_photo(user, file).await? {
                return Err(Error::NotFound("file"));
            }
            accounts.publish_names(std::iter::once(user)).await
        })
        .await
    }

    /// Refuses a name that resembles another user's or an official role.
    ///
    /// # Errors
    /// `invalid` for `name`.
    pub(super) async fn check_lookalikes(&self, name: &str, username: &Username, may_use_roles: bool) -> Result<()> {
        if name == username.as_str() {
            return Ok(());
        }
        let folds = lookalikes::folds(name);
        if !may_use_roles && (lookalikes::is_reserved_role(name) || folds.iter().any(|fold| lookalikes::is_reserved_word(fold))) {
            return Err(Error::invalid("name", "That name is reserved for Parlor and its admins. Choose another."));
        }
        match self.db.find_lookalike(&folds, username.as_str()).await? {
            // Several bots of one program are called like it.
            Some(other) if self.is_bot(&other).await? && self.is_bot(username.as_str()).await? => Ok(()),
            Some(other) => Err(Error::invalid(
                "name",
                format!("That name looks too much like @{other}, someone else’s username. Add something to it."),
            )),
            None => Ok(()),
        }
    }

    /// Stores the look of a new user's name, and publishes other users whose names it resembles.
    pub(super) async fn store_look(&self, user: &User) -> Result<()> {
        let fold = Username::parse(&user.username)?.fold();
        let changed = self.db.set_look(user.id, lookalikes::look(&user.name), fold).await?;
        self.publish_names(changed.into_iter().filter(|changed| *changed != user.id)).await
    }

    /// Publishes the names and photos of people whose `alike` flag or photo changed.
    pub(super) async fn publish_names(&self, people: impl Iterator<Item = UserId>) -> Result<()> {
        let mut events = Vec::new();
        for changed in people {
            events.push(profile_changed(&self.profile_of(changed).await?, true));
        }
        self.events.deliver_all(events).await;
        Ok(())
    }

    /// Computes missing looks: of users older than this feature, and of those who registered just before a shutdown.
    pub(super) async fn store_missing_looks(&self) -> Result<()> {
        let mut is_settled = true;
        loop {
            let people = self.db.list_without_look(LOOKS_BATCH).await?;
            if people.is_empty() {
                break;
            }
            is_settled = false;
            let looks: Vec<_> = people
                .into_iter()
                .map(|(id, username, name)| {
                    let [fold, _] = lookalikes::folds(&username);
                    (id, lookalikes::look(&name), fold)
                })
                .collect();
            self.db.fill_looks(&looks).await?;
        }
        if is_settled { Ok(()) } else { Ok(self.db.mark_alike().await?) }
    }

    async fn profile_of(&self, id: UserId) -> Result<Profile> {
        let user = self.db.find_user(id).await?.ok_or(Error::NotFound("person"))?;
        self.profile(&user.username).await
    }

    /// A page of the directory of people.
    ///
    /// Guests see only the people of their own rooms.
    pub async fn directory(&self, reader: &SessionUser, request: &PageRequest) -> Result<PeopleListPage<ListedPerson>> {
        let people = match permissions::may_administer(reader.actor(), ServerAction::SeeDirectory) {
            Ok(()) => self.db.list_people(request, PageRequest::LIMIT).await?,
            Err(_) => self.db.list_acquaintances(reader.id, request, PageRequest::LIMIT).await?,
        };
        Ok(PeopleListPage::new(people, |person| &person.username))
    }

    /// Somebody's profile as a reader may see it: guests see only those of the people in their rooms.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn profile_for(&self, reader: &SessionUser, username: &str) -> Result<Profile> {
        let profile = self.profile(username).await?;
        if reader.is_guest && self.db.is_stranger_to_guest(reader.id, profile.id).await? {
            return Err(Error::NotFound("person"));
        }
        Ok(profile)
    }

    /// The rooms that two people have in common.
    pub async fn shared_rooms(&self, reader: UserId, person: UserId) -> Result<Vec<SharedRoom>> {
        Ok(self.db.list_shared_rooms(reader, person).await?)
    }
}

fn profile_changed(profile: &Profile, is_renamed: bool) -> Event {
    Event::ProfileChanged { person: profile.author(), status: profile.status.clone(), is_renamed }
}

/// Parses an IANA time zone; `None` if empty.
///
/// # Errors
/// `invalid` for `time_zone`.
pub fn time_zone(text: &str) -> Result<Option<String>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let unknown = || Error::invalid("time_zone", "Unknown time zone. Try a name like Europe/Paris.");
    let zone = TimeZone::get(text).map_err(|_| unknown())?;
    zone.iana_name().map(|name| Some(name.to_owned())).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_has_one_spelling() {
        assert_eq!(time_zone(" europe/paris ").unwrap().as_deref(), Some("Europe/Paris"));
        assert_eq!(time_zone("").unwrap(), None);
        for odd in ["Mars/Olympus", "+02:00", "../../etc/passwd", "/etc/localtime", "CET-1CEST", "a\0b", &"x/".repeat(9_999)] {
            assert_eq!(time_zone(odd).unwrap_err().field(), Some("time_zone"), "{odd:?}");
        }
    }
}
