//! Pages of single messages: actions, edit history, threads, pins, mentions.

use std::sync::Arc;

use askama::Template;

use super::entry::{Entry, Quote};
use super::{AppLayout, Problem, general, wrong};
use crate::chat::reports::OwnReport;
use crate::chat::revisions::Revisions;
use crate::chat::threads::Thread;
use crate::chat::{mentions::Mentions, pins::Pins};
use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::model::Logged;
use crate::model::{Kind, Message};
use crate::permissions::{self, Action};

/// The emoji that are offered first, with their names.
pub const USUAL: [(&str, &str); 6] =
    [("👍", "thumbs up"), ("❤️", "heart"), ("😂", "joy"), ("🎉", "tada"), ("👀", "eyes"), ("🙏", "thanks")];

/// `GET /rooms/{slug}/{seq}/more`.
#[derive(Debug, Template)]
#[template(path = "messages/actions.html")]
pub struct MorePage {
    layout: AppLayout,
    view: RoomView,
    entry: Entry,
    seq: i64,
    /// The usual emoji, and whether the reader has reacted with them.
    usual: Vec<(&'static str, bool)>,
    is_pinned: bool,
    can_change: bool,
    can_edit: bool,
    can_delete: bool,
    can_see_history: bool,
    can_report: bool,
    /// Where the reader's own report stands.
    reported: Option<OwnReport>,
    /// The text to edit.
    pub draft: String,
    /// The error of the form.
    pub problem: Option<Problem>,
}

impl MorePage {
    /// A message with the actions that its reader may take.
    pub fn new(mut layout: AppLayout, view: RoomView, message: &Message, reported: Option<OwnReport>) -> Self {
        layout.here = Some(view.room.slug.clone());
        let facts = view.facts();
        let is_alive = message.kind == Kind::Text && message.deleted_at.is_none();
        let is_notice = message.kind != Kind::Text
            && message.deleted_at.is_none()
            && permissions::may(layout.me.actor(), Action::DeleteNotice, &facts).is_ok();
        let may = |action| permissions::may(layout.me.actor(), action, &facts).is_ok();
        let may_see_revisions = may(Action::SeeRevisions(message.author.id));
        let me = &layout.me.username;
        let has_mine = |emoji: &str| {
            message.reactions.iter().any(|reaction| reaction.emoji == emoji && reaction.users.iter().any(|user| user == me))
        };
        Self {
            entry: Entry { has_history: may_see_revisions, ..Entry::alone(message, &layout) },
            seq: message.seq,
            usual: USUAL.iter().map(|(emoji, _)| (*emoji, has_mine(emoji))).collect(),
            is_pinned: message.pinned.is_some(),
            can_change: is_alive && may(Action::Participate),
            can_edit: is_alive && may(Action::Edit(message.author.id)),
            can_delete: (is_alive || is_notice) && may(Action::Delete(message.author.id)),
            can_report: is_alive && message.author.id != layout.me.id && reported != Some(OwnReport::Open),
            reported,
            can_see_history: is_alive && message.edited_at.is_some() && may_see_revisions,
            draft: message.body.clone(),
            problem: None,
            layout,
            view,
        }
    }

    fn wrong(&self, field: &str) -> Option<&str> {
        wrong(self.problem.as_ref(), field)
    }

    fn general(&self) -> Option<&str> {
        general(self.problem.as_ref(), &["body", "reason"])
    }

    /// Where the reader's own report stands, in words.
    fn report(&self) -> Option<&'static str> {
        self.reported.map(|reported| match reported {
            OwnReport::Open => "You reported this message. It hasn’t been reviewed yet.",
            OwnReport::Closed => "You reported this message, and it was reviewed.",
        })
    }
}

/// `GET /rooms/{slug}/{seq}/history`.
#[derive(Debug, Template)]
#[template(path = "messages/revisions.html")]
pub struct RevisionsPage {
    layout: AppLayout,
    view: RoomView,
    entry: Entry,
    seq: i64,
    page: Revisions,
    /// Whether this is the first page, with the newest revision.
    is_newest: bool,
}

impl RevisionsPage {
    /// A message as it is now, and a page of its revisions.
    pub fn new(mut layout: AppLayout, view: RoomView, now: &Message, page: Revisions, is_newest: bool) -> Self {
        layout.here = Some(view.room.slug.clone());
        let entry = Entry::alone(now, &layout);
        Self { entry, seq: now.seq, layout, view, page, is_newest }
    }

