//! An export of Slack's: a zip with people, channels, and a JSON file for each day of each channel.
//!
//! Owns which of Slack's many kinds of messages is what here; those that are nothing here are counted by their names.

mod records;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use self::records::{Attachment, Channel, Message, Profile, User};
use super::contents::{Archive, Contents, open_zip, read_json};
use super::error::ImportError;
use super::identity::Traces;
use super::source::{Opened, Part, Sink};
use crate::clock::Millis;
use crate::portable::{self, Kind, Member, Person, Pin, Reaction, Room, Visibility};
use crate::slack::markup::{Known, emoji, markdown};

const WHAT: &str = "an export of Slack’s";

/// Opens a zip.
///
/// # Errors
/// It is no export.
pub fn open(path: &Path) -> Result<Opened, ImportError> {
    let mut archive = open_zip(path, WHAT)?;
    let foreign = |why: String| ImportError::Foreign { what: WHAT, why };
    let mut names = HashSet::new();
    for name in archive.file_names() {
        names.insert(name.map_err(|error| foreign(error.to_string()))?.into_owned());
    }
    // Some archives hold the folder instead of what is in it.
    let users = names.iter().filter(|name| *name == "users.json" || name.ends_with("/users.json"));
    let users = users.min_by_key(|name| name.len()).ok_or_else(|| foreign("there is no users.json in it".into()))?;
    let below = users.trim_end_matches("users.json").to_owned();
    let people: Vec<User> = list(&mut archive, &below, "users.json")?;
    let team = team(&people).ok_or_else(|| foreign("there is nobody in its users.json".into()))?;
    let mut channels = Vec::new();
    for (file, visibility) in [
        ("channels.json", Visibility::Public),
        ("groups.json", Visibility::Private),
        ("mpims.json", Visibility::Direct),
        ("dms.json", Visibility::Direct),
    ] {
        let found: Vec<Channel> = list(&mut archive, &below, file)?;
        channels.extend(found.into_iter().map(|channel| (visibility, channel)));
    }
    if channels.is_empty() {
        return Err(foreign("there are no channels in it".into()));
    }
    let traces = Traces::Rooms(channels.iter().map(|(_, channel)| channel.id.clone()).collect());
    let contents = Contents::Zip(Arc::new(Mutex::new(open_zip(path, WHAT)?)), below.clone());
    let reader = Reader::new(archive, below, people, channels, names);
    Ok(Opened { id: format!("slack:{team}"), traces, contents, reader: Box::new(move |sink| reader.read(sink)) })
}

/// The team of most people: those of other teams, with whom channels are shared, are in the list as well. Without teams, the first by id.
fn team(people: &[User]) -> Option<String> {
    let mut teams: BTreeMap<&str, usize> = BTreeMap::new();
    for team in people.iter().filter_map(|user| user.team_id.as_deref()) {
        *teams.entry(team).or_default() += 1;
    }
    let most = teams.into_iter().rev().max_by_key(|(_, count)| *count).map(|(team, _)| team);
    let ids = people.iter().map(|user| &*user.id).filter(|id| !id.is_empty());
    most.or_else(|| ids.min()).map(ToOwned::to_owned)
}

/// The list in a JSON file; empty if there is none, or null.
fn list<R: DeserializeOwned>(archive: &mut Archive, below: &str, name: &str) -> Result<Vec<R>, ImportError> {
    let Some(bytes) = read_json(archive, &format!("{below}{name}"))? else { return Ok(Vec::new()) };
    let found: Option<Vec<Option<R>>> = serde_json::from_slice(&bytes).map_err(|error| ImportError::damaged(name, error))?;
    Ok(found.into_iter().flatten().flatten().collect())
}

/// Counts what is left out, if anything is.
fn leave_out(why: &str, count: usize, sink: &Sink) -> Result<(), ImportError> {
    if count == 0 { Ok(()) } else { sink.give(Part::LeftOut(why.into(), count as u64)) }
}

