//! What the pages show: one struct for each template, by subject.
//!
//! Owns the words and numbers that templates print, made ready, so that a template only places them. It must not fetch anything.

mod auth;
mod entry;
mod fixed;
mod fold;
mod frame;
mod members;
mod message_actions;
mod moments;
mod people;
mod room;
mod rooms;
mod search;
mod shell;

use askama::Template;

pub use self::frame::Frame;
pub use self::members::{MembersPage, PublishPage, Typed};
pub use self::people::{Company, DirectPage, Listed, PasswordPage, PeoplePage, PersonPage, SettingsPage};
pub use self::room::{RoomPage, Shown};
pub use self::rooms::{InvitePage, RoomsPage};
pub use self::search::SearchPage;
pub use self::shell::{KeysPage, OfflinePage};
use crate::error::Error;
use crate::model::{Theme, UserId};
pub use crate::web::views::auth::{DeadInvitePage, LoginPage, RegisterPage, SetupPage};
pub use crate::web::views::message_actions::{MentionsPage, MorePage, PinsPage, RevisionsPage, ThreadPage, USUAL};

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

/// What is wrong with a field.
fn wrong<'a>(problem: Option<&'a Problem>, field: &str) -> Option<&'a str> {
    problem.filter(|problem| problem.field == field).map(|problem| problem.message.as_str())
}

/// What is wrong with none of a form's fields, or with no field at all: it is told above them.
fn general<'a>(problem: Option<&'a Problem>, fields: &[&str]) -> Option<&'a str> {
    problem.filter(|problem| problem.field.is_empty() || !fields.contains(&problem.field)).map(|problem| problem.message.as_str())
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

/// A refusal as a page. It travels with the answer too, so that it can be shown in its person's frame (`web::refusals`).
#[derive(Clone, Debug, Template)]
#[template(path = "shared/error_signed_out.html")]
pub struct ErrorPage {
    title: &'static str,
    message: String,
    hint: &'static str,
    ways: Vec<Way>,
    theme: Theme,
}

/// A link onwards.
#[derive(Clone, Debug)]
pub struct Way {
    name: &'static str,
    path: String,
}

impl Way {
    /// A link to one of our own paths.
    #[must_use]
    pub fn new(name: &'static str, path: &str) -> Self {
        Self { name, path: path.to_owned() }
    }
}

/// The same for somebody who is signed in.
#[derive(Debug, Template)]
#[template(path = "shared/error_signed_in.html")]
pub struct FramedErrorPage {
    frame: Frame,
    page: ErrorPage,
}

impl FramedErrorPage {
    /// The page in its frame.
    #[must_use]
    pub fn new(frame: Frame, page: ErrorPage) -> Self {
        Self { frame, page }
    }
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
            Error::RateLimited { .. } | Error::TooManyMentioned { .. } => "Too many requests",
            Error::Busy { .. } => "Server busy",
            Error::Unavailable => "Temporarily unavailable",
            Error::Internal(_) => "Something went wrong",
        };
        let hint = match error {
            Error::NotFound(_) => "Check the address, or find your way from here.",
            Error::Forbidden(_) => "If you think you should have access, ask the owner or an admin.",
            _ => "",
        };
        Self { title, message: error.to_string(), hint, ways: Vec::new(), theme: Theme::Auto }
    }

    /// The same in a theme.
    #[must_use]
    pub fn themed(self, theme: Theme) -> Self {
        Self { theme, ..self }
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The page of a fault in a handler.
    #[must_use]
    pub fn of_fault() -> Self {
        Self::new(&Error::Internal(String::new()))
    }

    /// The same with links onwards. Whoever has sent a form still has it: browsers keep what was typed.
    #[must_use]
    pub fn with_ways(mut self, ways: Vec<Way>, is_form: bool) -> Self {
        if is_form && self.hint.is_empty() {
            self.hint = "Nothing was changed. What you typed is still there when you go back in your browser.";
        }
        self.ways = ways;
        self
    }
}
