//! A room's page: a page of its history.

use std::sync::Arc;

use askama::Template;
use jiff::tz::TimeZone;

use super::entry::{Around, Entry, Quote, Row, Standing};
use super::files::size;
use super::fixed;
use super::fold::{self, Fold};
use super::members::slow_mode;
use super::retention::limits;
use super::{AppLayout, Partner, Problem};
use crate::chat::Chat;
use crate::db::rooms::RoomView;
use crate::encoding::random_hex;
use crate::error::Error;
use crate::files::Terms;
use crate::model::Logged;
use crate::model::{DraftContent, Kind, Message, NotificationLevel, Page};
use crate::permissions;
use crate::pieces::Piece;

/// `GET /rooms/{slug}`.
#[derive(Debug, Template)]
#[template(path = "rooms/show.html")]
pub struct RoomPage {
    layout: AppLayout,
    view: RoomView,
    history: Page<Arc<Logged>>,
    rows: Vec<Row>,
    epoch: Arc<str>,
    rev: i64,
    first: i64,
    last: i64,
    max_chars: usize,
    nonce: String,
    is_member: bool,
    /// Whether the reader is an owner of the room.
    is_owner: bool,
    /// Whether the reader may delete others' messages.
    is_moderator: bool,
    /// Why a member cannot post, if so.
    closed: Option<&'static str>,
    /// The reader's read marker.
    read: i64,
    /// The first unread message, if it is older than this page.
    unread_from: Option<i64>,
    /// How long messages and files are kept, in words; `None` if for ever.
    kept: Option<String>,
    /// The number of pinned messages.
    pins: i64,
    /// The other person in a conversation of two.
    partner: Option<Partner>,
    /// The message that is being replied to.
    pub answering: Option<(i64, Quote)>,
    /// What whoever sends a file should know; `None` without storage.
    pub files: Option<Terms>,
    /// The input.
    pub draft: String,
    /// Which parts of the stored draft the form contains, for the script: none, the text (`words`), or also the reply (`answer`).
    stored: &'static str,
    /// The preview.
    pub preview: Option<String>,
    /// What a command said.
    pub notice: Option<String>,
    /// The error of the form.
    pub problem: Option<Problem>,
}

/// What a room's page shows besides its messages.
#[derive(Debug, Default)]
pub struct Shown {
    /// The message to highlight.
    pub target: Option<i64>,
    /// The messages that those on the page reply to.
    pub answered: Vec<Arc<Message>>,
    /// The message that is being replied to.
    pub answering: Option<Arc<Logged>>,
    /// The number of pinned messages, if it has been read.
    pub pins: Option<i64>,
    /// The other person in a conversation of two.
    pub partner: Option<Partner>,
    /// The reader's draft.
    pub draft: Option<DraftContent>,
    /// The layout, if it was read along with the room.
    pub layout: Option<AppLayout>,
}

/// The notices at the beginning of these messages that are shown as one.
fn run<'a>(messages: &'a [Arc<Logged>], target: Option<i64>, zone: &TimeZone) -> &'a [Arc<Logged>] {
    let Some(first) = messages.first().map(|first| &first.message) else { return &[] };
    let is_like = |message: &Message| {
        let standing = Standing::of(message, Some(first), zone);
        target != Some(message.seq) && fold::deed(message) == fold::deed(first) && !standing.is_new_day
    };
    if fold::deed(first).is_empty() || target == Some(first.seq) {
        return &[];
    }
    let length = messages.iter().take_while(|logged| is_like(&logged.message)).count();
    &messages[..length]
}

