//! What the pages show: one struct for each template, by subject.
//!
//! Owns the words and numbers that templates print, made ready, so that a template only places them. It must not fetch anything.

mod acts;
mod door;
mod entry;
mod frame;
mod members;
mod moments;
mod people;
mod room;
mod rooms;
mod search;
mod shell;

use askama::Template;

pub use self::acts::{MentionsPage, MorePage, PinsPage, RevisionsPage};
pub use self::door::{LoginPage, RegisterPage};
pub use self::frame::Frame;
pub use self::members::{MembersPage, PublishPage, Typed};
pub use self::people::{DirectPage, Listed, PasswordPage, PeoplePage, PersonPage, SettingsPage};
pub use self::room::{RoomPage, Shown};
pub use self::rooms::{InvitePage, RoomsPage};
pub use self::search::SearchPage;
pub use self::shell::{KeysPage, OfflinePage};
use crate::chat::types::UserId;
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
            Error::Unauthenticated | Error::WrongPassword => "Please log in",
            Error::Forbidden(_) => "You don’t have access",
            Error::NotFound(_) => "Not found",
            Error::Invalid { .. } | Error::TooLong { .. } => "That didn’t work",
            Error::RateLimited { .. } | Error::CallsTooMany { .. } => "Too many requests",
            Error::Busy { .. } => "Server busy",
            Error::Unavailable => "Temporarily unavailable",
            Error::Internal(_) => "Something went wrong",
        };
        Self { title, message: error.to_string() }
    }
}
