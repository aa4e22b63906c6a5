//! Who belongs to a room.

use askama::Template;

use super::{Frame, Listed, Problem};
use crate::chat::types::Visibility;
use crate::db::rooms::RoomView;
use crate::web::people::Search;
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
    /// Whether there are more than these.
    is_part: bool,
    q: String,
    /// What the addresses of this page and of the next, if there is one, end with.
    here: String,
    next: Option<String>,
    is_first: bool,
    /// Why the form was refused.
    pub problem: Option<Problem>,
}

impl MembersPage {
    /// A page of the members, as one of the room's readers sees them; the next one begins behind `next`.
    #[must_use]
    pub fn new(
        mut frame: Frame,
        user: &CurrentUser,
        view: RoomView,
        members: Vec<Listed>,
        search: Search,
        next: Option<&str>,
    ) -> Self {
        frame.here = Some(view.room.slug.clone());
        let is_member = view.membership.is_some();
        let is_keeper = is_member && (view.created_by == Some(user.id) || user.is_admin);
        let is_private = view.room.visibility == Visibility::Private;
        let is_direct = view.room.is_direct;
        Self {
            frame,
            is_direct,
            is_member,
            is_keeper,
            is_private,
            is_part: view.members > members.len() as i64,
            view,
            members,
            here: search.query(&search.after),
            next: next.map(|next| search.query(next)),
            is_first: search.after.is_empty(),
            q: search.q,
            problem: None,
        }
    }
}
