//! Invitations: the form for a new one, and lists.

use askama::Template;

use super::{AppLayout, Problem, general, wrong};
use crate::accounts::invites::{DAYS, Invitation, MAX_DAYS, MAX_NOTE, MAX_USES, Page, State};
use crate::model::ListedRoom;

/// The fields of the form, as typed.
#[derive(Debug, Default)]
pub struct InviteFields {
    /// For how many people.
    pub uses: String,
    /// For how many days.
    pub days: String,
    /// What it is for.
    pub note: String,
    /// The slugs of rooms.
    pub rooms: Vec<String>,
}

/// `GET /invites`.
#[derive(Debug, Template)]
#[template(path = "accounts/invites.html")]
pub struct InvitesPage {
    layout: AppLayout,
    invites: Vec<InviteRow>,
    next: Option<String>,
    is_first: bool,
    /// A new link, which is shown this once, and its invitation.
    pub created: Option<(String, Invitation)>,
    /// The input.
    pub typed: InviteFields,
    /// The error of the form.
    pub problem: Option<Problem>,
}

/// An invitation in a list.
#[derive(Debug)]
pub struct InviteRow {
    /// Its public id.
    pub id: String,
    /// Its note, or how it is called without one.
    pub title: String,
    /// Its state in a word.
    pub state: &'static str,
    /// Whether it can be used.
    pub is_open: bool,
    /// How many have used it.
    pub uses: String,
    /// When it expires: for programs, and for people.
    pub expires_at: String,
    /// When it expires or did.
    pub expires: String,
    /// When it was made: for programs, and for people.
    pub created_at: String,
    /// When it was made.
    pub created: String,
    /// The username of its maker.
    pub maker: Option<String>,
    /// The slugs of its rooms.
    pub rooms: Vec<String>,
    /// Who used it: username, when for programs, and for people.
    pub used_by: Vec<(String, String, String)>,
}

impl InviteRow {
    /// An invitation, with times as the reader writes them.
    pub fn new(layout: &AppLayout, invite: Invitation) -> Self {
        let times = &layout.times;
        let words = |at| times.moment(&times.at(at));
        let (state, is_open) = match invite.state {
            State::Open => ("Open", true),
            State::Used => ("Used up", false),
            State::Expired => ("Expired", false),
            State::Revoked => ("Revoked", false),
        };
        let used = invite.used_by.len();
        let verb = if invite.state == State::Expired { "Expired" } else { "Expires" };
        Self {
            title: if invite.note.is_empty() { "Invite link".to_owned() } else { invite.note },
            state,
            is_open,
            uses: match invite.uses {
                1 => if used == 0 { "For one person" } else { "Used" }.to_owned(),
                uses => format!("{used} of {uses} people"),
            },
            expires_at: invite.expires_at.to_string(),
            expires: format!("{verb} {}", words(invite.expires_at)),
            created_at: invite.created_at.to_string(),
            created: words(invite.created_at),
            maker: invite.created_by,
            rooms: invite.rooms,
            used_by: invite.used_by.into_iter().map(|one| (one.username, one.at.to_string(), words(one.at))).collect(),
            id: invite.id,
        }
    }
}

impl InvitesPage {
    /// A page of a person's invitations.
    pub fn new(layout: AppLayout, Page { invites, next }: Page, is_first: bool) -> Self {
        let invites = invites.into_iter().map(|invite| InviteRow::new(&layout, invite)).collect();
        let typed = InviteFields { uses: "1".into(), days: DAYS.to_string(), ..InviteFields::default() };
        Self { layout, invites, next, is_first, created: None, typed, problem: None }
    }

    const fn max_uses(&self) -> i64 {
        MAX_USES
    }

    const fn max_days(&self) -> i64 {
        MAX_DAYS
    }

    const fn max_note(&self) -> usize {
        MAX_NOTE
    }

    /// The rooms to choose from: those of the person.
    fn rooms(&self) -> impl Iterator<Item = &ListedRoom> {
        self.layout.rooms.iter().filter(|listed| !listed.room.is_direct)
    }

    fn is_chosen(&self, listed: &ListedRoom) -> bool {
        self.typed.rooms.iter().any(|slug| **slug == *listed.room.slug)
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["uses", "days", "note", "rooms"])
    }
}
