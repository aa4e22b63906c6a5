//! What the pages show: one struct for each template, by subject.
//!
//! Owns the words and numbers that templates print, made ready, so that a template only places them. It must not fetch anything.

mod acts;
mod door;
mod entry;
mod members;
mod room;
mod rooms;
mod search;

use std::sync::Arc;

use askama::Template;

pub use self::acts::{MentionsPage, MorePage, PinsPage, RevisionsPage};
pub use self::door::{LoginPage, RegisterPage};
pub use self::members::MembersPage;
pub use self::room::{RoomPage, Shown};
pub use self::rooms::{InvitePage, RoomsPage};
pub use self::search::SearchPage;
use super::session::CurrentUser;
use crate::accounts::session::SessionUser;
use crate::chat::types::{Level, ListedRoom, UserId, Visibility};
use crate::error::Error;

/// How many colours avatars have.
const HUES: i64 = 12;

/// What was wrong with a form.
#[derive(Debug)]
pub struct Problem {
    /// The field, if it is about one.
    pub field: &'static str,
    /// What to say.
    pub message: String,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self { field: error.field().unwrap_or_default(), message: error.to_string() }
    }
}

/// What stands around the pages of somebody who is signed in.
#[derive(Debug)]
pub struct Frame {
    /// Who.
    pub me: Arc<SessionUser>,
    /// Their rooms.
    pub rooms: Vec<ListedRoom>,
    /// The slug of the room that the page is of.
    here: Option<Arc<str>>,
}

impl Frame {
    /// A frame around a page that is of no room.
    #[must_use]
    pub fn new(user: &CurrentUser, rooms: Vec<ListedRoom>) -> Self {
        Self { me: user.0.clone(), rooms, here: None }
    }

    fn is_here(&self, listed: &ListedRoom) -> bool {
        self.here.as_ref() == Some(&listed.room.slug)
    }

    fn is_private(&self, listed: &ListedRoom) -> bool {
        listed.room.visibility == Visibility::Private
    }

    /// Whether something waits in a room that the page is not of, and that its reader wants to hear of.
    fn is_waiting(&self, listed: &ListedRoom) -> bool {
        listed.unread > 0 && !self.is_here(listed) && !self.is_muted(listed)
    }

    fn is_muted(&self, listed: &ListedRoom) -> bool {
        listed.level == Some(Level::Muted)
    }

    /// How many messages that address the reader wait in all their rooms.
    fn mentions(&self) -> i64 {
        self.rooms.iter().filter(|listed| self.is_waiting(listed)).map(|listed| listed.mentions).sum()
    }

    fn initials(&self) -> String {
        initials(&self.me.name)
    }

    fn hue(&self) -> String {
        hue(self.me.id)
    }
}

/// The first letters of the first two words of a name.
#[must_use]
pub fn initials(name: &str) -> String {
    let letters = name.split(|c: char| c.is_whitespace() || matches!(c, '.' | '_' | '-')).filter_map(|word| word.chars().next());
    letters.take(2).flat_map(char::to_uppercase).collect()
}

/// The class that gives a person's avatar its colour.
#[must_use]
pub fn hue(user: impl Into<UserId>) -> String {
    format!("hue-{}", user.into().0.rem_euclid(HUES))
}

impl From<&UserId> for UserId {
    fn from(id: &UserId) -> Self {
        *id
    }
}

/// A refusal as a page.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    title: &'static str,
    message: String,
}

impl ErrorPage {
    /// The page of an error.
    #[must_use]
    pub fn new(error: &Error) -> Self {
        let title = match error {
            Error::Unauthenticated | Error::WrongPassword => "Come in first",
            Error::Forbidden(_) => "Not for you, this one",
            Error::NotFound(_) => "Nothing here",
            Error::Invalid { .. } | Error::TooLong { .. } => "That did not work",
            Error::RateLimited { .. } => "A little slower",
            Error::Busy { .. } => "One moment",
            Error::Unavailable => "The database is away",
            Error::Internal(_) => "Our fault",
        };
        Self { title, message: error.to_string() }
    }
}
