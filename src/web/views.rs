//! What the pages show: one struct for each template.
//!
//! Owns the words and numbers that templates print, made ready, so that a template only places them. It must not fetch anything.

use std::sync::Arc;

use askama::Template;
use jiff::tz::TimeZone;

use super::session::CurrentUser;
use crate::accounts::session::SessionUser;
use crate::chat::Chat;
use crate::chat::change::Logged;
use crate::chat::types::{Kind, ListedRoom, Message, Page, UserId, Visibility};
use crate::config::{Config, Registration};
use crate::db::rooms::{Member, RoomView};
use crate::error::Error;

/// Within how many milliseconds messages of one author join.
const JOIN_WITHIN: i64 = 5 * 60 * 1000;
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

/// `GET /login`.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What was typed.
    pub username: String,
    /// Why it was refused.
    pub problem: Option<Problem>,
    next: String,
    can_register: bool,
}

impl LoginPage {
    /// An empty form that leads to `next`.
    #[must_use]
    pub fn new(config: &Config, next: &str) -> Self {
        let can_register = config.registration != Registration::Closed;
        Self { username: String::new(), problem: None, next: next.into(), can_register }
    }
}

/// `GET /register`.
#[derive(Debug, Template)]
#[template(path = "register.html")]
pub struct RegisterPage {
    /// What was typed.
    pub username: String,
    /// What was typed.
    pub name: String,
    /// Why it was refused.
    pub problem: Option<Problem>,
    invite: String,
    setup: String,
    needs_invite: bool,
}

impl RegisterPage {
    /// An empty form with what its link carries.
    #[must_use]
    pub fn new(config: &Config, invite: &str, setup: &str) -> Self {
        let needs_invite = config.registration == Registration::Invite;
        Self {
            username: String::new(),
            name: String::new(),
            problem: None,
            invite: invite.into(),
            setup: setup.into(),
            needs_invite,
        }
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.field == field)
    }
}

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
    /// Why it was refused.
    pub problem: Option<Problem>,
}

impl RoomsPage {
    /// The list, with an empty form.
    #[must_use]
    pub fn new(frame: Frame, rooms: Vec<ListedRoom>) -> Self {
        Self { frame, rooms, name: String::new(), topic: String::new(), problem: None }
    }
}

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

/// `GET /rooms/{slug}`.
#[derive(Debug, Template)]
#[template(path = "room.html")]
pub struct RoomPage {
    frame: Frame,
    view: RoomView,
    history: Page<Arc<Logged>>,
    entries: Vec<Entry>,
    /// Empty ones, for the script to fill.
    blank: Entry,
    blank_notice: Entry,
    epoch: Arc<str>,
    rev: i64,
    first: i64,
    last: i64,
    max_chars: usize,
    nonce: String,
    is_member: bool,
    /// What was typed.
    pub draft: String,
    /// Why it was not taken.
    pub problem: Option<Problem>,
}

impl RoomPage {
    /// A page of a room's history, perhaps with one message marked.
    #[must_use]
    pub fn new(mut frame: Frame, chat: &Chat, view: RoomView, history: Page<Arc<Logged>>, target: Option<i64>) -> Self {
        frame.here = Some(view.room.slug.clone());
        let mut before: Option<&Message> = None;
        let mut entries = Vec::with_capacity(history.messages.len());
        for logged in &history.messages {
            entries.push(Entry::new(&logged.message, before, &frame.me.username, target));
            before = Some(&logged.message);
        }
        let seq = |logged: Option<&Arc<Logged>>| logged.map_or(0, |logged| logged.message.seq);
        // What the page shows is at least as new as the view, which was read before it.
        let newest = history.messages.iter().map(|logged| logged.message.rev).max().unwrap_or(0);
        let rev = if history.more_after { view.head.rev } else { view.head.rev.max(newest) };
        Self {
            entries,
            blank: Entry { is_first: true, ..Entry::default() },
            blank_notice: Entry { is_notice: true, ..Entry::default() },
            epoch: chat.epoch().clone(),
            rev,
            first: seq(history.messages.first()),
            last: seq(history.messages.last()),
            max_chars: chat.max_chars(),
            nonce: format!("{:032x}", rand::random::<u128>()),
            is_member: view.membership.is_some(),
            draft: String::new(),
            problem: None,
            frame,
            view,
            history,
        }
    }
}

/// One message on a page.
#[derive(Debug, Default)]
struct Entry {
    /// The day, where it is another one than before.
    day: Option<String>,
    room: Arc<str>,
    seq: i64,
    rev: i64,
    at: String,
    /// Hours and minutes, UTC; the script puts the reader's own there.
    clock: String,
    author: String,
    name: Arc<str>,
    initials: String,
    hue: String,
    html: String,
    notice: String,
    reply_to: Option<i64>,
    is_notice: bool,
    is_first: bool,
    is_target: bool,
    is_edited: bool,
    is_gone: bool,
    reactions: Vec<Chosen>,
}

#[derive(Debug)]
struct Chosen {
    emoji: String,
    count: usize,
    users: String,
    is_mine: bool,
}

impl Entry {
    fn new(message: &Message, before: Option<&Message>, me: &str, target: Option<i64>) -> Self {
        let at = message.created_at.timestamp().to_zoned(TimeZone::UTC);
        let day_before = before.map(|before| before.created_at.timestamp().to_zoned(TimeZone::UTC).date());
        let day = (day_before != Some(at.date())).then(|| at.strftime("%A %-d %B %Y").to_string());
        let joins = before.is_some_and(|before| {
            before.kind == Kind::Text
                && before.author.id == message.author.id
                && message.created_at.0 - before.created_at.0 < JOIN_WITHIN
        });
        Self {
            is_first: day.is_some() || !joins || message.reply_to.is_some(),
            day,
            room: message.room.clone(),
            seq: message.seq,
            rev: message.rev,
            at: message.created_at.to_string(),
            clock: at.strftime("%H:%M").to_string(),
            author: message.author.username.to_string(),
            name: message.author.name.clone(),
            initials: initials(&message.author.name),
            hue: hue(message.author.id),
            html: message.html.clone(),
            notice: notice(message),
            reply_to: message.reply_to,
            is_notice: message.kind != Kind::Text,
            is_target: target == Some(message.seq),
            is_edited: message.edited_at.is_some(),
            is_gone: message.deleted_at.is_some(),
            reactions: message
                .reactions
                .iter()
                .map(|reaction| Chosen {
                    emoji: reaction.emoji.clone(),
                    count: reaction.users.len(),
                    users: reaction.users.join(", "),
                    is_mine: reaction.users.iter().any(|user| **user == *me),
                })
                .collect(),
        }
    }
}

/// What the room recorded, in words. The script says the same in `js/message.js`.
fn notice(message: &Message) -> String {
    let Message { author, body, .. } = message;
    let name = &author.name;
    match message.kind {
        Kind::Text => String::new(),
        Kind::Joined if body.is_empty() => format!("{name} entered the room"),
        Kind::Joined => format!("{name} was brought in by {body}"),
        Kind::Left if body.is_empty() => format!("{name} left the room"),
        Kind::Left => format!("{name} was removed by {body}"),
        Kind::Topic if body.is_empty() => format!("{name} cleared the topic"),
        Kind::Topic => format!("{name} set the topic: {body}"),
        Kind::Renamed => format!("{name} named the room {body}"),
    }
}
