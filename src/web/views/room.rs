//! A stretch of a room's history.

use std::sync::Arc;

use askama::Template;

use super::entry::{Entry, Reader};
use super::{Frame, Problem};
use crate::chat::Chat;
use crate::chat::change::Logged;
use crate::chat::types::{Kind, Level, Message, Page};
use crate::db::rooms::RoomView;

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
    /// The last message that the reader has read.
    read: i64,
    /// Where the first message is that they have not, when it is older than this page.
    unread_from: Option<i64>,
    max_chars: usize,
    nonce: String,
    is_member: bool,
    is_keeper: bool,
    /// How many of the room's messages are pinned.
    pub pins: i64,
    /// What was typed.
    pub draft: String,
    /// Why it was not taken.
    pub problem: Option<Problem>,
}

/// What a page of history is made of.
#[derive(Debug)]
pub struct Stretch {
    /// Its messages.
    pub history: Page<Arc<Logged>>,
    /// Messages that some of them answer, and that are not among them.
    pub answered: Vec<Arc<Logged>>,
    /// The message that was asked for.
    pub target: Option<i64>,
}

impl RoomPage {
    /// A page of a room's history, perhaps with one message marked.
    #[must_use]
    pub fn new(mut frame: Frame, chat: &Chat, view: RoomView, stretch: Stretch) -> Self {
        frame.here = Some(view.room.slug.clone());
        let Stretch { history, answered, target } = stretch;
        let reader = Reader::new(&frame.me, view.membership.is_some());
        let read = view.membership.map_or(view.head.seq, |membership| membership.read_seq);
        let is_new = |message: &Message| message.seq > read && message.kind == Kind::Text && message.author.id != frame.me.id;
        // The line over what is new needs something old above it, or the room's beginning.
        let seq = |logged: Option<&Arc<Logged>>| logged.map_or(0, |logged| logged.message.seq);
        let first = seq(history.messages.first());
        let starts_new = read + 1 < first && view.membership.is_some();
        let mut has_line = starts_new;
        let mut before: Option<&Message> = None;
        let mut entries = Vec::with_capacity(history.messages.len());
        for Logged { message, .. } in history.messages.iter().map(AsRef::as_ref) {
            let mut entry = Entry::new(message, before, &reader);
            if message.reply_to.is_some() {
                entry = entry.quoting(answered.iter().chain(&history.messages).map(|logged| &logged.message));
            }
            entry.is_target = target == Some(message.seq);
            entry.is_fresh = !has_line && is_new(message);
            entry.is_first |= entry.is_fresh;
            has_line |= entry.is_fresh;
            entries.push(entry);
            before = Some(message);
        }
        // What the page shows is at least as new as the view, which was read before it.
        let newest = history.messages.iter().map(|logged| logged.message.rev).max().unwrap_or(0);
        let rev = if history.more_after { view.head.rev } else { view.head.rev.max(newest) };
        let is_member = view.membership.is_some();
        Self {
            entries,
            blank: Entry { is_first: true, can_act: is_member, ..Entry::default() },
            blank_notice: Entry { is_notice: true, ..Entry::default() },
            epoch: chat.epoch().clone(),
            rev,
            first,
            last: seq(history.messages.last()),
            read,
            unread_from: starts_new.then_some(read + 1),
            max_chars: chat.max_chars(),
            nonce: format!("{:032x}", rand::random::<u128>()),
            is_member,
            is_keeper: is_member && (view.created_by == Some(frame.me.id) || frame.me.is_admin),
            pins: 0,
            draft: String::new(),
            problem: None,
            frame,
            view,
            history,
        }
    }

    /// Whether the reader has made the room as loud as this; `None` is as loud as everywhere.
    fn is_level(&self, level: Option<Level>) -> bool {
        self.view.level == level
    }
}
