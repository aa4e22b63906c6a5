//! View models: one struct per template, one module per feature.
//!
//! Owns the text and numbers that templates print, formatted. It must not fetch anything, and does not know handlers or layers.

pub mod admin;
mod api;
mod auth;
mod bots;
mod data;
mod email;
mod entry;
mod feeds;
mod files;
mod fixed;
mod fold;
mod hooks;
mod invites;
mod layout;
mod members;
mod message_actions;
mod moments;
mod notifications;
mod oidc;
mod people;
mod reminders;
mod retention;
mod room;
pub mod room_administration;
mod rooms;
mod search;
mod sessions;
mod static_pages;
mod tokens;
mod two_factor;

use askama::Template;

pub use self::api::{ApiPage, Reference};
pub use self::auth::{DeadInvitePage, DeadResetPage, ForgotPage, LoginPage, RegisterPage, ResetPage, SetupPage};
pub use self::bots::{BotPage, BotsPage};
pub use self::data::DataPage;
pub use self::email::{DeadEmailPage, EmailPage, VerifyEmailPage};
pub use self::feeds::{AtomFeed, FeedsPage};
pub use self::hooks::HooksPage;
pub use self::invites::{InviteFields, InviteRow, InvitesPage};
pub use self::layout::AppLayout;
pub use self::members::{MembersPage, PublishPage, Typed};
pub use self::message_actions::{MentionsPage, MorePage, PinsPage, RevisionsPage, ThreadPage, USUAL};
pub use self::notifications::{MailPanel, NotificationFields, NotificationsPage, UnsubscribePage};
pub use self::oidc::{ContinuePage, LinkPage, LoggedOutPage};
pub use self::people::{
    AccountPage, BlockedPage, DirectPage, Listed, Partner, PasswordPage, PeoplePage, PersonPage, ResetLinkPage, SettingsPage,
};
pub use self::reminders::RemindersPage;
pub use self::retention::RetentionPanel;
pub use self::room::{RoomPage, Shown};
pub use self::room_administration::{DeleteRoomPage, ManagedRoomPage, RoomBansPage};
pub use self::rooms::RoomsPage;
pub use self::search::SearchPage;
pub use self::sessions::SessionsPage;
pub use self::static_pages::{KeysPage, OfflinePage};
pub use self::tokens::{TokenFields, TokensPage};
pub use self::two_factor::{ConfirmPage, Passkey, SecondFactorPage, TwoFactor, TwoFactorCard, TwoFactorPage};
use crate::error::Error;
use crate::model::{Room, Theme, UserId, icon_path, photo_path};

/// The number of avatar colors.
const HUES: i64 = 12;

/// The error of a form.
#[derive(Debug)]
pub struct Problem {
    /// The field at fault, or empty.
    pub field: String,
    /// The sentence.
    pub message: String,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self { field: error.field().unwrap_or_default().to_owned(), message: error.to_string() }
    }
}

/// The message for a field.
fn wrong<'a>(problem: Option<&'a Problem>, field: &str) -> Option<&'a str> {
    problem.filter(|problem| problem.field == field).map(|problem| problem.message.as_str())
}

/// The message for none of these fields, which stands above them.
fn general<'a>(problem: Option<&'a Problem>, fields: &[&str]) -> Option<&'a str> {
    problem
        .filter(|problem| problem.field.is_empty() || !fields.contains(&&*problem.field))
        .map(|problem| problem.message.as_str())
}

/// The first letters of the first two words of a name.
fn initials(name: &str) -> String {
    let letters = name.split(|c: char| c.is_whitespace() || matches!(c, '.' | '_' | '-')).filter_map(|word| word.chars().next());
    letters.take(2).flat_map(char::to_uppercase).collect()
}

/// What is inside of an avatar: a photo, or else the first letters of a name. `js/people/names.js` makes the same markup. It says nothing
/// that the name beside it does not, and has its place before it is loaded.
#[derive(Debug, Default, Template)]
#[template(path = "shared/_face.html")]
struct Face {
    src: Option<String>,
    letters: String,
}

/// The inside of a person's avatar, as HTML.
pub fn face(username: &str, name: &str, photo: Option<&str>) -> String {
    Face { src: photo.map(|photo| photo_path(username, photo)), letters: initials(name) }.to_string()
}

