//! Accounts for people of another chat.
//!
//! Owns which username and which name they get: valid, free, and not like somebody else's. It must not decide whether somebody has an
//! account already.

use super::registration::{Checked, usernames_for};
use super::{Accounts, imported_hash};
use crate::clock::Millis;
use crate::db::import::NewImportedPerson;
use crate::db::users::User;
use crate::error::{Error, Result};
use crate::mail::Address;
use crate::model::username::{self, Username};
use crate::model::validate;
use crate::security_log::{Action, Source};

/// The longest status, in characters.
const STATUS: usize = 100;

/// Somebody who gets an account.
#[derive(Clone, Debug, Default)]
pub struct NewPerson {
    /// The source that they are imported from.
    pub source: String,
    /// Their key there.
    pub key: String,
    /// The username there.
    pub username: String,
    /// The display name there.
    pub name: String,
    /// An address that is confirmed there.
    pub email: Option<String>,
    /// bcrypt's hash of their password; empty without one.
    pub password_hash: String,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// Whether nobody can log in.
    pub is_closed: bool,
    /// What they say of themselves.
    pub status: String,
    /// Their time zone.
    pub time_zone: Option<String>,
    /// Since when they are there.
    pub created_at: Millis,
}

impl Accounts {
    /// Adds an account, under the username that it has there or one like it.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_imported(&self, person: NewPerson) -> Result<User> {
        let last = || Username::parse(&format!("someone-{:08x}", rand::random::<u32>())).ok();
        for username in usernames_for(Some(&person.username), Some(&person.name)).chain(std::iter::from_fn(last).take(5)) {
            let mut checked = Checked { name: username.as_str().to_owned(), username, password: "" };
            if let Ok(name) = username::display_name(&person.name, &checked.username)
                && self.check_lookalikes(&name, &checked.username, false).await.is_ok()
            {
                checked.name = name;
            }
            match self.check_names(&checked, false).await {
                Ok(()) => {}
                Err(Error::Invalid { .. }) => continue,
                Err(error) => return Err(error),
            }
            if let Some(id) = self.db.insert_imported_person(self.row(&person, checked)).await? {
                let user = self.db.find_user(id).await?;
                let user = user.ok_or_else(|| Error::Internal("a person vanished while they were imported".into()))?;
                self.store_look(&user).await?;
                return Ok(user);
            }
        }
        Err(Error::Internal(format!("no username like {} is free", person.username)))
    }

    fn row(&self, person: &NewPerson, Checked { username, name, .. }: Checked<'_>) -> NewImportedPerson {
        let email = person.email.as_deref().and_then(|email| Address::parse(email).ok());
        let status = validate::line("status", &validate::without_hidden(&person.status), STATUS).unwrap_or_default();
        let is_zone = |zone: &String| jiff::tz::TimeZone::get(zone).is_ok();
        NewImportedPerson {
            source: person.source.clone(),
            key: person.key.clone(),
            password_hash: Some(&person.password_hash).filter(|hash| imported_hash::is_one(hash)).cloned().unwrap_or_default(),
            email: email.map(|email| (email.as_str().to_owned(), email.folded())),
            is_guest: person.is_guest,
            is_bot: person.is_bot,
            is_closed: person.is_closed,
            status,
            time_zone: person.time_zone.clone().filter(is_zone),
            created_at: if person.created_at == Millis(0) { self.clock.now() } else { person.created_at },
            now: self.clock.now(),
            digest: self.username_digest(username.as_str()),
            event: self.event(Action::AddUser, &Source::default()).by_hand().about(username.as_str()).note("import"),
            username: username.as_str().to_owned(),
            name,
        }
    }
}