/// The messages of a day, in order, and how many others are not of the form that they have: one is no reason to leave out all.
fn day(archive: &mut Archive, name: &str) -> Result<(Vec<Message>, usize), ImportError> {
    let (mut messages, mut unreadable) = (Vec::new(), 0);
    let Some(bytes) = read_json(archive, name)? else { return Ok((messages, unreadable)) };
    let found: Option<Vec<Option<&RawValue>>> =
        serde_json::from_slice(&bytes).map_err(|error| ImportError::damaged(name, error))?;
    for message in found.into_iter().flatten().flatten() {
        match serde_json::from_str::<Message>(message.get()) {
            Ok(message) => messages.push(message),
            Err(_) => unreadable += 1,
        }
    }
    messages.sort_by(|one, other| one.ts.cmp(&other.ts));
    Ok((messages, unreadable))
}

struct Reader {
    archive: Archive,
    below: String,
    people: Vec<User>,
    channels: Vec<(Visibility, Channel)>,
    names: HashSet<String>,
    known: Known,
    /// Keys of the people of bots, by the bots’ ids.
    bots: HashMap<String, String>,
    usernames: HashSet<String>,
}

impl Reader {
    fn new(
        archive: Archive,
        below: String,
        people: Vec<User>,
        channels: Vec<(Visibility, Channel)>,
        names: HashSet<String>,
    ) -> Self {
        let mut known = Known::default();
        for (_, channel) in &channels {
            if let Some(name) = &channel.name {
                known.channels.insert(channel.id.clone(), name.clone());
            }
        }
        Self { archive, below, people, channels, names, known, bots: HashMap::new(), usernames: HashSet::new() }
    }

