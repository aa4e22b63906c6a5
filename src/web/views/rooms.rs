//! The list of rooms, and an invite link.

use askama::Template;

use super::{Frame, Problem, general, moments, wrong};
use crate::chat::rooms::LeaveResult;
use crate::clock::Millis;
use crate::model::pagination::{Order, RoomListPage, Whose};
use crate::model::{ListedRoom, Room};
use crate::web::pages::rooms::Which;

/// A new invite link.
#[derive(Debug, Template)]
#[template(path = "rooms/invite.html")]
pub struct InvitePage {
    /// Around it.
    pub frame: Frame,
    /// The whole link.
    pub link: String,
}

/// `GET /rooms`.
#[derive(Debug, Template)]
#[template(path = "rooms/index.html")]
pub struct RoomsPage {
    frame: Frame,
    rooms: Vec<ListedRoom>,
    whose: Whose,
    order: Order,
    which: Which,
    now: Millis,
    /// What the next page's address ends with, if there is one.
    next: Option<String>,
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
    pub parted: Vec<LeaveResult>,
    /// Why none was left.
    pub not_left: Option<Problem>,
}

impl RoomsPage {
    /// A page of the list, with an empty form.
    #[must_use]
    pub fn new(frame: Frame, RoomListPage { rooms, next }: RoomListPage, which: Which, now: Millis) -> Self {
        let whose = which.whose();
        // Who looked for a room that there is not may want to make it.
        let name = if rooms.is_empty() && whose == Whose::All { which.q.trim().to_owned() } else { String::new() };
        Self {
            frame,
            rooms,
            whose,
            order: which.sought().map_or(Order::Name, |sought| sought.order),
            next: next.map(|next| which.query(&next)),
            which,
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

    /// How many of the rooms that were to be left were.
    fn left(&self) -> usize {
        self.parted.iter().filter(|result| result.refused.is_none()).count()
    }

    fn is_mine(&self) -> bool {
        self.whose == Whose::Own
    }

    fn q(&self) -> &str {
        self.which.q.trim()
    }

    /// The tabs: what each is called, where it leads, and whether it is the open one.
    fn tabs(&self) -> [(&'static str, String, bool); 3] {
        [("All rooms", Whose::All), ("Your rooms", Whose::Own), ("Not joined", Whose::Others)]
            .map(|(name, whose)| (name, self.which.other(whose, self.order.as_str()), whose == self.whose))
    }

    /// The orders: what each is called, where it leads, and whether it is the present one.
    fn orders(&self) -> [(&'static str, String, bool); 3] {
        [("Name", Order::Name), ("Members", Order::Members), ("Last activity", Order::Activity)]
            .map(|(name, order)| (name, self.which.other(self.whose, order.as_str()), order == self.order))
    }

    /// What the address of the first page ends with, unless this is it.
    fn first(&self) -> Option<String> {
        (!self.which.after.is_empty()).then(|| self.which.query(""))
    }

    /// When somebody last wrote in a room.
    fn active(&self, listed: &ListedRoom) -> Option<String> {
        listed.talked_at.map(|at| moments::ago(at, self.now, &self.frame.times))
    }

    /// Whether there is something to find or to sort.
    fn is_findable(&self) -> bool {
        self.rooms.len() > 1 || !self.q().is_empty() || !self.which.after.is_empty()
    }
}
