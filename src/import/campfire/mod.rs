//! The storage folder of a Campfire: a SQLite file and the files that people sent.
//!
//! Owns what of Campfire is what here. Its addresses are not confirmed: they say who somebody is, and nothing more.

mod html;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::contents::Contents;
use super::error::ImportError;
use super::identity::Traces;
use super::source::{Opened, Part, Sink};
use crate::clock::Millis;
use crate::db::import::campfire::{Campfire, CampfireFile, CampfireMessage, CampfirePerson};
use crate::portable::{File, Kind, Member, Message, Person, Reaction, Room, Visibility};

const WHAT: &str = "the storage folder of a Campfire";
/// Where the database is in it.
const DATABASE: &str = "db/production.sqlite3";
/// A text that changed so much later than it was written was edited, in milliseconds.
const EDITED: i64 = 2_000;

/// Opens a folder.
///
/// # Errors
/// It is something else, or cannot be read.
pub fn open(folder: &Path, handle: Handle) -> Result<Opened, ImportError> {
    let foreign = |why: String| ImportError::Foreign { what: WHAT, why };
    let file = folder.join(DATABASE);
    if !file.is_file() {
        return Err(foreign(format!("there is no {DATABASE} in {}", folder.display())));
    }
    let opened = handle.block_on(async {
        let Some(mut campfire) = Campfire::open(&file).await? else { return Ok(None) };
        let about = campfire.about().await?;
        Ok::<_, sqlx::Error>(about.map(|about| (campfire, about)))
    });
    let opened = opened.map_err(|error| ImportError::damaged(file.display(), error))?;
    let (campfire, (since, messages)) = opened.ok_or_else(|| foreign("its database has other tables, or no account".into()))?;
    let reader = Reader { campfire, handle, place: file.display().to_string(), usernames: HashMap::new() };
    let contents = Contents::Folder(folder.to_owned());
    let reader = Box::new(move |sink: &Sink| reader.read(messages, sink));
    Ok(Opened { id: format!("campfire:{since}"), traces: Traces::None, contents, reader })
}

struct Reader {
    campfire: Campfire,
    handle: Handle,
    place: String,
    /// By id.
    usernames: HashMap<i64, String>,
}

/// Asks the database.
macro_rules! ask {
    ($reader:expr, $method:ident($($given:expr),*)) => {
        $reader.handle.block_on($reader.campfire.$method($($given),*)).map_err(|error| ImportError::damaged(&$reader.place, error))
    };
}

impl Reader {
    fn read(mut self, messages: i64, sink: &Sink) -> Result<(), ImportError> {
        sink.position.expect(u64::try_from(messages).unwrap_or_default());
        self.people(sink)?;
        let rooms = self.rooms(sink)?;
        for room in rooms {
            self.messages(room, sink)?;
        }
        let lost = u64::try_from(ask!(self, count_lost_messages())?).unwrap_or_default();
        if lost > 0 {
            sink.give(Part::LeftOut("messages of rooms that are not in the source".into(), lost))?;
            sink.position.add(lost);
        }
        Ok(())
    }

    fn people(&mut self, sink: &Sink) -> Result<(), ImportError> {
        let (mut last, mut taken) = (0, HashSet::new());
        loop {
            let page = ask!(self, people_after(last))?;
            let Some(end) = page.last() else { return Ok(()) };
            last = end.id;
            for person in page {
                let username = username(&person.name, &mut taken);
                self.usernames.insert(person.id, username.clone());
                sink.person(of_person(person, username))?;
            }
        }
    }

    fn rooms(&mut self, sink: &Sink) -> Result<Vec<i64>, ImportError> {
        let (mut last, mut rooms) = (0, Vec::new());
        loop {
            let page = ask!(self, rooms_after(last))?;
            let Some(end) = page.last() else { return Ok(rooms) };
            last = end.id;
            for room in page {
                let members = ask!(self, members_of(room.id))?;
                let visibility = match &*room.kind {
                    "Rooms::Open" => Visibility::Public,
                    "Rooms::Direct" => Visibility::Direct,
                    _ => Visibility::Private,
                };
                rooms.push(room.id);
                sink.room(Room {
                    key: room.id.to_string(),
                    name: room.name.filter(|_| visibility != Visibility::Direct).unwrap_or_default(),
                    visibility,
                    created_at: room.created_at,
                    created_by: Some(room.creator.to_string()),
                    members: members
                        .into_iter()
                        .map(|(person, joined_at)| Member { person: person.to_string(), joined_at, ..Member::default() })
                        .collect(),
                    ..Room::default()
                })?;
            }
        }
    }

