//! Everybody, and all rooms.

use askama::Template;

use super::count;
use crate::clock::Millis;
use crate::db::cleanups::CleanupProgress;
use crate::db::overview::{AdminPerson, AdminRoom};
use crate::model::Visibility;
use crate::web::query::query_string;
use crate::web::views::{AppLayout, face, hue};

/// The filters of people: parameter and name.
const FILTERS: [(&str, &str); 7] = [
    ("", "Everyone"),
    ("active", "Active"),
    ("admins", "Admins"),
    ("guests", "Guests"),
    ("bots", "Bots"),
    ("banned", "Banned"),
    ("deactivated", "Deactivated"),
];

/// `GET /admin/people`.
#[derive(Debug, Template)]
#[template(path = "admin/people.html")]
pub struct AdminPeoplePage {
    layout: AppLayout,
    people: Vec<AdminPerson>,
    /// Messages that are being deleted.
    deletions: Vec<CleanupProgress>,
    q: String,
    filter: String,
    next: Option<String>,
    is_first: bool,
}

impl AdminPeoplePage {
    /// A page of the list. `next` is the query string of the next one.
    pub fn new(
        layout: AppLayout,
        people: Vec<AdminPerson>,
        deletions: Vec<CleanupProgress>,
        q: String,
        filter: String,
        next: Option<String>,
        is_first: bool,
    ) -> Self {
        Self { layout, people, deletions, q, filter: if filter == "all" { String::new() } else { filter }, next, is_first }
    }

    /// The links to other selections: name, query string, and whether it is this one.
    fn filters(&self) -> [(&'static str, String, bool); FILTERS.len()] {
        FILTERS.map(|(filter, name)| (name, query_string(&[("q", self.q.trim()), ("filter", filter)]), filter == self.filter))
    }

    fn first(&self) -> String {
        query_string(&[("q", self.q.trim()), ("filter", &self.filter)])
    }

    fn is_deleting(&self) -> bool {
        self.deletions.iter().any(|deletion| deletion.finished_at.is_none())
    }

    /// Whose messages they are; a deleted account has no username.
    fn whose(&self, deletion: &CleanupProgress) -> String {
        if deletion.username.starts_with('-') { "a deleted account".to_owned() } else { format!("@{}", deletion.username) }
    }

    fn deleted(&self, deletion: &CleanupProgress) -> String {
        if deletion.deleted == 1 { "1 message".to_owned() } else { format!("{} messages", count(deletion.deleted)) }
    }

    fn hue(&self, person: &AdminPerson) -> String {
        hue(person.id)
    }

    fn face(&self, person: &AdminPerson) -> String {
        face(&person.username, &person.name, person.photo.as_deref())
    }

    fn date(&self, at: &Millis) -> String {
        self.layout.times.date(&self.layout.times.at(*at))
    }
}

/// `GET /admin/rooms`.
#[derive(Debug, Template)]
#[template(path = "admin/rooms.html")]
pub struct AdminRoomsPage {
    layout: AppLayout,
    rooms: Vec<AdminRoom>,
    q: String,
    next: Option<String>,
    is_first: bool,
}

impl AdminRoomsPage {
    /// A page of the list. `next` is the query string of the next one.
    pub fn new(layout: AppLayout, rooms: Vec<AdminRoom>, q: String, next: Option<String>, is_first: bool) -> Self {
        Self { layout, rooms, q, next, is_first }
    }

    fn first(&self) -> String {
        query_string(&[("q", self.q.trim())])
    }

    fn is_private(&self, room: &AdminRoom) -> bool {
        room.visibility == Visibility::Private
    }

    fn members(&self, room: &AdminRoom) -> String {
        if room.members == 1 { "1 member".to_owned() } else { format!("{} members", count(room.members)) }
    }

    fn date(&self, at: &Millis) -> String {
        self.layout.times.date(&self.layout.times.at(*at))
    }
}
