//! Who belongs to a room.

use askama::Template;

use super::{Frame, Problem};
use crate::chat::types::Visibility;
use crate::db::rooms::{Member, RoomView};
use crate::web::session::CurrentUser;

/// `GET /rooms/{slug}/members`.
#[derive(Debug, Template)]
#[template(path = "members.html")]
pub struct MembersPage {
    frame: Frame,
    view: RoomView,
    members: Vec<Member>,
    is_member: bool,
    is_keeper: bool,
    is_private: bool,
    /// Why the form was refused.
    pub problem: Option<Problem>,
}

impl MembersPage {
    /// The members, as one of the room's readers sees them.
    #[must_use]
    pub fn new(mut frame: Frame, user: &CurrentUser, view: RoomView, members: Vec<Member>) -> Self {
        frame.here = Some(view.room.slug.clone());
        let is_member = view.membership.is_some();
        let is_keeper = is_member && (view.created_by == Some(user.id) || user.is_admin);
        let is_private = view.room.visibility == Visibility::Private;
        Self { frame, view, members, is_member, is_keeper, is_private, problem: None }
    }
}