    fn messages(&mut self, room: i64, sink: &Sink) -> Result<(), ImportError> {
        let key: Arc<str> = room.to_string().into();
        let mut last = 0;
        loop {
            let page = ask!(self, messages_after(room, last))?;
            let Some(end) = page.last() else { return Ok(()) };
            last = end.id;
            let ids: Vec<_> = page.iter().map(|message| message.id).collect();
            let (mut reactions, mut files) = (HashMap::<i64, Vec<Reaction>>::new(), HashMap::<i64, Vec<File>>::new());
            for boost in ask!(self, boosts_of(&ids))? {
                let emoji = boost.content.trim().to_owned();
                if emojis::get(&emoji).is_none() {
                    sink.leave_out("boosts that are not an emoji")?;
                    continue;
                }
                let reaction = Reaction { emoji, person: boost.booster.to_string(), at: boost.created_at };
                reactions.entry(boost.message).or_default().push(reaction);
            }
            for file in ask!(self, files_of(&ids))? {
                files.entry(file.message).or_default().push(of_file(file));
            }
            for message in page {
                let (reactions, files) = (reactions.remove(&message.id), files.remove(&message.id));
                let (reactions, files) = (reactions.unwrap_or_default(), files.unwrap_or_default());
                sink.message(&key, Message { reactions, files, ..self.of_message(message) })?;
                sink.position.add(1);
            }
        }
    }

    fn of_message(&self, message: CampfireMessage) -> Message {
        let mention = |id: i64| self.usernames.get(&id).cloned();
        let changed = message.text_changed_at.zip(message.text_created_at);
        let is_edited = |(changed, written): &(Millis, Millis)| written.0 >= 0 && changed.0 - written.0 > EDITED;
        let edited_at = changed.filter(is_edited).map(|(changed, _)| changed);
        Message {
            key: message.id.to_string(),
            kind: Kind::Text,
            author: message.creator.to_string(),
            body: html::markdown(message.html.as_deref().unwrap_or_default(), &mention),
            created_at: message.created_at,
            edited_at,
            ..Message::default()
        }
    }
}

fn of_person(person: CampfirePerson, username: String) -> Person {
    /// `User::Role`.
    const ADMINISTRATOR: i64 = 1;
    const BOT: i64 = 2;
    Person {
        key: person.id.to_string(),
        username,
        name: person.name,
        email: person.email.filter(|_| person.is_active),
        is_email_unconfirmed: true,
        password_hash: person.password,
        is_admin: person.role == ADMINISTRATOR,
        is_bot: person.role == BOT,
        is_closed: !person.is_active,
        status: person.bio.unwrap_or_default(),
        created_at: person.created_at,
        photo: person.photo.map(|key| File { name: "photo".into(), path: path_of(&key), ..File::default() }),
        ..Person::default()
    }
}

fn of_file(file: CampfireFile) -> File {
    File {
        path: path_of(&file.key),
        name: file.name,
        media_type: file.media_type.unwrap_or_default(),
        bytes: u64::try_from(file.bytes).unwrap_or_default(),
        ..File::default()
    }
}

/// Where the bytes of a blob are.
fn path_of(key: &str) -> Option<String> {
    let is_plain = key.len() >= 4 && key.bytes().all(|b| b.is_ascii_alphanumeric());
    is_plain.then(|| format!("files/{}/{}/{key}", &key[..2], &key[2..4]))
}

/// A username from a name, which nobody else has: Campfire has none.
fn username(name: &str, taken: &mut HashSet<String>) -> String {
    let mut plain = slug::slugify(name);
    plain.truncate(24);
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "someone" } else { plain };
    let numbered = (2u64..).map(|number| format!("{plain}-{number}"));
    let free = std::iter::once(plain.to_owned()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_usernames_that_differ() {
        let mut taken = HashSet::new();
        let names = ["Ada Lovelace", "Ada  Lovelace!", "山田", "", "…"].map(|name| username(name, &mut taken));
        assert_eq!(names[..2], ["ada-lovelace", "ada-lovelace-2"]);
        assert_eq!(names[3..], ["someone", "someone-2"]);
        assert_eq!(taken.len(), 5);
    }

    #[test]
    fn only_plain_keys_are_paths() {
        assert_eq!(path_of("abcd12").as_deref(), Some("files/ab/cd/abcd12"));
        for odd in ["", "abc", "../../etc/passwd", "ab/cd", "éééé"] {
            assert_eq!(path_of(odd), None, "{odd}");
        }
    }
}
