//! Who belongs to a room.

use askama::Template;

use super::{Frame, Listed, Problem};
use crate::chat::types::Visibility;
use crate::db::rooms::RoomView;
use crate::web::session::CurrentUser;

/// `GET /rooms/{slug}/members`.
#[derive(Debug, Template)]
#[template(path = "members.html")]
pub struct MembersPage {
    frame: Frame,
    view: RoomView,
    members: Vec<Listed>,
    is_direct: bool,
    is_member: bool,
    is_keeper: bool,
    is_private: bool,
    /// Why the form was refused.
    pub problem: Option<Problem>,
}

impl MembersPage {
    /// The members, as one of the room's readers sees them.
    #[must_use]
    pub fn new(mut frame: Frame, user: &CurrentUser, view: RoomView, members: Vec<Listed>) -> Self {
        frame.here = Some(view.room.slug.clone());
        let is_member = view.membership.is_some();
        let is_keeper = is_member && (view.created_by == Some(user.id) || user.is_admin);
        let is_private = view.room.visibility == Visibility::Private;
        let is_direct = view.room.is_direct;
        Self { frame, is_direct, view, members, is_member, is_keeper, is_private, problem: None }
    }
}