/// The same for a large avatar.
pub fn large_face(username: &str, name: &str, photo: Option<&str>) -> String {
    let large = |photo| format!("{}&size=large", photo_path(username, photo));
    Face { src: photo.map(large), letters: initials(name) }.to_string()
}

/// A room's icon, as HTML; nothing if it has none.
pub fn room_icon(room: &Room) -> String {
    Face { src: room.icon.as_deref().map(|icon| icon_path(&room.slug, icon)), ..Face::default() }.to_string()
}

/// The same, large.
pub fn large_room_icon(room: &Room) -> String {
    let large = |icon| format!("{}&size=large", icon_path(&room.slug, icon));
    Face { src: room.icon.as_deref().map(large), ..Face::default() }.to_string()
}

/// The class with the color of a person's avatar.
pub fn hue(user: impl Into<UserId>) -> String {
    format!("hue-{}", user.into().0.rem_euclid(HUES))
}

impl From<&UserId> for UserId {
    fn from(id: &UserId) -> Self {
        *id
    }
}

/// An error as a page.
#[derive(Clone, Debug, Template)]
#[template(path = "shared/error_signed_out.html")]
pub struct ErrorPage {
    title: &'static str,
    message: String,
    hint: &'static str,
    ways: Vec<Way>,
    /// The id of the request, by which its lines in the log are found.
    request: Option<String>,
    theme: Theme,
}

/// A link on an error page.
#[derive(Clone, Debug)]
pub struct Way {
    name: &'static str,
    path: String,
}

impl Way {
    /// A link to a path on this server.
    pub fn new(name: &'static str, path: &str) -> Self {
        Self { name, path: path.to_owned() }
    }
}

/// The error page in a person's layout.
#[derive(Debug, Template)]
#[template(path = "shared/error_signed_in.html")]
pub struct SignedInErrorPage {
    layout: AppLayout,
    page: ErrorPage,
}

impl SignedInErrorPage {
    /// The page in this layout.
    pub fn new(layout: AppLayout, page: ErrorPage) -> Self {
        Self { layout, page }
    }
}

impl ErrorPage {
    /// The page of an error.
    pub fn new(error: &Error) -> Self {
        let title = match error {
            Error::Unauthenticated | Error::WrongPassword | Error::WrongCode | Error::WrongPasskey | Error::InvalidToken => {
                "Please log in"
            }
            Error::SecondFactorRequired | Error::ConfirmationRequired => "One more step",
            Error::Forbidden(_) => "You don’t have access",
            Error::NotFound(_) => "Not found",
            Error::Invalid { .. }
            | Error::HasNul { .. }
            | Error::BadParameter { .. }
            | Error::TooLong { .. }
            | Error::TooLarge(_) => "That didn’t work",
            Error::RateLimited { .. } | Error::SlowMode { .. } | Error::TooManyMentioned { .. } => "Too many requests",
            Error::Busy { .. } => "Server busy",
            Error::StorageFull | Error::NoStorage => "No room for files",
            Error::Unavailable | Error::NotSaved | Error::ProviderUnavailable | Error::StorageUnavailable => {
                "Temporarily unavailable"
            }
            Error::Internal(_) => "Something went wrong",
        };
        let hint = match error {
            Error::NotFound(_) => "Check the address, or find your way from here.",
            Error::Forbidden(_) => "If you think you should have access, ask the owner or an admin.",
            _ => "",
        };
        Self { title, message: error.to_string(), hint, ways: Vec::new(), request: None, theme: Theme::Auto }
    }

    /// The page in a theme.
    pub fn themed(self, theme: Theme) -> Self {
        Self { theme, ..self }
    }

    /// The page with the id of the request.
    pub fn of_request(self, request: Option<String>) -> Self {
        Self { request, ..self }
    }

    /// The page with links. Browsers keep the input of a form that was sent.
    pub fn with_ways(mut self, ways: Vec<Way>, is_form: bool) -> Self {
        if is_form && self.hint.is_empty() {
            self.hint = "Nothing was changed. What you typed is still there when you go back in your browser.";
        }
        self.ways = ways;
        self
    }
}
