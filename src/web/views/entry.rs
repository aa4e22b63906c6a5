//! One message on a page. `js/room/message.js` fills the same markup.

use std::sync::Arc;

use askama::Template;
use jiff::tz::TimeZone;

use super::files::{Files, LinkView, names};
use super::fold::{self, Fold};
use super::{AppLayout, face, hue};
use crate::chat::display_names::DisplayNames;
use crate::clock::Millis;
use crate::fulltext::plain::plain;
use crate::model::{Kind, Message};
use crate::model::{Logged, RenderKey};
use crate::pieces::Piece;

/// Messages of one author within this time, in milliseconds, are grouped.
const GROUP_WITHIN: i64 = 5 * 60 * 1000;
/// The length of a quote, in characters.
const EXCERPT: usize = 140;

/// A message on a room's page.
#[derive(Debug)]
pub(super) enum Row {
    /// As most readers see it, from the cache.
    Rendered(Piece),
    /// As only this reader sees it.
    Own(Box<Entry>),
}

/// A message that is rendered for the cache.
#[derive(Template)]
#[template(path = "messages/_message.html")]
struct RenderedMessage<'a> {
    entry: &'a Entry,
}

/// One message on a page.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The day, if the message is its first.
    pub day: Option<String>,
    pub room: Arc<str>,
    /// A prefix of ids, on a page with messages of several rooms.
    pub scope: String,
    pub seq: i64,
    pub rev: i64,
    pub at: String,
    /// Hours and minutes, in the reader's format.
    pub clock: String,
    /// Without "AM" and "PM".
    pub brief: String,
    /// Date and time in full, for the tooltip.
    pub whole: String,
    pub author: String,
    pub name: Arc<str>,
    /// Whether the username is shown too, because another person's name looks the same.
    pub is_alike: bool,
    pub is_bot: bool,
    /// What is inside of the author's avatar, as HTML.
    pub face: String,
    pub hue: String,
    pub html: String,
    pub files: Option<Files>,
    pub links: Vec<LinkView>,
    /// Whether the reader may remove the link previews.
    pub may_hide_links: bool,
    pub notice: String,
    /// For notices that can be folded: what was done, and by whom.
    pub deed: &'static str,
    pub who: Arc<str>,
    pub fold: Fold,
    pub reply_to: Option<i64>,
    pub is_notice: bool,
    pub is_first: bool,
    pub is_target: bool,
    pub is_edited: bool,
    /// When it was last edited, for the tooltip.
    pub edited: String,
    pub is_gone: bool,
    /// Whether the reader has blocked its author.
    pub is_blocked: bool,
    /// Whether it mentions the reader.
    pub is_for_me: bool,
    /// Whether it is the first unread message.
    pub is_fresh: bool,
    /// The username and name of the person who pinned it.
    pub pinned_by: Option<(Arc<str>, Arc<str>)>,
    /// The message that it replies to, in one line.
    pub quote: Option<Quote>,
    /// Whether the reader may see its edit history.
    pub has_history: bool,
    /// Whether the reader cannot act on it, as a non-member.
    pub is_locked: bool,
    pub reactions: Vec<Chosen>,
}

#[derive(Debug)]
pub(super) struct Chosen {
    pub emoji: String,
    pub count: usize,
    /// Who reacted, in a sentence; the visible count follows, because voice control names a button by its visible text.
    pub said: String,
    /// Their names, one a line, for the script.
    pub names: String,
    /// Their usernames, separated by spaces, for the script.
    pub usernames: String,
    pub is_mine: bool,
}

/// A message in one line, above a reply to it.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The author.
    pub name: Arc<str>,
    /// The beginning of the text, or else the names of the files; empty for a deleted message.
    pub excerpt: String,
    /// Whether the message has files.
    pub has_files: bool,
}

impl Quote {
    /// The quote of a message. The script makes the same one from the page (`js/room/reply-preview.js`).
    pub fn of(message: &Message) -> Self {
        let text = plain(&message.html, EXCERPT);
        Self {
            name: message.author.shown(),
            excerpt: if text.is_empty() { names(&message.attachments) } else { text },
            has_files: !message.attachments.is_empty(),
        }
    }
}

/// The number of a day in a time zone.
fn day_of(moment: Millis, zone: &TimeZone) -> i64 {
    let offset = zone.to_offset(moment.timestamp()).seconds();
    (moment.0.div_euclid(1000) + i64::from(offset)).div_euclid(24 * 60 * 60)
}

/// How a message relates to the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Whether a day begins with it.
    pub is_new_day: bool,
    /// Whether it shows its author.
    pub is_first: bool,
}

