//! The list of rooms, and an invitation.

use askama::Template;

use super::{Frame, Problem};
use crate::chat::types::ListedRoom;

/// An invitation's link.
#[derive(Debug, Template)]
#[template(path = "invite.html")]
pub struct InvitePage {
    /// Around it.
    pub frame: Frame,
    /// The link's path.
    pub path: String,
}

/// `GET /rooms`.
#[derive(Debug, Template)]
#[template(path = "rooms.html")]
pub struct RoomsPage {
    frame: Frame,
    rooms: Vec<ListedRoom>,
    /// What was typed.
    pub name: String,
    /// What was typed.
    pub topic: String,
    /// What was chosen.
    pub is_private: bool,
    /// Why it was refused.
    pub problem: Option<Problem>,
}

impl RoomsPage {
    /// The list, with an empty form.
    #[must_use]
    pub fn new(frame: Frame, mut rooms: Vec<ListedRoom>) -> Self {
        // Conversations have a page of their own.
        rooms.retain(|listed| !listed.room.is_direct);
        Self { frame, rooms, name: String::new(), topic: String::new(), is_private: false, problem: None }
    }
}