    fn read(mut self, sink: &Sink) -> Result<(), ImportError> {
        let (days, strays) = self.days();
        sink.position.expect(days.values().map(|days| days.len() as u64).sum());
        let (people, without): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.people).into_iter().partition(|user| !user.id.is_empty());
        leave_out("people without an id", without.len(), sink)?;
        for user in people {
            self.user(user, sink)?;
        }
        let (channels, without): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.channels).into_iter().partition(|(_, channel)| !channel.id.is_empty());
        leave_out("channels without an id", without.len(), sink)?;
        for (visibility, channel) in &channels {
            if *visibility == Visibility::Direct {
                self.meet(channel, days_of(&days, folder(&days, channel)), sink)?;
            }
            sink.room(room(*visibility, channel))?;
        }
        for (_, channel) in &channels {
            let room: Arc<str> = channel.id.as_str().into();
            let pins: HashMap<&str, Pin> = channel.pins.iter().flatten().map(|pin| (&*pin.id, pin_of(pin))).collect();
            for name in days_of(&days, folder(&days, channel)) {
                let (messages, unreadable) = day(&mut self.archive, name)?;
                for message in messages {
                    self.message(&room, message, &pins, sink)?;
                }
                leave_out("messages that can’t be read", unreadable, sink)?;
                sink.position.add(1);
            }
        }
        let claimed: HashSet<&str> = channels.iter().map(|(_, channel)| folder(&days, channel)).collect();
        let unclaimed = days.iter().filter(|(folder, _)| !claimed.contains(&***folder));
        self.lost(unclaimed.flat_map(|(_, days)| days), strays, sink)
    }

    /// Counts what is in folders that no channel claims, and files that are no days. Of these nothing is known, so their form is no
    /// damage.
    fn lost<'d>(&mut self, days: impl Iterator<Item = &'d String>, mut strays: usize, sink: &Sink) -> Result<(), ImportError> {
        let mut lost = 0;
        for name in days {
            match day(&mut self.archive, name) {
                Ok((messages, unreadable)) => lost += messages.len() + unreadable,
                Err(_) => strays += 1,
            }
            sink.position.add(1);
        }
        leave_out("messages of channels that are not in the export", lost, sink)?;
        leave_out("files that are no days of a channel", strays, sink)
    }

    /// The files of the days in each folder, in order, and how many others are in folders.
    fn days(&self) -> (BTreeMap<String, Vec<String>>, usize) {
        let (mut days, mut strays) = (BTreeMap::<String, Vec<String>>::new(), 0);
        for name in self.names.iter().filter(|name| name.ends_with(".json")) {
            let Some((folder, file)) = name.strip_prefix(&self.below).and_then(|inside| inside.split_once('/')) else { continue };
            // What people have sent, and what the archivers of some systems add.
            if matches!(folder, "__uploads" | "__MACOSX") || file.starts_with('.') {
                continue;
            }
            if !file.contains('/') && file.starts_with(|c: char| c.is_ascii_digit()) {
                days.entry(folder.to_owned()).or_default().push(name.clone());
            } else {
                strays += 1;
            }
        }
        days.values_mut().for_each(|days| days.sort_unstable());
        (days, strays)
    }

    fn user(&mut self, user: User, sink: &Sink) -> Result<(), ImportError> {
        let User { profile, .. } = user;
        let shown = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
        let name = shown(profile.display_name).or_else(|| shown(profile.real_name)).or_else(|| shown(user.real_name));
        let username = self.username(user.name.as_deref().unwrap_or(&user.id));
        if let Some(bot) = profile.bot_id {
            self.bots.insert(bot, user.id.clone());
        }
        self.known.people.insert(user.id.clone(), username.clone());
        sink.person(Person {
            key: user.id,
            name: name.unwrap_or_else(|| username.clone()),
            username,
            email: profile.email.filter(|email| !email.is_empty()),
            is_admin: user.is_admin || user.is_owner,
            is_guest: user.is_restricted || user.is_ultra_restricted,
            is_bot: user.is_bot,
            is_closed: user.deleted,
            status: profile.status_text.unwrap_or_default(),
            time_zone: user.tz,
            ..Person::default()
        })
    }

    /// A username that can be mentioned and that nobody else of the export has.
    fn username(&mut self, wanted: &str) -> String {
        let plain: String = wanted
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' })
            .collect();
        let plain = plain.trim_matches(['.', '_', '-']);
        let plain = if plain.is_empty() { "someone" } else { &plain[..plain.len().min(28)] };
        let numbered = (2u64..).map(|number| format!("{plain}-{number}"));
        let free = std::iter::once(plain.to_owned()).chain(numbered).find(|name| !self.usernames.contains(name));
        let free = free.unwrap_or_default();
        self.usernames.insert(free.clone());
        free
    }

    /// Adds those in a conversation who are not in the list of people: without them it would be another conversation. What they are
    /// called is in their messages, if anywhere.
    fn meet(&mut self, channel: &Channel, days: &[String], sink: &Sink) -> Result<(), ImportError> {
        let named = channel.members.iter().flatten().filter(|user| !user.is_empty());
        let strangers: BTreeSet<&String> = named.filter(|user| !self.known.people.contains_key(*user)).collect();
        if strangers.is_empty() {
            return Ok(());
        }
        for name in days {
            for message in day(&mut self.archive, name)?.0 {
                if let (Some(user), Some(profile)) = (&message.user, &message.user_profile)
                    && strangers.contains(user)
                {
                    self.stranger(user, Some(profile), sink)?;
                }
            }
        }
        strangers.into_iter().try_for_each(|user| self.stranger(user, None, sink))
    }

    /// Adds somebody who is not in the list of people, once.
    fn stranger(&mut self, user: &str, profile: Option<&Profile>, sink: &Sink) -> Result<(), ImportError> {
        if self.known.people.contains_key(user) {
            return Ok(());
        }
        let nothing = Profile::default();
        let Profile { name, real_name, display_name, .. } = profile.unwrap_or(&nothing);
        let username = self.username(name.as_deref().unwrap_or(user));
        self.known.people.insert(user.to_owned(), username.clone());
        let shown = display_name.as_ref().or(real_name.as_ref()).filter(|name| !name.is_empty());
        let name = shown.unwrap_or(&username).clone();
        sink.person(Person { key: user.to_owned(), username, name, is_closed: true, ..Person::default() })
    }

    /// The key of who wrote a message. Who is not in the list of people is added: a bot, or somebody of another workspace.
    fn author(&mut self, message: &Message, sink: &Sink) -> Result<Option<String>, ImportError> {
        if let Some(user) = message.user.as_ref().filter(|user| !user.is_empty()) {
            self.stranger(user, message.user_profile.as_ref(), sink)?;
            return Ok(Some(user.clone()));
        }
        let Some(bot) = message.bot_id.clone().or_else(|| message.username.clone()) else { return Ok(None) };
        if let Some(key) = self.bots.get(&bot) {
            return Ok(Some(key.clone()));
        }
        let key = format!("bot:{bot}");
        let named = message.username.clone().or_else(|| message.bot_profile.as_ref().and_then(|bot| bot.name.clone()));
        let name = named.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| bot.clone());
        let username = self.username(&name);
        self.bots.insert(bot, key.clone());
        self.known.people.insert(key.clone(), username.clone());
        sink.person(Person { key: key.clone(), username, name, is_bot: true, ..Person::default() })?;
        Ok(Some(key))
    }

    fn message(&mut self, room: &Arc<str>, message: Message, pins: &HashMap<&str, Pin>, sink: &Sink) -> Result<(), ImportError> {
        let subtype = message.subtype.clone().unwrap_or_default();
        let left_out = |why: &str| format!("messages of Slack’s kind {why}");
        if message.r#type != "message" {
            return sink.leave_out(left_out(if message.r#type.is_empty() { "without a type" } else { &message.r#type }));
        }
        let Some(created_at) = time(&message.ts) else { return sink.leave_out("messages without a time") };
        let event = |kind, body: Option<&String>| Some((kind, body.cloned().unwrap_or_default()));
        let found = match &*subtype {
            "" | "bot_message" | "me_message" | "thread_broadcast" | "file_share" | "file_comment" | "file_mention"
            | "reply_broadcast" | "bot_add" | "bot_remove" | "reminder_add" => None,
            "channel_join" | "group_join" => event(Kind::Joined, None),
            "channel_leave" | "group_leave" => event(Kind::Left, None),
            "channel_topic" | "group_topic" => event(Kind::Topic, message.topic.as_ref()),
            "channel_purpose" | "group_purpose" => event(Kind::Topic, message.purpose.as_ref()),
            "channel_name" | "group_name" => event(Kind::Renamed, message.name.as_ref()),
            "channel_archive" | "group_archive" => Some((Kind::Archived, "archived".into())),
            "channel_unarchive" | "group_unarchive" => Some((Kind::Archived, "restored".into())),
            "channel_convert_to_private" => Some((Kind::Visibility, "private".into())),
            "channel_convert_to_public" => Some((Kind::Visibility, "public".into())),
            "tombstone" => Some((Kind::Text, String::new())),
            other => return sink.leave_out(left_out(other)),
        };
        if message.hidden && subtype != "tombstone" {
            return sink.leave_out("messages that Slack hides");
        }
        let Some(author) = self.author(&message, sink)? else { return sink.leave_out("messages without an author") };
        let key = message.ts.clone();
        let reply_to = message.thread_ts.clone().filter(|first| *first != message.ts);
        if let Some((kind, body)) = found {
            let body = if kind == Kind::Topic { markdown(&body, &self.known) } else { body };
            let deleted_at = (subtype == "tombstone").then_some(created_at);
            let reply_to = reply_to.filter(|_| kind == Kind::Text);
            return sink.message(
                room,
                portable::Message { key, kind, author, body, created_at, deleted_at, reply_to, ..Default::default() },
            );
        }
        let mut body = self.body(&message);
        if subtype == "me_message" && !body.is_empty() {
            body = format!("_{}_", body.trim());
        }
        let pinned = message.pinned_info.as_ref().and_then(|info| {
            let at = info.pinned_ts.map_or(created_at, seconds);
            Some(Pin { by: info.pinned_by.clone()?, at })
        });
        let pin = pinned.or_else(|| pins.get(&*message.ts).cloned());
        let mut reactions = Vec::new();
        for reaction in message.reactions.iter().flatten() {
            match emoji(&reaction.name) {
                Some(sign) => reactions.extend(reaction.users.iter().flatten().map(|user| Reaction {
                    emoji: sign.into(),
                    person: user.clone(),
                    at: Millis(0),
                })),
                None => {
                    sink.give(Part::LeftOut("reactions with a team’s own emoji".into(), reaction.users.len().max(1) as u64))?
                }
            }
        }
        let mut files = Vec::new();
        for file in message.files.into_iter().flatten().chain(message.file) {
            if matches!(file.mode.as_deref(), Some("tombstone" | "hidden_by_limit")) {
                sink.leave_out("files that were deleted in Slack, or that its plan hides")?;
                continue;
            }
            files.push(self.file(file));
        }
        let edited_at = message.edited.as_ref().and_then(|edited| time(&edited.ts));
        sink.message(
            room,
            portable::Message { key, author, body, created_at, edited_at, reply_to, reactions, pin, files, ..Default::default() },
        )
    }

    /// The text of a message: its own, else that of its blocks; and what a bot has attached.
    fn body(&self, message: &Message) -> String {
        let own = message.text.as_deref().filter(|text| !text.trim().is_empty());
        let mut parts = vec![match own {
            Some(text) => markdown(text, &self.known),
            None => {
                let mut text = String::new();
                message.blocks.iter().for_each(|block| block_text(block, &mut text, 0));
                markdown(text.trim(), &self.known)
            }
        }];
        for Attachment { pretext, title, title_link, text, fallback, from_url } in message.attachments.iter().flatten() {
            if from_url.is_some() {
                continue;
            }
            let title = match (title.as_deref().filter(|title| !title.is_empty()), title_link) {
                (Some(title), Some(link)) => Some(format!("<{link}|{title}>")),
                (Some(title), None) => Some(format!("*{title}*")),
                (None, _) => None,
            };
            let lines: Vec<_> =
                [pretext.clone(), title, text.clone()].into_iter().flatten().filter(|line| !line.is_empty()).collect();
            let lines = if lines.is_empty() { fallback.clone().into_iter().collect() } else { lines };
            parts.push(markdown(&lines.join("\n"), &self.known));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    fn file(&self, file: records::File) -> portable::File {
        let name = file.name.or(file.title).unwrap_or_else(|| "file".into());
        // Tools that complete an export put files there.
        let path = format!("__uploads/{}/{name}", file.id);
        let is_here = self.names.contains(&format!("{}{path}", self.below));
        portable::File {
            path: is_here.then_some(path),
            url: if file.is_external { file.url_private } else { file.url_private_download.or(file.url_private) },
            name,
            media_type: file.mimetype.unwrap_or_default(),
            bytes: file.size,
            alt: file.alt_txt.unwrap_or_default(),
            ..Default::default()
        }
    }
}

/// The texts in a block, one after the other.
fn block_text(block: &serde_json::Value, text: &mut String, depth: usize) {
    /// Deeper blocks are none of Slack’s.
    const DEEPEST: usize = 16;
    if depth > DEEPEST {
        return;
    }
    let of = |name: &str| block.get(name).and_then(serde_json::Value::as_str);
    let kind = of("type").unwrap_or_default();
    match kind {
        "user" => text.push_str(&format!("<@{}>", of("user_id").unwrap_or_default())),
        "channel" => text.push_str(&format!("<#{}>", of("channel_id").unwrap_or_default())),
        "broadcast" => text.push_str(&format!("<!{}>", of("range").unwrap_or_default())),
        "emoji" => text.push_str(&format!(":{}:", of("name").unwrap_or_default())),
        "link" => {
            let url = of("url").unwrap_or_default();
            text.push_str(&of("text").map_or_else(|| format!("<{url}>"), |label| format!("<{url}|{label}>")));
        }
        _ => {
            match block.get("text") {
                Some(serde_json::Value::String(own)) => text.push_str(own),
                Some(inner) => block_text(inner, text, depth + 1),
                None => {}
            }
            for list in ["elements", "fields"] {
                for inner in block.get(list).and_then(serde_json::Value::as_array).into_iter().flatten() {
                    block_text(inner, text, depth + 1);
                }
            }
        }
    }
    let is_a_block =
        matches!(kind, "section" | "header" | "context" | "rich_text_section" | "rich_text_preformatted" | "rich_text_quote");
    if is_a_block && !text.ends_with('\n') {
        text.push('\n');
    }
}

fn name_of(channel: &Channel) -> &str {
    channel.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&channel.id)
}

/// The folder of a channel: that of its name, or else of its id.
fn folder<'c>(days: &BTreeMap<String, Vec<String>>, channel: &'c Channel) -> &'c str {
    let name = name_of(channel);
    if days.contains_key(name) { name } else { &channel.id }
}