impl Standing {
    /// How `message` relates to `before`.
    pub fn of(message: &Message, before: Option<&Message>, zone: &TimeZone) -> Self {
        let is_new_day = before.is_none_or(|before| day_of(before.created_at, zone) != day_of(message.created_at, zone));
        let joins = before.is_some_and(|before| {
            before.kind == Kind::Text
                && before.author.id == message.author.id
                && message.created_at.0 - before.created_at.0 < GROUP_WITHIN
        });
        Self { is_new_day, is_first: is_new_day || !joins || message.reply_to.is_some() }
    }
}

impl Row {
    /// The cached markup of a message that looks the same to many readers; `None` for one that does not. `has_rendered` is set if it was
    /// not in the cache.
    pub fn rendered(
        logged: &Logged,
        standing: Standing,
        layout: &AppLayout,
        around: Around,
        has_rendered: &mut bool,
    ) -> Option<Self> {
        let message = &logged.message;
        let me = &layout.me.username;
        let is_mine = message.reactions.iter().any(|reaction| reaction.users.iter().any(|user| **user == **me));
        let is_hidden = |message: &Message| layout.me.has_blocked(&message.author.username);
        if is_mine || is_for(message, me) || is_hidden(message) || around.answered.is_some_and(is_hidden) {
            return None;
        }
        let names_others = around.answered.is_some()
            || !message.reactions.is_empty()
            || message.pinned.is_some()
            || (!message.body.is_empty() && matches!(message.kind, Kind::Joined | Kind::Left | Kind::Role));
        let key = RenderKey {
            times: layout.times.key().clone(),
            day: standing.is_new_day.then(|| layout.times.day(&layout.times.at(message.created_at))),
            is_first: standing.is_first,
            has_history: message.edited_at.is_some() && (layout.me.is_admin || message.author.username == *me),
            is_locked: around.is_locked,
            may_hide_links: may_hide_links(message, layout, around),
            answered: around.answered.map(|answered| (answered.seq, answered.rev)),
            today: message.edited_at.map(|_| layout.times.today()),
            renamings: if names_others { around.renamings } else { 0 },
        };
        let draw = || {
            *has_rendered = true;
            Piece::of(&RenderedMessage { entry: &Entry::among(message, standing, layout, around) })
        };
        Some(Self::Rendered(logged.rendered.get(&key, draw)))
    }
}

/// What the markup of a message depends on besides the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// The message that it replies to.
    pub answered: Option<&'a Message>,
    /// Whether the reader is a non-member.
    pub is_locked: bool,
    /// Whether the reader may delete others' messages.
    pub is_moderator: bool,
    /// The number of changes of display names so far.
    pub renamings: u64,
}

/// Whether a message mentions somebody other than its author.
fn is_for(message: &Message, me: &str) -> bool {
    message.deleted_at.is_none()
        && *message.author.username != *me
        && message.mentions.iter().any(|name| name == me || name.starts_with('@'))
}

/// Whether the reader may remove the link previews of a message.
fn may_hide_links(message: &Message, layout: &AppLayout, around: Around) -> bool {
    let is_mine = message.author.id == layout.me.id;
    !message.links.is_empty() && !around.is_locked && (is_mine || around.is_moderator)
}

impl Entry {
    pub fn new(message: &Message, standing: Standing, layout: &AppLayout) -> Self {
        let me = &*layout.me.username;
        let at = layout.times.at(message.created_at);
        Self {
            is_first: standing.is_first,
            day: standing.is_new_day.then(|| layout.times.day(&at)),
            room: message.room.clone(),
            scope: String::new(),
            seq: message.seq,
            rev: message.rev,
            at: message.created_at.to_string(),
            clock: layout.times.clock(&at),
            brief: layout.times.brief(&at),
            whole: layout.times.whole(&at),
            author: message.author.username.to_string(),
            name: message.author.name.clone(),
            is_alike: message.author.is_alike,
            is_bot: message.author.is_bot,
            face: face(&message.author.username, &message.author.name, message.author.photo.as_deref()),
            hue: hue(message.author.id),
            html: message.html.clone(),
            files: Files::of(message),
            links: LinkView::of(message),
            may_hide_links: false,
            notice: notice(message, &layout.display_names),
            deed: fold::deed(message),
            who: message.author.shown(),
            fold: Fold::Alone,
            reply_to: message.reply_to,
            is_notice: message.kind != Kind::Text,
            is_target: false,
            is_edited: message.edited_at.is_some() && message.deleted_at.is_none(),
            edited: message.edited_at.map(|edited| said_when(edited, layout)).unwrap_or_default(),
            has_history: *message.author.username == *me,
            is_locked: false,
            is_gone: message.deleted_at.is_some(),
            is_blocked: message.kind == Kind::Text && layout.me.has_blocked(&message.author.username),
            is_for_me: is_for(message, me) && !layout.me.has_blocked(&message.author.username),
            is_fresh: false,
            pinned_by: message.pinned.as_ref().map(|pin| (pin.by.clone(), layout.display_names.of(&pin.by))),
            quote: None,
            reactions: message
                .reactions
                .iter()
                .map(|reaction| {
                    let names: Vec<_> = reaction.users.iter().map(|user| layout.display_names.of(user)).collect();
                    let mine = reaction.users.iter().position(|user| **user == *me);
                    Chosen {
                        emoji: reaction.emoji.clone(),
                        count: reaction.users.len(),
                        said: reacted(&names, mine, &reaction.emoji),
                        names: names.join("\n"),
                        usernames: reaction.users.join(" "),
                        is_mine: mine.is_some(),
                    }
                })
                .collect(),
        }
    }
}