    /// The time of a revision.
    fn written(&self, at: &Millis) -> String {
        self.layout.times.moment(&self.layout.times.at(*at))
    }
}

/// `GET /rooms/{slug}/pins`.
#[derive(Debug, Template)]
#[template(path = "messages/pins.html")]
pub struct PinsPage {
    layout: AppLayout,
    view: RoomView,
    entries: Vec<Entry>,
    is_member: bool,
    next: Option<String>,
}

impl PinsPage {
    /// The pinned messages.
    pub fn new(mut layout: AppLayout, view: RoomView, pins: &Pins) -> Self {
        layout.here = Some(view.room.slug.clone());
        let entries =
            pins.messages.iter().map(|logged| Entry { is_for_me: false, ..Entry::alone(&logged.message, &layout) }).collect();
        let is_member = view.membership.is_some();
        Self { layout, view, entries, is_member, next: pins.next.clone() }
    }
}

/// `GET /rooms/{slug}/{seq}/thread`.
#[derive(Debug, Template)]
#[template(path = "messages/thread.html")]
pub struct ThreadPage {
    layout: AppLayout,
    view: RoomView,
    /// The root message.
    first: Entry,
    replies: Vec<Entry>,
    /// The number of replies, counted up to 1,000; and in words.
    total: i64,
    count: String,
    is_member: bool,
    /// Whether this is the first page.
    is_start: bool,
    next: Option<i64>,
}

impl ThreadPage {
    /// A page of the thread of the message at `seq`, which is highlighted if it is a reply. `answered` are the messages that the replies on
    /// the page reply to.
    pub fn new(
        mut layout: AppLayout,
        view: RoomView,
        thread: Thread,
        answered: &[Arc<Message>],
        seq: i64,
        is_start: bool,
    ) -> Self {
        layout.here = Some(view.room.slug.clone());
        let (first, facts) = (&thread.message.message, view.facts());
        let entry = |message: &Message| {
            // The root stands above, so it is not quoted.
            let reply_to = message.reply_to.filter(|to| *to != first.seq);
            let quote = answered.iter().find(|answered| Some(answered.seq) == reply_to).map(|answered| Quote::of(answered));
            let has_history = permissions::may(layout.me.actor(), Action::SeeRevisions(message.author.id), &facts).is_ok();
            let is_target = message.seq == seq && seq != first.seq;
            Entry { reply_to, quote, has_history, is_target, ..Entry::alone(message, &layout) }
        };
        let count = match thread.count {
            0 => "No replies yet".to_owned(),
            1 => "1 reply".to_owned(),
            1_000.. => "1,000 replies or more".to_owned(),
            count => format!("{count} replies"),
        };
        Self {
            first: entry(first),
            replies: thread.replies.iter().map(|logged| entry(&logged.message)).collect(),
            total: thread.count,
            count,
            is_member: view.membership.is_some(),
            is_start,
            next: thread.next,
            layout,
            view,
        }
    }
}

/// `GET /mentions`.
#[derive(Debug, Template)]
#[template(path = "messages/mentions.html")]
pub struct MentionsPage {
    layout: AppLayout,
    entries: Vec<Entry>,
    next: Option<i64>,
}

impl MentionsPage {
    /// The messages that mention the reader.
    pub fn new(layout: AppLayout, found: Mentions) -> Self {
        // All of them mention the reader; only unread ones are highlighted.
        let is_new = |message: &Message| {
            let listed = layout.rooms.iter().find(|listed| listed.room.slug == message.room);
            listed.is_some_and(|listed| message.seq > listed.read_seq)
        };
        // The page has messages of several rooms, so `seq` alone is not unique.
        let entry = |logged: &Arc<Logged>| {
            let message = &logged.message;
            Entry { is_for_me: is_new(message), scope: format!("{}-", message.room), ..Entry::alone(message, &layout) }
        };
        let entries = found.mentions.iter().map(entry).collect();
        Self { layout, entries, next: found.next }
    }

    /// A room's name, if the reader is a member, and its icon; a conversation has none.
    fn room<'a>(&'a self, slug: &'a str) -> (&'a str, Option<&'static str>) {
        match self.layout.rooms.iter().find(|listed| *listed.room.slug == *slug) {
            Some(listed) if listed.room.is_direct => (&listed.room.name, None),
            Some(listed) if self.layout.is_private(listed) => (&listed.room.name, Some("lock")),
            Some(listed) => (&listed.room.name, Some("hash")),
            None => (slug, Some("hash")),
        }
    }
}
