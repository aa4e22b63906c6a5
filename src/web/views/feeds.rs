//! Feeds: the list of a person's own, and the Atom document (RFC 4287).

use askama::Template;

use super::AppLayout;
use crate::chat::feeds::{Reading, changed_at};
use crate::clock::Millis;
use crate::db::feeds::Feed;
use crate::db::rooms::RoomView;
use crate::model::{FeedKind, Logged};

/// How much of a text is an entry's title, in characters.
const TITLE: usize = 80;

/// `GET /settings/feeds`.
#[derive(Debug, Template)]
#[template(path = "accounts/feeds.html")]
pub struct FeedsPage {
    layout: AppLayout,
    feeds: Vec<ListedFeed>,
    /// The address of a new feed, which is shown this once.
    created: Option<String>,
}

/// A feed in the list.
#[derive(Debug)]
struct ListedFeed {
    id: String,
    kind: &'static str,
    /// Slug and name of its room, if its person can see that.
    room: Option<(String, String)>,
    created_at: String,
    created: String,
    used: Option<(String, String)>,
}

impl FeedsPage {
    /// A person's feeds, and the address of a new one.
    pub fn new(layout: AppLayout, feeds: Vec<(Feed, Option<RoomView>)>, created: Option<String>) -> Self {
        let times = &layout.times;
        let words = |at: Millis| (at.to_string(), times.moment(&times.at(at)));
        let listed = feeds.into_iter().map(|(feed, view)| {
            let (created_at, created) = words(feed.created_at);
            ListedFeed {
                id: feed.id,
                kind: match feed.kind {
                    FeedKind::Messages => "Messages",
                    FeedKind::Pins => "Pins",
                },
                room: view.map(|view| (view.room.slug.to_string(), view.room.name.to_string())),
                created_at,
                created,
                used: feed.used_at.map(words),
            }
        });
        let feeds = listed.collect();
        Self { layout, feeds, created }
    }
}

/// An Atom document. Its text is free of what XML cannot hold.
#[derive(Debug, Template)]
#[template(path = "rooms/feed.xml")]
pub struct AtomFeed {
    id: String,
    title: String,
    origin: String,
    self_url: String,
    slug: String,
    page: &'static str,
    updated_at: Millis,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    seq: i64,
    title: String,
    author: String,
    published_at: Millis,
    updated_at: Millis,
    html: String,
}

impl AtomFeed {
    /// The document of a feed that is read at `self_url`, of a server with this name and address.
    pub fn new(reading: &Reading, server_name: &str, origin: &str, self_url: String) -> Self {
        let Reading { feed, view, messages, updated_at } = reading;
        let (pins, page) = match feed.kind {
            FeedKind::Messages => ("", ""),
            FeedKind::Pins => ("Pins of ", "/pins"),
        };
        let host = origin.split_once("://").map_or(origin, |(_, host)| host).split(':').next().unwrap_or_default();
        Self {
            // A tag of RFC 4151: it stays if the room is renamed, and no two feeds have the same.
            id: format!("tag:{host},2026:feed/{}", feed.id),
            title: xml_text(&format!("{pins}{} · {server_name}", view.room.name)),
            origin: origin.to_owned(),
            self_url,
            slug: view.room.slug.to_string(),
            page,
            updated_at: *updated_at,
            entries: messages.iter().map(|logged| entry(logged, feed.kind)).collect(),
        }
    }
}

fn entry(logged: &Logged, kind: FeedKind) -> Entry {
    let message = &logged.message;
    let text = message.body.split_whitespace().collect::<Vec<_>>().join(" ");
    let files = message.attachments.iter().map(|file| &*file.name).collect::<Vec<_>>().join(", ");
    let mut start: String = if text.is_empty() { &files } else { &text }.chars().take(TITLE).collect();
    if text.chars().nth(TITLE).is_some() {
        start.push('…');
    }
    let author = message.author.shown();
    let mut html = message.html.clone();
    for file in &message.attachments {
        // A reader has no session, so a file is a link, which leads to the log-in first.
        html.push_str(&format!(
            "<p><a href=\"{}\">{}</a></p>",
            askama::filters::escape(&file.url, askama::filters::Html).expect("text can be escaped"),
            askama::filters::escape(&file.name, askama::filters::Html).expect("text can be escaped"),
        ));
    }
    Entry {
        seq: message.seq,
        title: xml_text(&format!("{author}: {start}")),
        author: xml_text(&author),
        published_at: message.created_at,
        updated_at: changed_at(logged, kind),
        html: xml_text(&html),
    }
}

/// A text without the characters that XML 1.0 cannot hold, not even escaped.
fn xml_text(text: &str) -> String {
    let is_allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..) && *c != '\u{fffe}';
    text.chars().filter(is_allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(xml_text("a\u{1}b\u{fffe}\u{ffff}c\t\u{1f600}"), "abc\t\u{1f600}");
    }
}
