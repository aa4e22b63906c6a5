//! A stretch of a room's history.

use std::sync::Arc;

use askama::Template;

use super::entry::Entry;
use super::{Frame, Problem};
use crate::chat::Chat;
use crate::chat::change::Logged;
use crate::chat::types::{Message, Page};
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
