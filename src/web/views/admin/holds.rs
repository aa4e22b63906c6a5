//! Legal holds, and what they have kept.

use askama::Template;

use crate::clock::Millis;
use crate::db::holds::Hold;
use crate::retention::holds::{Held, Page};
use crate::web::query::query_string;
use crate::web::views::{AppLayout, Problem, general, wrong};

/// What a hold can cover: value and name.
const SCOPES: [(&str, &str); 3] = [
    ("room", "A room"),
    ("person", "What a person writes and sends, in every room"),
    ("everything", "Everything on this server"),
];

/// `GET /admin/holds`.
#[derive(Debug, Template)]
#[template(path = "admin/holds.html")]
pub struct HoldsPage {
    layout: AppLayout,
    holds: Vec<Hold>,
    next: Option<String>,
    is_first: bool,
    /// The input of the form.
    pub typed: HoldFields,
    /// Its error.
    pub problem: Option<Problem>,
}

/// The input of the form.
#[derive(Debug, Default)]
pub struct HoldFields {
    /// What is covered.
    pub scope: String,
    /// The room or the person.
    pub target: String,
    /// Why.
    pub reason: String,
}

impl HoldsPage {
    /// A page of the list.
    pub fn new(layout: AppLayout, found: Page<Hold>, is_first: bool) -> Self {
        let next = found.next.map(before);
        let typed = HoldFields { scope: "room".into(), ..HoldFields::default() };
        Self { layout, holds: found.items, next, is_first, typed, problem: None }
    }

    fn scopes(&self) -> [(&'static str, &'static str, bool); 3] {
        SCOPES.map(|(value, name)| (value, name, self.typed.scope == value))
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["scope", "target", "reason"])
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }
}

/// `GET /admin/holds/{id}`.
#[derive(Debug, Template)]
#[template(path = "admin/held.html")]
pub struct HeldPage {
    layout: AppLayout,
    hold: Hold,
    held: Vec<Held>,
    next: Option<String>,
    is_first: bool,
}

impl HeldPage {
    /// A page of what a hold has kept.
    pub fn new(layout: AppLayout, hold: Hold, found: Page<Held>, is_first: bool) -> Self {
        Self { layout, hold, held: found.items, next: found.next.map(before), is_first }
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }

    /// What kind of notice it was; empty for a message.
    fn notice(&self, held: &Held) -> &'static str {
        if held.kind == "text" { "" } else { "Notice" }
    }
}

/// What a hold covers, in words.
pub fn covered(hold: &Hold) -> String {
    match (&hold.room_name, &hold.username) {
        (Some(_), _) if hold.is_direct => "A conversation".to_owned(),
        (Some(name), _) => format!("Room {name}"),
        (None, Some(username)) => format!("@{username}"),
        (None, None) => "Everything".to_owned(),
    }
}

/// The query string of the page before an id.
fn before(id: i64) -> String {
    query_string(&[("before", &id.to_string())])
}
