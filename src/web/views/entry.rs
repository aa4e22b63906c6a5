//! One message as pages show it: the markup's words, made ready. `js/message.js` fills the same markup.

use std::sync::Arc;

use askama::Template;
use jiff::tz::TimeZone;

use super::fold::{self, Fold};
use super::{Frame, hue, initials};
use crate::chat::display_names::DisplayNames;
use crate::clock::Millis;
use crate::fulltext::plain::plain;
use crate::model::{Kind, Message};
use crate::model::{Logged, RenderKey};
use crate::pieces::Piece;

/// Within how many milliseconds messages of one author join.
const JOIN_WITHIN: i64 = 5 * 60 * 1000;
/// How many characters of a message a quote holds.
const EXCERPT: usize = 140;

/// One message among others of its room.
#[derive(Debug)]
pub(super) enum Row {
    /// As it looks to most who read it, drawn already.
    Rendered(Piece),
    /// As it looks to this reader.
    Own(Box<Entry>),
}

/// A message alone, to be kept as it is drawn.
#[derive(Template)]
#[template(path = "messages/_message.html")]
struct Drawing<'a> {
    entry: &'a Entry,
}

/// One message on a page.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The day, where it is another one than before.
    pub day: Option<String>,
    pub room: Arc<str>,
    /// What its ids begin with on a page of several rooms, where a number alone is not enough.
    pub scope: String,
    pub seq: i64,
    pub rev: i64,
    pub at: String,
    /// Hours and minutes, as the reader writes them.
    pub clock: String,
    /// The same without "AM" and "PM".
    pub brief: String,
    /// The whole date, for who asks.
    pub whole: String,
    pub author: String,
    pub name: Arc<str>,
    /// Whether the username stands beside the name, because somebody else's looks the same.
    pub is_alike: bool,
    pub initials: String,
    pub hue: String,
    pub html: String,
    pub notice: String,
    /// What a notice tells that may be told of several people at once, and of whom.
    pub deed: &'static str,
    pub who: Arc<str>,
    pub fold: Fold,
    pub reply_to: Option<i64>,
    pub is_notice: bool,
    pub is_first: bool,
    pub is_target: bool,
    pub is_edited: bool,
    /// When it was edited last, for who asks.
    pub edited: String,
    pub is_gone: bool,
    /// Whether it addresses the reader.
    pub is_for_me: bool,
    /// Whether the reader's unread messages begin here.
    pub is_fresh: bool,
    /// Who pinned it: their username, and what they are called.
    pub pinned_by: Option<(Arc<str>, Arc<str>)>,
    /// What it answers, in one line.
    pub quote: Option<Quote>,
    /// Whether the reader may see its edit history.
    pub has_history: bool,
    /// Whether the reader may not act on it, because they are no member of the room.
    pub is_locked: bool,
    pub reactions: Vec<Chosen>,
}

#[derive(Debug)]
pub(super) struct Chosen {
    pub emoji: String,
    pub count: usize,
    /// Who chose it, in a sentence. Its number follows there, as one sees it: by that the button is asked for aloud.
    pub said: String,
    /// What they are called, for the script, a line each.
    pub names: String,
    /// Their usernames for the script, between spaces.
    pub usernames: String,
    pub is_mine: bool,
}

/// A message in one line, over the one that answers it.
#[derive(Clone, Debug)]
pub struct Quote {
    /// Whose words.
    pub name: Arc<str>,
    /// Their beginning; empty for a deleted message.
    pub excerpt: String,
}

impl Quote {
    /// The beginning of a message. The script takes the same from the page (`js/quotes.js`).
    #[must_use]
    pub fn of(message: &Message) -> Self {
        Self { name: message.author.shown(), excerpt: plain(&message.html, EXCERPT) }
    }
}

/// Which day it is somewhere, counted.
fn day_of(moment: Millis, zone: &TimeZone) -> i64 {
    let offset = zone.to_offset(moment.timestamp()).seconds();
    (moment.0.div_euclid(1000) + i64::from(offset)).div_euclid(24 * 60 * 60)
}

/// How a message stands to the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Whether another day begins with it.
    pub is_new_day: bool,
    /// Whether its author is named.
    pub is_first: bool,
}

impl Standing {
    /// How `message` stands behind `before`.
    pub fn of(message: &Message, before: Option<&Message>, zone: &TimeZone) -> Self {
        let is_new_day = before.is_none_or(|before| day_of(before.created_at, zone) != day_of(message.created_at, zone));
        let joins = before.is_some_and(|before| {
            before.kind == Kind::Text
                && before.author.id == message.author.id
                && message.created_at.0 - before.created_at.0 < JOIN_WITHIN
        });
        Self { is_new_day, is_first: is_new_day || !joins || message.reply_to.is_some() }
    }
}

