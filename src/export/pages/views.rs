//! What the templates of pages show.
//!
//! Owns the views. All texts are escaped by the templates, but the HTML of messages, which is sanitized when it is stored.

use askama::Template;
use reqwest::Url;

use super::super::parts::{Answered, Entry, People, Place, Who};
use super::words::notice;
use super::{person_place, times};
use crate::clock::Millis;
use crate::files::in_words;
use crate::fulltext::plain::plain;
use crate::model::{LinkPreview, UserId};
use crate::portable::{File, Kind, Manifest, Person, Visibility};

/// The number of avatar colors.
const HUES: i64 = 12;
/// The length of a quote, in characters.
const EXCERPT: usize = 140;

/// What is around every page.
#[derive(Clone, Debug)]
pub struct Frame {
    server: String,
    made: String,
    /// From the page to the export's folder.
    root: &'static str,
    /// What the page is; empty for the first one.
    title: String,
}

impl Frame {
    pub fn new(server: &str, made_at: Millis) -> Self {
        Self { server: server.to_owned(), made: times::date(made_at), root: "", title: String::new() }
    }

    /// The same around a page.
    pub fn at(&self, root: &'static str, title: &str) -> Self {
        Self { root, title: title.to_owned(), ..self.clone() }
    }
}

/// A list of rooms.
#[derive(Debug)]
pub struct Section<'a> {
    pub name: &'a str,
    pub rooms: Vec<&'a RoomView>,
}

#[derive(Template)]
#[template(path = "export/index.html")]
pub struct IndexPage<'a> {
    pub frame: &'a Frame,
    pub sections: Vec<Section<'a>>,
    pub manifest: &'a Manifest,
    /// The file with what is stored about a person.
    pub person: Option<&'static str>,
    pub previous: Option<String>,
    pub next: Option<String>,
}

impl IndexPage<'_> {
    /// What is in the export.
    fn holds(&self) -> String {
        let Manifest { people, rooms, messages, files, .. } = self.manifest;
        let people = if *people == 1 { "1 person".to_owned() } else { format!("{people} people") };
        format!("{} · {people} · {} · {}", counted(*rooms, "room"), counted(*messages, "message"), counted(*files, "file"))
    }
}

#[derive(Template)]
#[template(path = "export/people.html")]
pub struct PeoplePage<'a> {
    pub frame: &'a Frame,
    pub people: &'a [PersonView],
    pub previous: Option<String>,
    pub next: Option<String>,
}

#[derive(Template)]
#[template(path = "export/search.html")]
pub struct SearchPage<'a> {
    pub frame: &'a Frame,
    pub rooms: &'a [RoomView],
}

#[derive(Template)]
#[template(path = "export/room.html")]
pub struct RoomPage<'a> {
    pub frame: &'a Frame,
    pub room: &'a RoomView,
    pub number: usize,
    pub span: String,
    /// The messages, as HTML.
    pub body: &'a str,
    pub has_next: bool,
}

#[derive(Template)]
#[template(path = "export/room_index.html")]
pub struct RoomIndexPage<'a> {
    pub frame: &'a Frame,
    pub room: &'a RoomView,
    pub months: Vec<Month<'a>>,
    pub pins: &'a [PinLine],
}

#[derive(Template)]
#[template(path = "export/_message.html")]
pub struct MessageView<'a> {
    pub entry: &'a EntryView,
}

/// The pages that begin in one month.
#[derive(Debug)]
pub struct Month<'a> {
    pub name: &'a str,
    pub pages: Vec<&'a PageLine>,
}

/// A page in one line.
#[derive(Debug)]
pub struct PageLine {
    pub number: usize,
    /// The place of its first message.
    pub first: i64,
    /// The month in which it begins.
    pub month: String,
    pub span: String,
    pub count: usize,
}

impl PageLine {
    fn counted(&self) -> String {
        counted(self.count as u64, "message")
    }
}

/// A pinned message in one line.
#[derive(Debug)]
pub struct PinLine {
    place: String,
    name: String,
    date: String,
    line: String,
}

impl PinLine {
    pub fn of(entry: &EntryView, place: String) -> Self {
        let text = plain(&entry.html, EXCERPT);
        let names = || entry.files.iter().map(|file| &*file.name).collect::<Vec<_>>().join(", ");
        Self { place, name: entry.name.clone(), date: entry.date.clone(), line: if text.is_empty() { names() } else { text } }
    }
}

