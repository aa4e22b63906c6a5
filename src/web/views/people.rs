//! People: the directory, profile cards, direct messages, settings.

use askama::Template;
use jiff::tz::TimeZone;

use super::{AppLayout, Problem, face, general, hue, large_face, moments, wrong};
use crate::clock::Millis;
use crate::db::blocks::BlockedPerson;
use crate::db::people::{ListedPerson, Profile, SharedRoom};
use crate::files::{Allowance, in_words};
use crate::model::ListedRoom;
use crate::web::times::Times;

/// A person in a list.
#[derive(Debug)]
pub struct Listed {
    /// The person.
    pub person: ListedPerson,
    /// Whether they are connected.
    pub is_online: bool,
}

impl Listed {
    pub(super) fn face(&self) -> String {
        face(&self.person.username, &self.person.name, self.person.photo.as_deref())
    }

    pub(super) fn hue(&self) -> String {
        hue(self.person.id)
    }
}

/// `GET /people`.
#[derive(Debug, Template)]
#[template(path = "people/index.html")]
pub struct PeoplePage {
    /// The layout.
    pub layout: AppLayout,
    /// The filter.
    pub q: String,
    /// The people.
    pub people: Vec<Listed>,
    /// The query string of the next page.
    pub next: Option<String>,
    /// Whether this is the first page.
    pub is_first: bool,
}

/// The other person, in the header of a conversation of two.
#[derive(Debug, Hash)]
pub struct Partner {
    /// Their status.
    pub(super) status: String,
    /// When they were last seen.
    pub(super) seen: String,
}

impl Partner {
    /// What the header shows now.
    pub fn of(profile: Profile, now: Millis, times: &Times) -> Self {
        Self { seen: moments::ago(profile.last_seen_at, now, times), status: profile.status }
    }
}

/// `GET /people/{username}`.
#[derive(Debug, Template)]
#[template(path = "people/show.html")]
pub struct PersonPage {
    layout: AppLayout,
    profile: Profile,
    rooms: Vec<SharedRoom>,
    is_online: bool,
    is_me: bool,
    /// Whether they are banned, or the account is deactivated.
    is_gone: bool,
    seen: String,
    seen_at: String,
    hour: Option<String>,
    /// Whether an administrator can remove their second factor.
    has_second_factor: bool,
}

impl PersonPage {
    /// A card, as the reader sees it.
    pub fn new(layout: AppLayout, profile: Profile, rooms: Vec<SharedRoom>, is_online: bool, now: Millis) -> Self {
        let there = profile.time_zone.as_deref().and_then(|zone| TimeZone::get(zone).ok());
        Self {
            is_online,
            is_me: profile.id == layout.me.id,
            is_gone: profile.banned_at.is_some(),
            seen: moments::ago(profile.last_seen_at, now, &layout.times),
            seen_at: profile.last_seen_at.to_string(),
            hour: there.map(|there| moments::hour_there(now, &there, &layout.times)),
            has_second_factor: false,
            layout,
            profile,
            rooms,
        }
    }

    /// The same, for an administrator who can remove the person's second factor.
    pub fn with_second_factor(self, has_second_factor: bool) -> Self {
        Self { has_second_factor, ..self }
    }

    fn is_blocked(&self) -> bool {
        self.layout.me.has_blocked(&self.profile.username)
    }

    fn face(&self) -> String {
        large_face(&self.profile.username, &self.profile.name, self.profile.photo.as_deref())
    }

    fn hue(&self) -> String {
        hue(self.profile.id)
    }
}

/// `POST /admin/people/{username}/reset`: the only page that shows this link.
#[derive(Debug, Template)]
#[template(path = "people/reset_link.html")]
pub struct ResetLinkPage {
    /// The layout.
    pub layout: AppLayout,
    /// The account.
    pub username: String,
    /// The link.
    pub link: String,
}

