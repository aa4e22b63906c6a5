//! The list of rooms.

use askama::Template;

use super::{AppLayout, Problem, general, moments, wrong};
use crate::chat::rooms::LeaveResult;
use crate::clock::Millis;
use crate::model::pagination::{RoomListPage, RoomOrder, RoomScope};
use crate::model::{ListedRoom, Room};
use crate::web::query::RoomsQuery;

/// `GET /rooms`.
#[derive(Debug, Template)]
#[template(path = "rooms/index.html")]
pub struct RoomsPage {
    layout: AppLayout,
    rooms: Vec<ListedRoom>,
    scope: RoomScope,
    order: RoomOrder,
    query: RoomsQuery,
    now: Millis,
    /// The query string of the next page.
    next: Option<String>,
    /// The input.
    pub name: String,
    /// The input.
    pub topic: String,
    /// The input.
    pub is_private: bool,
    /// The error of the form.
    pub problem: Option<Problem>,
    /// The room with the same name.
    pub taken: Option<Room>,
    /// The result of leaving several rooms, if it failed for some.
    pub parted: Vec<LeaveResult>,
    /// The error of leaving several rooms.
    pub not_left: Option<Problem>,
}

impl RoomsPage {
    /// A page of the list, with an empty form.
    pub fn new(layout: AppLayout, RoomListPage { rooms, next }: RoomListPage, query: RoomsQuery, now: Millis) -> Self {
        let sought = query.sought();
        let (scope, order) = sought.map_or((RoomScope::All, RoomOrder::Name), |sought| (sought.scope, sought.order));
        // A search without results suggests the name of a new room.
        let name = if rooms.is_empty() && scope == RoomScope::All { query.q.trim().to_owned() } else { String::new() };
        Self {
            layout,
            rooms,
            scope,
            order,
            next: next.map(|next| query.query(scope, &next)),
            query,
            now,
            name,
            topic: String::new(),
            is_private: false,
            problem: None,
            taken: None,
            parted: Vec::new(),
            not_left: None,
        }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["name", "topic", "visibility"])
    }

    /// The number of rooms that were left.
    fn left(&self) -> usize {
        self.parted.iter().filter(|parting| parting.refused.is_none()).count()
    }

    fn is_mine(&self) -> bool {
        self.scope == RoomScope::Own
    }

    fn q(&self) -> &str {
        self.query.q.trim()
    }

    /// The tabs: name, query string, and whether it is the open one.
    fn tabs(&self) -> [(&'static str, String, bool); 4] {
        [
            ("All rooms", RoomScope::All),
            ("Your rooms", RoomScope::Own),
            ("Not joined", RoomScope::Others),
            ("Archived", RoomScope::Archived),
        ]
        .map(|(name, scope)| (name, self.query.other(scope, self.order.as_str()), scope == self.scope))
    }

    /// The orders: name, query string, and whether it is the current one.
    fn orders(&self) -> [(&'static str, String, bool); 3] {
        [("Name", RoomOrder::Name), ("Members", RoomOrder::Members), ("Last activity", RoomOrder::Activity)]
            .map(|(name, order)| (name, self.query.other(self.scope, order.as_str()), order == self.order))
    }

    /// The query string of the first page, unless this is the first.
    fn first(&self) -> Option<String> {
        (!self.query.after.is_empty()).then(|| self.query.query(self.scope, ""))
    }

    /// When the last message was written.
    fn active(&self, listed: &ListedRoom) -> Option<String> {
        listed.talked_at.map(|at| moments::ago(at, self.now, &self.layout.times))
    }

    /// Whether there is anything to filter or sort.
    fn is_findable(&self) -> bool {
        self.rooms.len() > 1 || !self.q().is_empty() || !self.query.after.is_empty()
    }
}