impl Row {
    /// A message that is nothing special to its reader, as it was drawn for one of those to whom it looks the same. `renamings` says how
    /// often names have changed. Says so in `has_drawn` when it was drawn just now.
    pub fn drawn(logged: &Logged, standing: Standing, frame: &Frame, around: Around, has_drawn: &mut bool) -> Option<Self> {
        let message = &logged.message;
        let me = &frame.me.username;
        let is_mine = message.reactions.iter().any(|reaction| reaction.users.iter().any(|user| **user == **me));
        if is_mine || is_for(message, me) {
            return None;
        }
        let names_others = around.answered.is_some()
            || !message.reactions.is_empty()
            || message.pinned.is_some()
            || (!message.body.is_empty() && matches!(message.kind, Kind::Joined | Kind::Left));
        let key = RenderKey {
            times: frame.times.key().clone(),
            day: standing.is_new_day.then(|| frame.times.day(&frame.times.at(message.created_at))),
            is_first: standing.is_first,
            has_history: message.edited_at.is_some() && (frame.me.is_admin || message.author.username == *me),
            is_locked: around.is_locked,
            answered: around.answered.map(|answered| (answered.seq, answered.rev)),
            today: message.edited_at.map(|_| frame.times.today()),
            renamings: if names_others { around.renamings } else { 0 },
        };
        let draw = || {
            *has_drawn = true;
            Piece::of(&Drawing { entry: &Entry::among(message, standing, frame, around) })
        };
        Some(Self::Rendered(logged.rendered.get(&key, draw)))
    }
}

/// What a message's looks follow from beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// The message that it answers, if it is there.
    pub answered: Option<&'a Message>,
    /// Whether the reader is no member of the room.
    pub is_locked: bool,
    /// How often names have changed.
    pub renamings: u64,
}

/// Whether a message addresses somebody who has not written it.
fn is_for(message: &Message, me: &str) -> bool {
    message.deleted_at.is_none()
        && *message.author.username != *me
        && message.mentions.iter().any(|name| name == me || name.starts_with('@'))
}

impl Entry {
    pub fn new(message: &Message, standing: Standing, frame: &Frame) -> Self {
        let me = &*frame.me.username;
        let at = frame.times.at(message.created_at);
        Self {
            is_first: standing.is_first,
            day: standing.is_new_day.then(|| frame.times.day(&at)),
            room: message.room.clone(),
            scope: String::new(),
            seq: message.seq,
            rev: message.rev,
            at: message.created_at.to_string(),
            clock: frame.times.clock(&at),
            brief: frame.times.brief(&at),
            whole: frame.times.whole(&at),
            author: message.author.username.to_string(),
            name: message.author.name.clone(),
            is_alike: message.author.is_alike,
            initials: initials(&message.author.name),
            hue: hue(message.author.id),
            html: message.html.clone(),
            notice: notice(message, &frame.display_names),
            deed: fold::deed(message),
            who: message.author.shown(),
            fold: Fold::Alone,
            reply_to: message.reply_to,
            is_notice: message.kind != Kind::Text,
            is_target: false,
            is_edited: message.edited_at.is_some() && message.deleted_at.is_none(),
            edited: message.edited_at.map(|edited| said_when(edited, frame)).unwrap_or_default(),
            has_history: *message.author.username == *me,
            is_locked: false,
            is_gone: message.deleted_at.is_some(),
            is_for_me: is_for(message, me),
            is_fresh: false,
            pinned_by: message.pinned.as_ref().map(|pin| (pin.by.clone(), frame.display_names.of(&pin.by))),
            quote: None,
            reactions: message
                .reactions
                .iter()
                .map(|reaction| {
                    let names: Vec<_> = reaction.users.iter().map(|user| frame.display_names.of(user)).collect();
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
    /// A message in its room.
    pub fn among(message: &Message, standing: Standing, frame: &Frame, around: Around) -> Self {
        let mut entry = Self::new(message, standing, frame);
        entry.has_history |= frame.me.is_admin;
        entry.is_locked = around.is_locked;
        entry.quote = around.answered.map(Quote::of);
        entry
    }

    /// A message out of its room: with its author, and with its day beside the hour.
    pub fn alone(message: &Message, frame: &Frame) -> Self {
        let clock = frame.times.moment(&frame.times.at(message.created_at));
        let standing = Standing::of(message, None, frame.times.zone());
        Self { day: None, clock, is_first: true, ..Self::new(message, standing, frame) }
    }
}

/// Who chose an emoji: "Ada, Grace and 3 others reacted with 🎉". The reader, who may be one of them, comes first. The script says the
/// same in `js/react-chips.js`.
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
fn said_when(edited: Millis, frame: &Frame) -> String {
    format!("Edited {}", frame.times.moment(&frame.times.at(edited)))
}

/// What the room recorded, in words. The script says the same in `js/message.js`.
fn notice(message: &Message, names: &DisplayNames) -> String {
    let Message { author, body, .. } = message;
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
