//! Reported messages: of the whole server, or of a room.

use askama::Template;

use crate::clock::Millis;
use crate::db::reports::{Outcome, Report};
use crate::db::rooms::RoomView;
use crate::web::query::query_string;
use crate::web::views::AppLayout;

/// `GET /admin/reports`, `GET /rooms/{slug}/reports`.
#[derive(Debug, Template)]
#[template(path = "admin/reports.html")]
pub struct ReportsPage {
    layout: AppLayout,
    /// The room, if it is a room's queue.
    room: Option<RoomView>,
    reports: Vec<Report>,
    next: Option<i64>,
    is_open: bool,
    is_first: bool,
}

impl ReportsPage {
    /// A page of a queue.
    pub fn new(
        layout: AppLayout,
        room: Option<RoomView>,
        reports: Vec<Report>,
        next: Option<i64>,
        is_open: bool,
        is_first: bool,
    ) -> Self {
        Self { layout, room, reports, next, is_open, is_first }
    }

    /// The path of this queue.
    fn path(&self) -> String {
        self.room.as_ref().map_or_else(|| "/admin/reports".to_owned(), |view| format!("/rooms/{}/reports", view.room.slug))
    }

    /// The query string of the first page, or of the one before an id.
    fn query(&self, before: Option<&i64>) -> String {
        let before = before.map(ToString::to_string).unwrap_or_default();
        query_string(&[("filter", if self.is_open { "" } else { "closed" }), ("before", &before)])
    }

    fn moment(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }

    /// Whether the author can be banned from here.
    fn can_ban(&self, report: &Report) -> bool {
        self.room.is_none() && report.author_id != self.layout.me.id && !report.author.starts_with('-')
    }

    fn outcome(&self, report: &Report) -> &'static str {
        match report.outcome {
            None => "Open",
            Some(Outcome::Dismissed) => "Dismissed",
            Some(Outcome::Deleted) => "Message deleted",
            Some(Outcome::Banned) => "Author banned",
        }
    }
}
