//! What is decided about a room: its members' roles as an administrator sees them, its bans, its end.

use askama::Template;

use super::{AppLayout, Problem, RetentionPanel, face, hue, wrong};
use crate::clock::Millis;
use crate::db::people::{ListedBan, ListedPerson, Member};
use crate::db::rooms::ManagedRoom;
use crate::error::Error;
use crate::model::{RoomRole, Visibility};
use crate::web::query::PeopleQuery;

/// The roles of a room, with their names.
pub const ROLES: [(RoomRole, &str); 3] =
    [(RoomRole::Member, "Member"), (RoomRole::Moderator, "Moderator"), (RoomRole::Owner, "Owner")];

/// `GET /admin/rooms/{slug}`.
#[derive(Debug, Template)]
#[template(path = "admin/room.html")]
pub struct ManagedRoomPage {
    layout: AppLayout,
    room: ManagedRoom,
    members: Vec<Member>,
    q: String,
    next: Option<String>,
    is_first: bool,
    /// How long the room keeps its messages.
    retention: RetentionPanel,
}

impl ManagedRoomPage {
    /// A page of its members. `next` is the query string of the next one.
    pub fn new(
        layout: AppLayout,
        room: ManagedRoom,
        members: Vec<Member>,
        query: PeopleQuery,
        next: Option<String>,
        retention: RetentionPanel,
    ) -> Self {
        Self { layout, room, members, next, is_first: query.after.is_empty(), q: query.q, retention }
    }

    fn is_private(&self) -> bool {
        self.room.visibility == Visibility::Private
    }

    fn is_archived(&self) -> bool {
        self.room.archived_at.is_some()
    }

    fn owns(&self) -> bool {
        self.room.role == Some(RoomRole::Owner)
    }

    fn hue(&self, person: &ListedPerson) -> String {
        hue(person.id)
    }

    fn face(&self, person: &ListedPerson) -> String {
        face(&person.username, &person.name, person.photo.as_deref())
    }

    fn date(&self, at: &Millis) -> String {
        self.layout.times.date(&self.layout.times.at(*at))
    }
}

/// `GET /rooms/{slug}/bans`.
#[derive(Debug, Template)]
#[template(path = "rooms/bans.html")]
pub struct RoomBansPage {
    layout: AppLayout,
    room: ManagedRoom,
    bans: Vec<ListedBan>,
    next: Option<String>,
    is_first: bool,
}

impl RoomBansPage {
    /// A page of the bans. `next` is the query string of the next one.
    pub fn new(layout: AppLayout, room: ManagedRoom, bans: Vec<ListedBan>, next: Option<String>, is_first: bool) -> Self {
        Self { layout, room, bans, next, is_first }
    }

    /// Whether the reader sees the room, and not only administers it.
    fn is_visible(&self) -> bool {
        self.room.role.is_some() || self.room.visibility == Visibility::Public
    }

    fn date(&self, at: &Millis) -> String {
        self.layout.times.date(&self.layout.times.at(*at))
    }
}

/// `GET /rooms/{slug}/delete`.
#[derive(Debug, Template)]
#[template(path = "rooms/delete.html")]
pub struct DeleteRoomPage {
    layout: AppLayout,
    room: ManagedRoom,
    /// The input.
    confirm: String,
    problem: Option<Problem>,
}

impl DeleteRoomPage {
    /// The question about a room.
    pub fn new(layout: AppLayout, room: ManagedRoom, confirm: String, problem: Option<&Error>) -> Self {
        Self { layout, room, confirm, problem: problem.map(Into::into) }
    }

    fn wrong(&self) -> Option<&str> {
        wrong(self.problem.as_ref(), "confirm")
    }

    fn is_visible(&self) -> bool {
        self.room.role.is_some() || self.room.visibility == Visibility::Public
    }
}