/// A room in a list, and above its messages.
#[derive(Clone, Debug)]
pub struct RoomView {
    pub number: usize,
    pub name: String,
    topic: String,
    pub visibility: Visibility,
    pub is_archived: bool,
    members: usize,
    messages: u64,
    /// The date of its last message.
    last: String,
}

impl RoomView {
    pub fn of(room: &Place) -> Self {
        Self {
            number: room.number,
            name: if room.name.is_empty() { room.slug.clone() } else { room.name.clone() },
            topic: room.topic.clone(),
            visibility: room.visibility,
            is_archived: room.is_archived,
            members: room.members,
            messages: 0,
            last: String::new(),
        }
    }

    /// Says what is in it, once that is known.
    pub fn is_written(&mut self, messages: u64, last: Option<Millis>) {
        self.messages = messages;
        self.last = last.map(times::date).unwrap_or_default();
    }

    /// The name of its icon.
    fn icon(&self) -> &'static str {
        match self.visibility {
            Visibility::Public => "hash",
            Visibility::Private => "lock",
            Visibility::Direct => "people",
        }
    }

    /// What it is, in words.
    fn about(&self) -> String {
        let what = match self.visibility {
            Visibility::Public => "Public room",
            Visibility::Private => "Private room",
            Visibility::Direct => "Direct messages",
        };
        let archived = if self.is_archived { ", archived" } else { "" };
        format!("{what}{archived} · {} · {}", counted(self.members as u64, "member"), counted(self.messages, "message"))
    }
}

/// "1 message", "2 messages".
fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What is inside of an avatar.
#[derive(Clone, Debug)]
pub struct Face {
    hue: String,
    letters: String,
    /// Where the photo is, from the export's folder.
    photo: Option<String>,
}

impl Face {
    fn of(number: i64, name: &str, photo: Option<String>) -> Self {
        let letters =
            name.split(|c: char| c.is_whitespace() || matches!(c, '.' | '_' | '-')).filter_map(|word| word.chars().next());
        Self {
            hue: format!("hue-{}", number.rem_euclid(HUES)),
            letters: letters.take(2).flat_map(char::to_uppercase).collect(),
            photo,
        }
    }
}

/// A person in the list.
#[derive(Clone, Debug)]
pub struct PersonView {
    number: usize,
    face: Face,
    name: String,
    username: String,
    email: Option<String>,
    status: String,
    about: String,
}

impl PersonView {
    pub fn of(who: &Who, person: &Person) -> Self {
        let id = person.key.parse().unwrap_or_default();
        let badges = [
            (person.is_admin, "admin"),
            (person.is_guest && !person.is_bot, "guest"),
            (person.is_bot, "bot"),
            (person.is_closed, "account closed"),
        ];
        let mut about: Vec<_> = badges.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()).collect();
        about.push(format!("since {}", times::date(person.created_at)));
        Self {
            number: who.number,
            face: Face::of(id, &who.name, who.photo.clone()),
            name: who.name.clone(),
            username: who.username.clone(),
            email: person.email.clone(),
            status: person.status.clone(),
            about: about.join(" · "),
        }
    }
}

/// A message on its page.
#[derive(Clone, Debug)]
pub struct EntryView {
    seq: i64,
    /// The day, if the message is its first on the page.
    day: Option<String>,
    pub is_notice: bool,
    is_first: bool,
    notice: String,
    face: Face,
    pub name: String,
    /// Where the author is among the people, if they are told here.
    person: Option<String>,
    at: String,
    clock: String,
    whole: String,
    pub date: String,
    /// The text, whose links lead to pages.
    pub html: String,
    is_gone: bool,
    edited: Option<String>,
    earlier: Vec<Earlier>,
    answered: Option<Quote>,
    /// Where the message is that it replies to.
    pub answered_at: Option<String>,
    pinned_by: Option<String>,
    pictures: Vec<FileView>,
    pub files: Vec<FileView>,
    links: Vec<LinkView>,
    reactions: Vec<ReactionView>,
}

/// An earlier text of a message.
#[derive(Clone, Debug)]
struct Earlier {
    when: String,
    body: String,
}

/// A message in one line, above a reply to it.
#[derive(Clone, Debug)]
struct Quote {
    name: String,
    line: String,
}

