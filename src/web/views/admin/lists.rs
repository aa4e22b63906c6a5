//! Everybody, and all rooms.

use askama::Template;

use super::count;
use crate::clock::Millis;
use crate::db::overview::{AdminPerson, AdminRoom};
use crate::model::Visibility;
use crate::web::query::query_string;
use crate::web::views::{AppLayout, hue, initials};

/// The filters of people: parameter and name.
const FILTERS: [(&str, &str); 5] =
    [("", "Everyone"), ("active", "Active"), ("admins", "Admins"), ("guests", "Guests"), ("banned", "Banned")];

/// `GET /admin/people`.
#[derive(Debug, Template)]
#[template(path = "admin/people.html")]
pub struct AdminPeoplePage {
    layout: AppLayout,
    people: Vec<AdminPerson>,
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
        q: String,
        filter: String,
        next: Option<String>,
        is_first: bool,
    ) -> Self {
        Self { layout, people, q, filter: if filter == "all" { String::new() } else { filter }, next, is_first }
    }

    /// The links to other selections: name, query string, and whether it is this one.
    fn filters(&self) -> [(&'static str, String, bool); FILTERS.len()] {
        FILTERS.map(|(filter, name)| (name, query_string(&[("q", self.q.trim()), ("filter", filter)]), filter == self.filter))
    }

    fn first(&self) -> String {
        query_string(&[("q", self.q.trim()), ("filter", &self.filter)])
    }

    fn hue(&self, person: &AdminPerson) -> String {
        hue(person.id)
    }

    fn initials(&self, person: &AdminPerson) -> String {
        initials(&person.name)
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
