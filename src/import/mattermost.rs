//! A bulk export of Mattermost's: lines of JSON, alone or in a zip with the files.
//!
//! Owns their order. The lines of posts are in that of their ids, which is none, and replies are within the lines of what they reply to; so
//! the first pass notes where each post is, and the second one reads them by channel and time, a reply without its line. It must not hold
//! the posts in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contents::{Contents, open_zip, unpack};
use super::error::{ImportError, in_line};
use super::identity::Traces;
use super::source::{Opened, Part, Sink};
use super::text::{rename, replace};
use crate::clock::Millis;
use crate::model::validate;
use crate::portable::{self, Kind, Member, Message, Person, Pin, Role, Room, Visibility};

const WHAT: &str = "a bulk export of Mattermost’s";
/// The longest line, in bytes: a post with all its replies.
const LONGEST_LINE: u64 = 256 << 20;
/// The most bytes of lines that are unpacked.
const LARGEST: u64 = 1 << 40;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line<'l> {
    r#type: String,
    version: Option<u32>,
    team: Option<Team>,
    channel: Option<Channel>,
    user: Option<User>,
    bot: Option<Bot>,
    #[serde(borrow)]
    post: Option<Post<'l>>,
    direct_channel: Option<DirectChannel>,
    #[serde(borrow)]
    direct_post: Option<Post<'l>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Team {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Channel {
    team: String,
    name: String,
    display_name: Option<String>,
    r#type: String,
    header: Option<String>,
    purpose: Option<String>,
    deleted_at: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    email: Option<String>,
    auth_service: Option<String>,
    nickname: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    roles: Option<String>,
    delete_at: Option<i64>,
    teams: Option<Vec<TeamOfUser>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TeamOfUser {
    name: String,
    channels: Option<Vec<ChannelOfUser>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChannelOfUser {
    name: String,
    roles: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bot {
    username: String,
    display_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DirectChannel {
    members: Option<Vec<String>>,
    participants: Option<Vec<Participant>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Participant {
    username: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Post<'l> {
    team: String,
    channel: String,
    channel_members: Option<Vec<String>>,
    user: String,
    r#type: Option<String>,
    message: Option<String>,
    create_at: i64,
    edit_at: Option<i64>,
    is_pinned: Option<bool>,
    reactions: Option<Vec<Reaction>>,
    /// As they are written: those of one post may be thousands, and are read one by one.
    #[serde(borrow)]
    replies: Option<Vec<&'l RawValue>>,
    attachments: Option<Vec<Attachment>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reaction {
    user: String,
    emoji_name: String,
    create_at: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attachment {
    path: String,
}

/// Where a post is. Their order is that of time, and of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    created_at: i64,
    /// Where it begins: a post its line, a reply itself.
    offset: u64,
    /// How many bytes a reply has; 0: it is a post.
    bytes: u32,
    /// To which post a reply replies, in the order of [`Export::roots`].
    root: u32,
}

/// Opens a file.
///
/// # Errors
/// It is something else, or cannot be read.
pub fn open(path: &Path) -> Result<Opened, ImportError> {
    let foreign = |why: String| ImportError::Foreign { what: WHAT, why };
    let mut head = [0; 2];
    let mut file = File::open(path).map_err(|error| ImportError::at(path, error))?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err(foreign("it is a folder".into()));
    }
    let read = file.read(&mut head).map_err(|error| ImportError::at(path, error))?;
    let (mut file, contents) = if read == 2 && head == *b"PK" {
        let mut archive = open_zip(path, WHAT)?;
        let names = archive.file_names().filter_map(|name| name.ok().map(|name| name.into_owned()));
        let lines = names.filter(|name| name.ends_with(".jsonl") && !name.contains('/')).min();
        let lines = lines.ok_or_else(|| foreign("there is no .jsonl file in it".into()))?;
        let unpacked = unpack(&mut archive, &lines, &std::env::temp_dir(), LARGEST)?;
        (unpacked, Contents::Zip(Arc::new(Mutex::new(open_zip(path, WHAT)?)), String::new()))
    } else {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (file, Contents::Folder(folder.to_owned()))
    };
    file.seek(SeekFrom::Start(0)).map_err(|error| ImportError::at(path, error))?;
    let place = path.display().to_string();
    let mut reader =
        Reader { lines: BufReader::new(file), at: 0, number: Some(0), place, contents: contents.clone(), links: HashMap::new() };
    let mut line = Vec::new();
    let first = reader.next(&mut line).and_then(|found| found.map(|_| reader.parse::<Line<'_>>(&line)).transpose());
    let first = first.map_err(|_| foreign("its first line is no JSON".into()))?;
    if first.is_none_or(|first| first.r#type != "version" || first.version != Some(1)) {
        return Err(foreign("its first line does not say version 1".into()));
    }
    let export = reader.index()?;
    let id = export.teams.first().map_or_else(|| "mattermost".to_owned(), |team| format!("mattermost:{team}"));
    let traces = Traces::Teams(export.teams.clone());
    Ok(Opened { id, traces, contents, reader: Box::new(move |sink| reader.read(export, sink)) })
}

/// What the first pass found: everything but posts.
#[derive(Default)]
struct Export {
    teams: Vec<String>,
    people: Vec<User>,
    bots: Vec<Bot>,
    rooms: BTreeMap<String, Room>,
    posts: HashMap<String, Vec<Place>>,
    /// The keys of posts that have replies.
    roots: Vec<Box<str>>,
    left_out: BTreeMap<String, u64>,
}

struct Reader {
    lines: BufReader<File>,
    /// Where the next line begins.
    at: u64,
    /// Which line was read last, from 1; after a jump nobody knows.
    number: Option<u64>,
    place: String,
    contents: Contents,
    /// What the links to channels are here, by the names of channels.
    links: HashMap<String, String>,
}

impl Reader {
    /// Reads the next line that is not blank, and returns where it begins; `None` at the end.
    fn next(&mut self, line: &mut Vec<u8>) -> Result<Option<u64>, ImportError> {
        loop {
            line.clear();
            let read = (&mut self.lines).take(LONGEST_LINE).read_until(b'\n', line);
            let (from, read) = (self.at, read.map_err(|error| ImportError::damaged(&self.place, error))?);
            if read == 0 {
                return Ok(None);
            }
            self.at += read as u64;
            self.number = self.number.map(|number| number + 1);
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(from));
            }
        }
    }

    /// Goes to a place.
    fn seek(&mut self, to: u64) -> Result<(), ImportError> {
        self.lines.seek(SeekFrom::Start(to)).map_err(|error| ImportError::damaged(&self.place, error))?;
        (self.at, self.number) = (to, None);
        Ok(())
    }

    /// What JSON says.
    fn parse<'l, T: Deserialize<'l>>(&self, json: &'l [u8]) -> Result<T, ImportError> {
        serde_json::from_slice(json).map_err(|error| {
            let line = self.number.map_or_else(|| "a line".to_owned(), |number| format!("line {number}"));
            ImportError::damaged(&self.place, format!("{line} is no JSON, or is cut off ({})", in_line(&error)))
        })
    }

    /// The first pass.
    fn index(&mut self) -> Result<Export, ImportError> {
        let (mut export, mut line) = (Export::default(), Vec::new());
        loop {
            let Some(offset) = self.next(&mut line)? else { return Ok(export) };
            let found: Line<'_> = self.parse(&line)?;
            if let Some(Team { name }) = found.team {
                export.teams.push(name);
            } else if let Some(channel) = found.channel {
                let room = room(channel);
                export.rooms.insert(room.key.clone(), room);
            } else if let Some(user) = found.user {
                export.people.push(user);
            } else if let Some(bot) = found.bot {
                export.bots.push(bot);
            } else if let Some(direct) = found.direct_channel {
                let named = direct.participants.unwrap_or_default().into_iter().map(|one| one.username);
                let room = direct_room(named.chain(direct.members.unwrap_or_default()).collect());
                export.rooms.insert(room.key.clone(), room);
            } else if let Some(post) = found.post.or(found.direct_post) {
                self.note(&mut export, &post, &line, offset)?;
            } else if !matches!(&*found.r#type, "role" | "scheme" | "version" | "info") {
                *export.left_out.entry(format!("lines of Mattermost’s type {}", found.r#type)).or_default() += 1;
            }
        }
    }

    /// Notes where the post of a line is, and its replies.
    fn note(&self, export: &mut Export, post: &Post<'_>, line: &[u8], offset: u64) -> Result<(), ImportError> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Written {
            create_at: i64,
        }
        let places = export.posts.entry(room_key(post)).or_default();
        places.push(Place { created_at: post.create_at, offset, bytes: 0, root: 0 });
        let root = u32::try_from(export.roots.len()).unwrap_or(u32::MAX);
        for reply in post.replies.iter().flatten() {
            let reply = reply.get().as_bytes();
            let Written { create_at } = self.parse(reply)?;
            let within = reply.as_ptr().addr() - line.as_ptr().addr();
            let bytes = u32::try_from(reply.len()).unwrap_or(u32::MAX);
            places.push(Place { created_at: create_at, offset: offset + within as u64, bytes, root });
        }
        if post.replies.iter().flatten().next().is_some() {
            export.roots.push(key(post).into());
        }
        Ok(())
    }

    fn read(mut self, mut export: Export, sink: &Sink) -> Result<(), ImportError> {
        sink.position.expect(export.posts.values().map(|places| places.len() as u64).sum());
        for (why, count) in std::mem::take(&mut export.left_out) {
            sink.give(Part::LeftOut(why, count))?;
        }
        people(&mut export, sink)?;
        let rooms = std::mem::take(&mut export.rooms);
        self.links = links(&rooms);
        let keys: Vec<String> = rooms.keys().cloned().collect();
        for (_, mut room) in rooms {
            let first = export.posts.get(&room.key).and_then(|places| places.iter().map(|place| place.created_at).min());
            room.created_at = Millis(first.unwrap_or_default());
            sink.room(room)?;
        }
        for key in keys {
            let mut places = export.posts.remove(&key).unwrap_or_default();
            places.sort_unstable();
            self.posts(&key, &places, &export.roots, sink)?;
        }
        let lost: usize = export.posts.values().map(Vec::len).sum();
        if lost > 0 {
            sink.give(Part::LeftOut("posts of channels that are not in the export".into(), lost as u64))?;
        }
        Ok(())
    }

    fn posts(&mut self, room: &str, places: &[Place], roots: &[Box<str>], sink: &Sink) -> Result<(), ImportError> {
        let room: Arc<str> = room.into();
        let (mut line, mut at, mut taken) = (Vec::new(), 0, HashSet::new());
        for place in places {
            self.seek(place.offset)?;
            sink.position.add(1);
            let (post, reply_to) = if place.bytes == 0 {
                self.next(&mut line)?;
                let Line { post, direct_post, .. } = self.parse(&line)?;
                (post.or(direct_post), None)
            } else {
                line.resize(place.bytes as usize, 0);
                self.lines.read_exact(&mut line).map_err(|error| ImportError::damaged(&self.place, error))?;
                (Some(self.parse(&line)?), roots.get(place.root as usize).map(ToString::to_string))
            };
            let Some(post) = post else { continue };
            if at != place.created_at {
                at = place.created_at;
                taken.clear();
            }
            let own = key(&post);
            let numbered = (2u64..).map(|number| format!("{own}#{number}"));
            let key = std::iter::once(own.clone()).chain(numbered).find(|key| !taken.contains(key)).unwrap_or_default();
            taken.insert(key.clone());
            self.post(&room, key, post, reply_to, sink)?;
        }
        Ok(())
    }

    fn post(
        &self,
        room: &Arc<str>,
        key: String,
        post: Post<'_>,
        reply_to: Option<String>,
        sink: &Sink,
    ) -> Result<(), ImportError> {
        let kind = match post.r#type.as_deref().unwrap_or_default() {
            "" | "slack_attachment" | "me" | "custom_calls" => Kind::Text,
            "system_join_channel" => Kind::Joined,
            "system_leave_channel" => Kind::Left,
            other => return sink.leave_out(format!("messages of Mattermost’s type {other}")),
        };
        let is_text = kind == Kind::Text;
        let mut reactions = Vec::new();
        for reaction in post.reactions.into_iter().flatten() {
            match emojis::get_by_shortcode(&reaction.emoji_name) {
                Some(emoji) => reactions.push(portable::Reaction {
                    emoji: emoji.as_str().into(),
                    person: reaction.user.to_lowercase(),
                    at: Millis(reaction.create_at),
                }),
                None => sink.leave_out("reactions with a team’s own emoji")?,
            }
        }
        // A post without a time is as wrong as one before 1970.
        let created_at = Millis(if post.create_at == 0 { -1 } else { post.create_at });
        let author = post.user.to_lowercase();
        sink.message(
            room,
            Message {
                key,
                kind,
                body: if is_text { self.text(&post.message.unwrap_or_default()) } else { String::new() },
                created_at,
                edited_at: post.edit_at.filter(|at| *at > 0).map(Millis),
                reply_to: reply_to.filter(|_| is_text),
                reactions,
                pin: post.is_pinned.unwrap_or_default().then(|| Pin { by: author.clone(), at: created_at }),
                files: post.attachments.into_iter().flatten().map(|file| self.file(&file.path)).collect(),
                author,
                ..Message::default()
            },
        )
    }

    /// A text, with the names that everybody and public channels have here.
    fn text(&self, text: &str) -> String {
        let everybody = HashMap::from(["all", "channel", "everyone"].map(|name| (name.to_owned(), "room".to_owned())));
        replace(&rename(text, '@', &everybody), ('~', '#'), &self.links)
    }

    /// A file; paths are from the export, or from its folder of data.
    fn file(&self, path: &str) -> portable::File {
        let below = format!("data/{path}");
        let path =
            if self.contents.size(path).is_none() && self.contents.size(&below).is_some() { below } else { path.to_owned() };
        let name = path.rsplit('/').next().unwrap_or("file").to_owned();
        portable::File { name, path: Some(path), ..portable::File::default() }
    }
}

/// Gives the people, and adds them to the rooms that they are in.
fn people(export: &mut Export, sink: &Sink) -> Result<(), ImportError> {
    for user in std::mem::take(&mut export.people) {
        let key = user.username.to_lowercase();
        for team in user.teams.iter().flatten() {
            for channel in team.channels.iter().flatten() {
                let Some(room) = export.rooms.get_mut(&format!("{}/{}", team.name, channel.name)) else {
                    sink.leave_out("members of channels that are not in the export")?;
                    continue;
                };
                let is_admin = channel.roles.as_deref().unwrap_or_default().contains("channel_admin");
                let role = if is_admin { Role::Owner } else { Role::Member };
                room.members.push(Member { person: key.clone(), role, joined_at: Millis(0) });
            }
        }
        let roles = user.roles.unwrap_or_default();
        let has = |name: &str| roles.split_whitespace().any(|role| role == name);
        let given = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
        let full = [given(user.first_name), given(user.last_name)].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = given(user.nickname).or(Some(full)).filter(|name| !name.is_empty()).unwrap_or_else(|| user.username.clone());
        sink.person(Person {
            key: key.clone(),
            username: key,
            name,
            // Mattermost confirms addresses only if it is told to; a directory knows them.
            is_email_unconfirmed: user.auth_service.is_none_or(|service| service.is_empty()),
            email: user.email,
            is_admin: has("system_admin"),
            is_guest: has("system_guest"),
            is_closed: user.delete_at.is_some_and(|at| at > 0),
            ..Person::default()
        })?;
    }
    for bot in std::mem::take(&mut export.bots) {
        let key = bot.username.to_lowercase();
        let name = bot.display_name.filter(|name| !name.is_empty()).unwrap_or_else(|| key.clone());
        sink.person(Person { key: key.clone(), username: key, name, is_bot: true, ..Person::default() })?;
    }
    Ok(())
}

fn room(channel: Channel) -> Room {
    let topic = channel.header.filter(|header| !header.trim().is_empty()).or(channel.purpose).unwrap_or_default();
    Room {
        key: format!("{}/{}", channel.team, channel.name),
        name: channel.display_name.filter(|name| !name.trim().is_empty()).unwrap_or(channel.name),
        topic: topic.split_whitespace().collect::<Vec<_>>().join(" "),
        visibility: if channel.r#type == "O" { Visibility::Public } else { Visibility::Private },
        archived_at: channel.deleted_at.filter(|at| *at > 0).map(Millis),
        ..Room::default()
    }
}

fn direct_room(people: Vec<String>) -> Room {
    let people: Vec<_> = people.into_iter().map(|person| person.to_lowercase()).collect();
    let members = people.iter().map(|person| Member { person: person.clone(), ..Member::default() }).collect();
    Room { key: direct_key(people), visibility: Visibility::Direct, members, ..Room::default() }
}

fn direct_key(mut people: Vec<String>) -> String {
    people.sort_unstable();
    people.dedup();
    people.join(",")
}

fn room_key(post: &Post<'_>) -> String {
    match &post.channel_members {
        Some(members) => direct_key(members.iter().map(|member| member.to_lowercase()).collect()),
        None => format!("{}/{}", post.team, post.channel),
    }
}

/// Posts have no ids: their time and author stand for one.
fn key(post: &Post<'_>) -> String {
    format!("{}:{}", post.create_at, post.user.to_lowercase())
}

/// The names that public channels make here, by those that links have there. Not of those that several channels have: no text says
/// which one is meant.
fn links(rooms: &BTreeMap<String, Room>) -> HashMap<String, String> {
    let public = rooms.values().filter(|room| room.visibility == Visibility::Public);
    let named = public.filter_map(|room| Some((room.key.split_once('/')?.1.to_lowercase(), validate::slug(&room.name))));
    let named: Vec<(String, String)> = named.collect();
    let (mut names, mut slugs) = (HashMap::<&str, u32>::new(), HashMap::<&str, u32>::new());
    for (name, slug) in &named {
        *names.entry(name).or_default() += 1;
        *slugs.entry(slug).or_default() += 1;
    }
    let is_one = |name: &str, slug: &str| names.get(name) == Some(&1) && slugs.get(slug) == Some(&1);
    named.iter().filter(|(name, slug)| is_one(name, slug)).cloned().collect()
}
