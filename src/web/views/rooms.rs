//! The list of rooms, and an invite link.

use askama::Template;

use super::{Frame, Problem, general, wrong};
use crate::chat::listing::RoomListing;
use crate::chat::rooms::Parting;
use crate::chat::types::{ListedRoom, Room};
use crate::web::rooms::Which;

/// A new invite link.
#[derive(Debug, Template)]
#[template(path = "invite.html")]
pub struct InvitePage {
    /// Around it.
    pub frame: Frame,
    /// The whole link.
    pub link: String,
}

/// `GET /rooms`.
#[derive(Debug, Template)]
#[template(path = "rooms.html")]
pub struct RoomsPage {
    frame: Frame,
    rooms: Vec<ListedRoom>,
    is_mine: bool,
    q: String,
    /// What the next page's address ends with, if there is one.
    next: Option<String>,
    /// What the address of the first page ends with.
    first: String,
    is_first: bool,
    /// What was typed.
    pub name: String,
    /// What was typed.
    pub topic: String,
    /// What was chosen.
    pub is_private: bool,
    /// Why it was refused.
    pub problem: Option<Problem>,
    /// The room that has the name already.
    pub taken: Option<Room>,
    /// The rooms that were to be left, where some could not.
    pub parted: Vec<Parting>,
    /// Why none was left.
    pub not_left: Option<Problem>,
}

impl RoomsPage {
    /// A page of the list, with an empty form.
    #[must_use]
    pub fn new(frame: Frame, RoomListing { rooms, next }: RoomListing, which: Which) -> Self {
        Self {
            frame,
            rooms,
            is_mine: which.is_mine(),
            next: next.map(|next| which.query(&next)),
            first: which.query(""),
            is_first: which.after.is_empty(),
            q: which.q,
            name: String::new(),
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

    /// How many of the rooms that were to be left were.
    fn left(&self) -> usize {
        self.parted.iter().filter(|parting| parting.refused.is_none()).count()
    }

    /// Whether there is more than this page.
    fn is_part(&self) -> bool {
        self.next.is_some() || !self.is_first || !self.q.is_empty()
    }
}