/// `GET /direct`.
#[derive(Debug, Template)]
#[template(path = "rooms/direct.html")]
pub struct DirectPage {
    /// The layout.
    pub layout: AppLayout,
    /// The chosen people.
    pub chosen: Vec<Listed>,
    /// Further people to choose from.
    pub people: Vec<Listed>,
    /// The cursor of the next page of people.
    pub more_people: Option<String>,
    /// A page of one's conversations, the most recently active first.
    pub conversations: Vec<ListedRoom>,
    /// The query string of the next page.
    pub next: Option<String>,
    /// Whether this is the first page.
    pub is_first: bool,
    /// The filter of people.
    pub q: String,
    /// The error of the form.
    pub problem: Option<Problem>,
    /// The time.
    pub now: Millis,
}

impl DirectPage {
    fn talked(&self, listed: &ListedRoom) -> String {
        listed.talked_at.map_or_else(|| "No messages yet".to_owned(), |at| moments::ago(at, self.now, &self.layout.times))
    }

    fn is_me(&self, listed: &Listed) -> bool {
        listed.person.id == self.layout.me.id
    }
}

/// `GET /settings`.
#[derive(Debug, Template)]
#[template(path = "accounts/settings.html")]
pub struct SettingsPage {
    /// The layout.
    pub layout: AppLayout,
    /// The values of the fields.
    pub profile: Profile,
    /// The names of all time zones.
    pub zones: &'static [String],
    /// The error of the form.
    pub problem: Option<Problem>,
    /// Whether the form has just been saved.
    pub is_saved: bool,
    /// How much the person has stored; `None` if nobody can store files.
    pub storage: Option<Allowance>,
    /// Whether there is an OpenID provider.
    pub has_provider: bool,
}

impl SettingsPage {
    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn face(&self) -> String {
        large_face(&self.profile.username, &self.profile.name, self.profile.photo.as_deref())
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["name", "status", "time_zone", "theme", "notify", "file"])
    }

    /// "Your files take 1.2 GB of 10 GB."
    fn stored(storage: &Allowance) -> String {
        let of = storage.quota.map_or_else(String::new, |quota| format!(" of {}", in_words(quota)));
        format!("Your files take {}{of}. A file can have up to {}.", in_words(storage.used), in_words(storage.largest))
    }

    fn zone(&self) -> &str {
        self.profile.time_zone.as_deref().unwrap_or_default()
    }
}

/// `GET /settings/password`.
#[derive(Debug, Template)]
#[template(path = "accounts/password.html")]
pub struct PasswordPage {
    /// The layout.
    pub layout: AppLayout,
    /// Whether there is a password now.
    pub has_password: bool,
    /// The error of the form.
    pub problem: Option<Problem>,
}

impl PasswordPage {
    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["current", "password"])
    }
}

/// `GET /settings/account`.
#[derive(Debug, Template)]
#[template(path = "accounts/account.html")]
pub struct AccountPage {
    /// The layout.
    pub layout: AppLayout,
    /// Whether they are the last administrator, who can do neither.
    pub is_last_admin: bool,
    /// Whether the error is of the form for a deletion.
    pub is_deletion: bool,
    /// The choice in that form.
    pub deletes_messages: bool,
    /// The error of a form.
    pub problem: Option<Problem>,
}

impl AccountPage {
    /// The error of a field of one of the forms.
    fn wrong(&self, is_deletion: bool, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field).filter(|_| is_deletion == self.is_deletion)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["confirm", "password"])
    }
}

/// `GET /settings/blocked`.
#[derive(Debug, Template)]
#[template(path = "accounts/blocked.html")]
pub struct BlockedPage {
    /// The layout.
    pub layout: AppLayout,
    /// The people.
    pub people: Vec<BlockedPerson>,
    /// The query string of the next page.
    pub next: Option<String>,
    /// Whether this is the first page.
    pub is_first: bool,
}

impl BlockedPage {
    fn face(&self, person: &BlockedPerson) -> String {
        face(&person.username, &person.name, person.photo.as_deref())
    }

    fn hue(&self, person: &BlockedPerson) -> String {
        hue(person.id)
    }
}