impl RoomPage {
    /// A page of a room's history.
    pub fn new(mut layout: AppLayout, chat: &Chat, view: RoomView, history: Page<Arc<Logged>>, shown: Shown) -> Self {
        layout.here = Some(view.room.slug.clone());
        let mut before: Option<&Message> = None;
        let mut rows = Vec::with_capacity(history.messages.len());
        let is_member = view.membership.is_some();
        let is_locked = !is_member || view.room.is_archived;
        let is_moderator = permissions::is_moderator(layout.me.actor(), &view.facts()) && !view.room.is_direct;
        let read = view.membership.map_or(view.head.seq, |membership| membership.read_seq);
        let first = history.messages.first().map_or(0, |first| first.message.seq);
        // The line above unread messages needs a read one above it. If there is none on this page, a link leads there.
        let begins_unread = is_member && first > read + 1;
        let mut has_line = begins_unread;
        let mut has_rendered = false;
        let mut folded: Option<i64> = None;
        for (at, logged) in history.messages.iter().enumerate() {
            let message = &logged.message;
            let mut standing = Standing::of(message, before, layout.times.zone());
            before = Some(message);
            let is_fresh = !has_line && message.seq > read && message.kind == Kind::Text && message.author.id != layout.me.id;
            has_line |= is_fresh;
            let fold = match folded {
                Some(last) if message.seq <= last => Fold::Hidden,
                _ => {
                    let run = run(&history.messages[at..], shown.target, layout.times.zone());
                    folded = run.last().map(|last| last.message.seq);
                    let names: Vec<_> = run.iter().map(|logged| logged.message.author.shown()).collect();
                    fold::told(&names, fold::deed(message))
                }
            };
            let is_target = shown.target == Some(message.seq);
            let answered = message.reply_to.and_then(|seq| shown.answered.iter().find(|answered| answered.seq == seq));
            let answered = answered.map(|answered| &**answered);
            let around = Around { answered, is_locked, is_moderator, renamings: chat.renamings() };
            if !is_fresh
                && fold == Fold::Alone
                && !is_target
                && let Some(row) = Row::rendered(logged, standing, &layout, around, &mut has_rendered)
            {
                rows.push(row);
                continue;
            }
            // The first unread message and a linked one show their author.
            standing.is_first |= is_fresh || is_target;
            let entry = Entry { is_fresh, fold, is_target, ..Entry::among(message, standing, &layout, around) };
            rows.push(Row::Own(Box::new(entry)));
        }
        if has_rendered {
            chat.note_rendered(view.room.id);
        }
        let seq = |logged: Option<&Arc<Logged>>| logged.map_or(0, |logged| logged.message.seq);
        // The messages were read after the view, so they may be newer.
        let newest = history.messages.iter().map(|logged| logged.message.rev).max().unwrap_or(0);
        let stored = match &shown.draft {
            None => "",
            Some(DraftContent { reply_to: Some(_), .. }) => "answer",
            Some(_) => "words",
        };
        let rev = if history.more_after { view.head.rev } else { view.head.rev.max(newest) };
        Self {
            rows,
            epoch: chat.epoch().clone(),
            rev,
            first,
            unread_from: begins_unread.then_some(read + 1),
            last: seq(history.messages.last()),
            max_chars: chat.max_chars(),
            nonce: random_hex(),
            is_member,
            is_owner: permissions::is_owner(layout.me.actor(), &view.facts()),
            is_moderator,
            closed: match permissions::may(layout.me.actor(), permissions::Action::Post, &view.facts()) {
                Err(Error::Forbidden(why)) if is_member => Some(why),
                _ => None,
            },
            read,
            kept: limits(chat.room_kept_for(&view.room)),
            pins: shown.pins.unwrap_or(0),
            partner: shown.partner,
            answering: shown.answering.map(|logged| (logged.message.seq, Quote::of(&logged.message))),
            files: None,
            draft: shown.draft.map(|draft| draft.body).unwrap_or_default(),
            stored,
            preview: None,
            notice: None,
            problem: None,
            layout,
            view,
            history,
        }
    }

    /// Whether this is the reader's notification level for the room; `None` is their default.
    fn is_level(&self, level: Option<NotificationLevel>) -> bool {
        self.view.level == level
    }

    /// The reader's default notification level, in words.
    fn usual_level(&self) -> &'static str {
        let usual = if self.view.room.is_direct { NotificationLevel::All } else { self.layout.me.notify };
        match usual {
            NotificationLevel::All => "all messages",
            NotificationLevel::Mentions => "mentions only",
            NotificationLevel::Muted => "nothing",
        }
    }

    /// The label of the menu of notification levels; `js/room/notification-level.js` changes it.
    fn notifications(&self) -> String {
        match self.view.level {
            Some(NotificationLevel::All) => "Notifications: All messages".to_owned(),
            Some(NotificationLevel::Mentions) => "Notifications: Mentions only".to_owned(),
            Some(NotificationLevel::Muted) => "Notifications: Nothing (mute)".to_owned(),
            None => format!("Notifications: Default ({})", self.usual_level()),
        }
    }

    /// Whether the room has no messages but notices.
    fn is_silent(&self) -> bool {
        let Page { messages, more_before, more_after, .. } = &self.history;
        !more_before && !more_after && messages.iter().all(|logged| logged.message.kind != Kind::Text)
    }

    /// Whether it is a person's conversation with themselves.
    fn is_notes(&self) -> bool {
        self.view.room.is_direct && self.view.members == 1
    }

    fn blanks(&self) -> &'static Piece {
        fixed::blanks(!self.is_member || self.view.room.is_archived)
    }

    /// What slow mode means for the reader; empty without it, and for those who moderate the room.
    fn slow_mode(&self) -> String {
        let is_exempt = permissions::may(self.layout.me.actor(), permissions::Action::Moderate, &self.view.facts()).is_ok();
        let seconds = self.view.room.slow_mode;
        if seconds == 0 || is_exempt { String::new() } else { slow_mode(seconds) }
    }

    /// The largest file that can be sent, in bytes; `None` if there is no storage for files.
    fn largest_file(&self) -> Option<i64> {
        self.files.and_then(|terms| i64::try_from(terms.largest).ok())
    }

    /// The same in words.
    fn file_limit(&self) -> String {
        self.largest_file().map(|bytes| format!("up to {} each", size(bytes))).unwrap_or_default()
    }

    /// Whether metadata of pictures is removed.
    fn strips_metadata(&self) -> bool {
        self.files.is_some_and(|terms| terms.strips_metadata)
    }

    /// The placeholder of the message field.
    fn prompt(&self) -> String {
        match &self.view.room {
            _ if self.is_notes() => "Write a note".to_owned(),
            room if room.is_direct => format!("Message {}", room.name),
            room => format!("Message #{}", room.name),
        }
    }
}