impl Quote {
    fn of(answered: &Answered) -> Self {
        let line = match one_line(&answered.line) {
            _ if answered.is_deleted => "Deleted message".to_owned(),
            line if line.is_empty() => "File".to_owned(),
            line => line,
        };
        Self { name: answered.name.clone(), line }
    }
}

/// An emoji and who gave it.
#[derive(Clone, Debug)]
struct ReactionView {
    emoji: String,
    count: usize,
    names: String,
}

/// A file of a message.
#[derive(Clone, Debug)]
pub struct FileView {
    /// Where it is, from the export's folder; none if it was left out.
    path: Option<String>,
    pub name: String,
    alt: String,
    about: String,
}

impl FileView {
    fn of(file: &File) -> Self {
        let size = in_words(file.bytes);
        Self {
            path: file.path.clone(),
            name: file.name.clone(),
            alt: if file.alt.is_empty() { file.name.clone() } else { file.alt.clone() },
            about: if file.path.is_some() { size } else { format!("{size} · not in this export") },
        }
    }
}

/// The preview of a link, without its picture.
#[derive(Clone, Debug)]
struct LinkView {
    url: String,
    host: String,
    title: String,
    description: String,
}

impl LinkView {
    fn of(link: &LinkPreview) -> Option<Self> {
        let url = Url::parse(&link.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let host = url.host_str()?.to_owned();
        let title = if link.title.is_empty() { host.clone() } else { link.title.clone() };
        Some(Self { url: url.into(), host, title, description: link.description.clone() })
    }
}

/// Whether browsers show it as a picture.
fn is_picture(file: &File) -> bool {
    let shown = [".png", ".jpg", ".gif", ".webp", ".avif", ".bmp"];
    file.path.as_ref().is_some_and(|path| shown.iter().any(|ending| path.ends_with(ending)))
}

impl EntryView {
    /// A message, without what depends on its page.
    pub fn of(entry: &Entry, people: &People, is_new_day: bool, is_first: bool) -> Self {
        let message = &entry.message;
        let at = message.created_at;
        let of_key = |key: &str| key.parse().ok().and_then(|id| people.get(UserId(id)));
        let named = |key: &str| of_key(key).map_or_else(|| "Somebody".to_owned(), |who| who.name.clone());
        let by_username =
            |username: &str| people.by_username(username).map_or_else(|| username.to_owned(), |who| who.name.clone());
        let author = people.get(entry.author);
        let name = author.map_or_else(|| "Somebody".to_owned(), |who| who.name.clone());
        let mut reactions: Vec<ReactionView> = Vec::new();
        for reaction in &message.reactions {
            let who = named(&reaction.person);
            match reactions.iter_mut().find(|known| known.emoji == reaction.emoji) {
                Some(known) => {
                    known.count += 1;
                    known.names.push_str(", ");
                    known.names.push_str(&who);
                }
                None => reactions.push(ReactionView { emoji: reaction.emoji.clone(), count: 1, names: who }),
            }
        }
        let (pictures, files): (Vec<&File>, Vec<&File>) = message.files.iter().partition(|file| is_picture(file));
        let earlier = message.revisions.iter();
        Self {
            seq: entry.seq,
            day: is_new_day.then(|| times::day(at)),
            is_notice: message.kind != Kind::Text,
            is_first,
            notice: notice(message, &name, by_username),
            face: Face::of(entry.author.0, &name, author.and_then(|who| who.photo.clone())),
            person: author.map(|who| person_place(who.number)),
            name,
            at: at.to_string(),
            clock: times::clock(at),
            whole: times::whole(at),
            date: times::date(at),
            html: String::new(),
            is_gone: message.deleted_at.is_some(),
            edited: message.edited_at.filter(|_| message.deleted_at.is_none()).map(|at| format!("Edited {}", times::whole(at))),
            earlier: earlier.map(|one| Earlier { when: times::whole(one.written_at), body: one.body.clone() }).collect(),
            answered: entry.answered.as_ref().map(Quote::of),
            answered_at: None,
            pinned_by: message.pin.as_ref().map(|pin| named(&pin.by)),
            pictures: pictures.into_iter().map(FileView::of).collect(),
            files: files.into_iter().map(FileView::of).collect(),
            links: entry.links.iter().filter_map(LinkView::of).collect(),
            reactions,
        }
    }
}

/// The beginning of a text in one line.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(EXCERPT).collect()
}
