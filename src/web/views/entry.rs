//! One message as pages show it: the markup's words, made ready. `js/message.js` fills the same markup.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{hue, initials};
use crate::accounts::session::SessionUser;
use crate::chat::types::{Kind, Message};

/// Within how many milliseconds messages of one author join.
const JOIN_WITHIN: i64 = 5 * 60 * 1000;
/// How many characters of an answered message its answer shows.
const EXCERPT: usize = 140;

/// Who reads a message, as far as its markup depends on it.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    /// Their unique name.
    pub username: &'a str,
    /// Whether they look after the server.
    pub is_admin: bool,
    /// Whether they may act in the room.
    pub is_member: bool,
    /// Whose days and hours the page tells, before a script puts the browser's own there.
    pub zone: TimeZone,
}

impl<'a> Reader<'a> {
    pub fn new(user: &'a SessionUser, is_member: bool) -> Self {
        Self { username: &user.username, is_admin: user.is_admin, is_member, zone: TimeZone::UTC }
    }
}

/// One message on a page.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The day, where it is another one than before.
    pub day: Option<String>,
    pub room: Arc<str>,
    pub seq: i64,
    pub rev: i64,
    pub at: String,
    /// Hours and minutes.
    pub clock: String,
    pub author: String,
    pub name: Arc<str>,
    pub initials: String,
    pub hue: String,
    pub html: String,
    pub notice: String,
    /// What it answers.
    pub quote: Option<Quote>,
    /// Who pinned it.
    pub pinned_by: Option<Arc<str>>,
    pub is_notice: bool,
    pub is_first: bool,
    pub is_target: bool,
    /// Whether it is the first that the reader has not seen.
    pub is_fresh: bool,
    /// Whether it addresses the reader.
    pub is_to_me: bool,
    pub is_edited: bool,
    /// Whether the reader may see its earlier words.
    pub has_history: bool,
    pub is_gone: bool,
    /// Whether the reader may act on it.
    pub can_act: bool,
    pub reactions: Vec<Chosen>,
}

/// The message that one answers, in a line.
#[derive(Debug, Default)]
pub(super) struct Quote {
    pub seq: i64,
    pub name: Arc<str>,
    /// Its first words; empty once it is deleted.
    pub words: String,
}

impl Quote {
    pub fn new(message: &Message) -> Self {
        let words = message.body.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { seq: message.seq, name: message.author.name.clone(), words: words.chars().take(EXCERPT).collect() }
    }
}

#[derive(Debug)]
pub(super) struct Chosen {
    pub emoji: String,
    pub count: usize,
    pub users: String,
    pub usernames: String,
    pub is_mine: bool,
}

impl Entry {
    pub fn new(message: &Message, before: Option<&Message>, reader: &Reader<'_>) -> Self {
        let me = reader.username;
        let local = |message: &Message| message.created_at.timestamp().to_zoned(reader.zone.clone());
        let at = local(message);
        let day = before.is_none_or(|before| local(before).date() != at.date()).then(|| at.strftime("%A %-d %B %Y").to_string());
        let joins = before.is_some_and(|before| {
            before.kind == Kind::Text
                && before.author.id == message.author.id
                && message.created_at.0 - before.created_at.0 < JOIN_WITHIN
        });
        let is_own = *message.author.username == *me;
        let is_gone = message.deleted_at.is_some();
        let calls_me = |name: &String| name == me || name == "@room" || name == "@here";
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
            quote: message.reply_to.map(|seq| Quote { seq, ..Quote::default() }),
            pinned_by: message.pinned.as_ref().map(|pin| pin.by.clone()),
            is_notice: message.kind != Kind::Text,
            is_target: false,
            is_fresh: false,
            is_to_me: !is_own && !is_gone && message.mentions.iter().any(calls_me),
            is_edited: message.edited_at.is_some() && !is_gone,
            has_history: is_own || reader.is_admin,
            is_gone,
            can_act: reader.is_member,
            reactions: message.reactions.iter().map(|reaction| chosen(reaction, me)).collect(),
        }
    }

    /// The entry with the words of what it answers, if they are among `answered`.
    pub fn quoting<'m>(mut self, mut answered: impl Iterator<Item = &'m Message>) -> Self {
        if let Some(quote) = &mut self.quote
            && let Some(message) = answered.find(|message| message.seq == quote.seq)
        {
            *quote = Quote::new(message);
        }
        self
    }
}

fn chosen(reaction: &crate::chat::types::Reaction, me: &str) -> Chosen {
    let users = |between: &str| reaction.users.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(between);
    Chosen {
        emoji: reaction.emoji.clone(),
        count: reaction.users.len(),
        users: users(", "),
        usernames: users(" "),
        is_mine: reaction.users.iter().any(|user| **user == *me),
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