/// The files of the days in a folder, in order.
fn days_of<'d>(days: &'d BTreeMap<String, Vec<String>>, folder: &str) -> &'d [String] {
    days.get(folder).map(Vec::as_slice).unwrap_or_default()
}

fn room(visibility: Visibility, channel: &Channel) -> Room {
    let topic = if channel.topic.value.trim().is_empty() { &channel.purpose.value } else { &channel.topic.value };
    let is_direct = visibility == Visibility::Direct;
    let created_at = seconds(channel.created);
    let members = channel.members.iter().map(|person| person.clone().unwrap_or_default());
    Room {
        key: channel.id.clone(),
        name: if is_direct { String::new() } else { name_of(channel).to_owned() },
        topic: if is_direct { String::new() } else { markdown(topic, &Known::default()) },
        visibility,
        created_at,
        created_by: channel.creator.clone(),
        // Slack does not say when.
        archived_at: channel.is_archived.then(|| channel.updated.map_or(created_at, |at| Millis(at as i64))),
        // Nobody is no member of a channel. In a conversation it is somebody of whom nothing is known.
        members: members
            .filter(|person| is_direct || !person.is_empty())
            .map(|person| Member { person, ..Member::default() })
            .collect(),
        ..Room::default()
    }
}

fn pin_of(pin: &records::Pin) -> Pin {
    Pin { by: pin.user.clone().unwrap_or_default(), at: seconds(pin.created) }
}

