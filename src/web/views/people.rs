//! People: the directory, somebody's card, one's direct messages.

use askama::Template;
use jiff::tz::TimeZone;

use super::{Frame, Problem, general, hue, initials, moments, wrong};
use crate::clock::Millis;
use crate::db::people::{ListedPerson, Profile, SharedRoom};
use crate::model::ListedRoom;
use crate::web::times::Times;

/// Somebody in a list of people.
#[derive(Debug)]
pub struct Listed {
    /// Who.
    pub person: ListedPerson,
    /// Whether they are connected.
    pub is_online: bool,
}

impl Listed {
    pub(super) fn initials(&self) -> String {
        initials(&self.person.name)
    }

    pub(super) fn hue(&self) -> String {
        hue(self.person.id)
    }
}

/// `GET /people`.
#[derive(Debug, Template)]
#[template(path = "people/index.html")]
pub struct PeoplePage {
    /// Around it.
    pub frame: Frame,
    /// What was looked for.
    pub q: String,
    /// Who was found.
    pub people: Vec<Listed>,
    /// What the next page's address ends with, if there is one.
    pub next: Option<String>,
    /// Whether this is the first page.
    pub is_first: bool,
}

/// What the head of a conversation of two says of the other one.
#[derive(Debug, Hash)]
pub struct Company {
    /// What they are up to.
    pub(super) status: String,
    /// When they were last seen.
    pub(super) seen: String,
}

impl Company {
    /// What there is to say of somebody now.
    #[must_use]
    pub fn of(profile: Profile, now: Millis, times: &Times) -> Self {
        Self { seen: moments::ago(profile.last_seen_at, now, times), status: profile.status }
    }
}

/// `GET /people/{username}`.
#[derive(Debug, Template)]
#[template(path = "people/show.html")]
pub struct PersonPage {
    frame: Frame,
    profile: Profile,
    rooms: Vec<SharedRoom>,
    is_online: bool,
    is_me: bool,
    is_banned: bool,
    seen: String,
    seen_at: String,
    hour: Option<String>,
}

impl PersonPage {
    /// The card of somebody, as the person of the frame sees it.
    #[must_use]
    pub fn new(frame: Frame, profile: Profile, rooms: Vec<SharedRoom>, is_online: bool, now: Millis) -> Self {
        let there = profile.time_zone.as_deref().and_then(|zone| TimeZone::get(zone).ok());
        Self {
            is_online,
            is_me: profile.id == frame.me.id,
            is_banned: profile.banned_at.is_some(),
            seen: moments::ago(profile.last_seen_at, now, &frame.times),
            seen_at: profile.last_seen_at.to_string(),
            hour: there.map(|there| moments::hour_there(now, &there, &frame.times)),
            frame,
            profile,
            rooms,
        }
    }

    fn initials(&self) -> String {
        initials(&self.profile.name)
    }

    fn hue(&self) -> String {
        hue(self.profile.id)
    }
}

/// `GET /direct`.
#[derive(Debug, Template)]
#[template(path = "rooms/direct.html")]
pub struct DirectPage {
    /// Around it.
    pub frame: Frame,
    /// Who is ticked.
    pub chosen: Vec<Listed>,
    /// Whom one can tick as well.
    pub people: Vec<Listed>,
    /// Behind whom the next ones begin, if there are more.
    pub more_people: Option<String>,
    /// A page of one's conversations, the liveliest first.
    pub conversations: Vec<ListedRoom>,
    /// What the next page's address ends with, if there is one.
    pub next: Option<String>,
    /// Whether this is the first page.
    pub is_first: bool,
    /// What was typed: who is looked for.
    pub q: String,
    /// Why it was refused.
    pub problem: Option<Problem>,
    /// The present moment.
    pub now: Millis,
}

impl DirectPage {
    fn talked(&self, listed: &ListedRoom) -> String {
        listed.talked_at.map_or_else(|| "No messages yet".to_owned(), |at| moments::ago(at, self.now, &self.frame.times))
    }

    fn is_me(&self, listed: &Listed) -> bool {
        listed.person.id == self.frame.me.id
    }
}

/// `GET /settings`.
#[derive(Debug, Template)]
#[template(path = "accounts/settings.html")]
pub struct SettingsPage {
    /// Around it.
    pub frame: Frame,
    /// What is in the fields.
    pub profile: Profile,
    /// The names of all time zones.
    pub zones: &'static [String],
    /// Why it was refused.
    pub problem: Option<Problem>,
    /// Whether it has just been stored.
    pub is_saved: bool,
}

impl SettingsPage {
    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["name", "status", "time_zone", "theme", "notify"])
    }

    fn zone(&self) -> &str {
        self.profile.time_zone.as_deref().unwrap_or_default()
    }
}

/// `GET /settings/password`.
#[derive(Debug, Template)]
#[template(path = "accounts/password.html")]
pub struct PasswordPage {
    /// Around it.
    pub frame: Frame,
    /// Why it was refused.
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
