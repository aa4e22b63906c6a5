//! Everybody's invitations.

use askama::Template;

use crate::accounts::invites::Page;
use crate::web::views::{AppLayout, InviteRow};

/// `GET /admin/invites`.
#[derive(Debug, Template)]
#[template(path = "admin/invites.html")]
pub struct AdminInvitesPage {
    layout: AppLayout,
    invites: Vec<InviteRow>,
    next: Option<String>,
    is_first: bool,
}

impl AdminInvitesPage {
    /// A page of the list.
    pub fn new(layout: AppLayout, Page { invites, next }: Page, is_first: bool) -> Self {
        let invites = invites.into_iter().map(|invite| InviteRow::new(&layout, invite)).collect();
        Self { layout, invites, next, is_first }
    }
}