/// A time in seconds, which are not always whole.
fn seconds(seconds: f64) -> Millis {
    Millis((seconds * 1000.0) as i64)
}

/// The time in a message's key: seconds, and a number that makes it unique, in millionths.
fn time(ts: &str) -> Option<Millis> {
    let (whole, part) = ts.split_once('.').unwrap_or((ts, "0"));
    let whole: i64 = whole.parse().ok().filter(|whole| (0..=253_402_300_799).contains(whole))?;
    let thousandths: i64 = format!("{part:0<3}").get(..3)?.parse().ok().filter(|part| (0..1000).contains(part))?;
    Some(Millis(whole * 1000 + thousandths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_time() {
        assert_eq!(time("1700000000.123456"), Some(Millis(1_700_000_000_123)));
        assert_eq!(time("1700000000"), Some(Millis(1_700_000_000_000)));
        assert_eq!(time("1700000000.5"), Some(Millis(1_700_000_000_500)));
        for odd in ["", "x", "1.x", "-5.0", "99999999999999.0", "1.é00"] {
            assert_eq!(time(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_text_of_blocks_is_found() {
        let block = serde_json::json!({ "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": [
            { "type": "text", "text": "hi " }, { "type": "user", "user_id": "U1" }, { "type": "link", "url": "https://a.example", "text": "a" },
        ] }] });
        let mut text = String::new();
        block_text(&block, &mut text, 0);
        assert_eq!(text, "hi <@U1><https://a.example|a>\n");
        let section = serde_json::json!({ "type": "section", "text": { "type": "mrkdwn", "text": "*hello*" } });
        text.clear();
        block_text(&section, &mut text, 0);
        assert_eq!(text, "*hello*\n");
    }
}