impl Entry {
    /// A message on its room's page.
    pub fn among(message: &Message, standing: Standing, layout: &AppLayout, around: Around) -> Self {
        let mut entry = Self::new(message, standing, layout);
        entry.has_history |= layout.me.is_admin;
        entry.is_locked = around.is_locked;
        entry.may_hide_links = may_hide_links(message, layout, around);
        entry.quote = around.answered.map(|answered| match layout.me.has_blocked(&answered.author.username) {
            true => Quote { name: "Blocked person".into(), excerpt: "Hidden message".into(), has_files: false },
            false => Quote::of(answered),
        });
        entry
    }

    /// A message on another page: with its author, and with the date beside the time.
    pub fn alone(message: &Message, layout: &AppLayout) -> Self {
        let clock = layout.times.moment(&layout.times.at(message.created_at));
        let standing = Standing::of(message, None, layout.times.zone());
        Self { day: None, clock, is_first: true, ..Self::new(message, standing, layout) }
    }
}

/// "Ada, Grace and 3 others reacted with 🎉", with the reader first. `js/room/reactions.js` makes the same sentence.
fn reacted(names: &[Arc<str>], mine: Option<usize>, emoji: &str) -> String {
    let others = names.iter().enumerate().filter(|(at, _)| Some(*at) != mine).map(|(_, name)| &**name);
    let all: Vec<&str> = mine.map(|_| "You").into_iter().chain(others).collect();
    let who = match &all[..] {
        [] => return emoji.to_owned(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [first, second, third] => format!("{first}, {second} and {third}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} others", rest.len()),
    };
    format!("{who} reacted with {emoji}")
}

/// When a message was edited.
fn said_when(edited: Millis, layout: &AppLayout) -> String {
    format!("Edited {}", layout.times.moment(&layout.times.at(edited)))
}

/// What the room recorded, in words. The script says the same in `js/room/message.js`.
fn notice(message: &Message, names: &DisplayNames) -> String {
    let Message { author, body, .. } = message;
    if message.kind != Kind::Text && message.deleted_at.is_some() {
        return "Notice deleted".to_owned();
    }
    let name = author.shown();
    match message.kind {
        Kind::Text => String::new(),
        Kind::Joined if body.is_empty() => format!("{name} joined"),
        Kind::Joined => format!("{} added {name}", names.of(body)),
        Kind::Left if body.is_empty() => format!("{name} left"),
        Kind::Left => format!("{} removed {name}", names.of(body)),
        Kind::Topic if body.is_empty() => format!("{name} removed the topic"),
        Kind::Topic => format!("{name} changed the topic to “{body}”"),
        Kind::Renamed => format!("{name} renamed the room to “{body}”"),
        Kind::Visibility => format!("{name} made the room {body}"),
        Kind::Role => role_notice(&name, body, message, names),
        Kind::Archived => format!("{name} {body} this room"),
    }
}

/// Who has which role now. `body` is the role, and who gave it.
fn role_notice(name: &str, body: &str, message: &Message, names: &DisplayNames) -> String {
    let (role, by) = body.split_once(' ').unwrap_or((body, ""));
    let what = match role {
        "owner" => "an owner",
        "moderator" => "a moderator",
        _ => "a member",
    };
    match by {
        "" => format!("{name} is {what} now, because the last owner left"),
        by if *by == *message.author.username => format!("{name} took ownership of this room"),
        by => format!("{} made {name} {what}", names.of(by)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_says_who_chose_it() {
        let names: Vec<Arc<str>> = ["Ada Lovelace", "Grace", "Mei", "Linus", "Kim"].map(Into::into).into();
        let said = |count: usize, mine| reacted(&names[..count], mine, "🎉");
        assert_eq!(said(1, None), "Ada Lovelace reacted with 🎉");
        assert_eq!(said(1, Some(0)), "You reacted with 🎉");
        assert_eq!(said(2, Some(1)), "You and Ada Lovelace reacted with 🎉");
        assert_eq!(said(3, None), "Ada Lovelace, Grace and Mei reacted with 🎉");
        assert_eq!(said(5, None), "Ada Lovelace, Grace and 3 others reacted with 🎉");
        assert_eq!(said(5, Some(4)), "You, Ada Lovelace and 3 others reacted with 🎉");
    }
}
