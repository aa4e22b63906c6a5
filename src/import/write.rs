//! The one writer: puts what sources give into the database.
//!
//! Owns what goes into a batch, each of which `batch` writes in one transaction with the note of what is in it, so that nothing is there
//! twice or half. It decides what a message is here: its author, its text and HTML, its files and reactions.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::batch::{Places, Prepared, Written, commit};
use super::contents::Contents;
use super::error::ImportError;
use super::files::{self, Downloads, Outcome};
use super::people::{Mapping, People};
use super::report::Report;
use super::rooms::{Place, Rooms};
use super::text::{pieces, rename};
use super::times;
use crate::accounts::Accounts;
use crate::chat::markdown::{self, Rendered};
use crate::chat::names::Names;
use crate::clock::{Clock, Millis};
use crate::config::Config;
use crate::db::Db;
use crate::db::import::Alone;
use crate::error::Error;
use crate::files::Files;
use crate::files::portraits::Portrait;
use crate::model::{self, Attachment, UserId, validate};
use crate::portable::{File, Kind, Message, Person, Room};

/// Messages in a batch; far below what one transaction of the ledger's takes.
const MESSAGES: usize = 256;
/// Bytes of text after which a batch is written.
const BYTES: usize = 1 << 20;
/// Different emoji on a message, as elsewhere.
const MAX_EMOJI: usize = 50;

/// What writing needs beside the database.
pub struct Live {
    /// Makes accounts.
    pub accounts: Accounts,
    /// Stores files.
    pub files: Arc<Files>,
    /// Fetches them.
    pub downloads: Downloads,
}

/// An import that runs.
pub struct Importer {
    db: Option<Arc<Db>>,
    live: Option<Live>,
    clock: Clock,
    source: String,
    people: People,
    rooms: Rooms,
    /// Made with the first message.
    names: Option<Names>,
    longest: usize,
    largest_file: Option<u64>,
    batch: Vec<(Arc<str>, Message)>,
    bytes: usize,
    /// The messages of a dry run, to find what replies to none of them.
    seen: HashSet<u64>,
    /// What was imported.
    pub report: Report,
    /// Where the bytes of files are.
    pub contents: Option<Contents>,
}

impl Importer {
    /// An import that has not begun. Without `live` nothing is written.
    ///
    /// # Errors
    /// The mapping names somebody who is not here; the database's.
    pub async fn new(
        config: &Config,
        db: Option<Arc<Db>>,
        live: Option<Live>,
        source: String,
        clock: Clock,
        mapping: Mapping,
    ) -> Result<Self, ImportError> {
        let people = People::new(db.as_deref(), &source, mapping).await?;
        let rooms = Rooms::new(db.as_deref(), &source, live.is_none()).await?;
        let report = Report { source: source.clone(), dry_run: live.is_none(), ..Report::default() };
        Ok(Self {
            db,
            live,
            clock,
            source,
            people,
            rooms,
            names: None,
            longest: config.max_message_chars,
            largest_file: config.files_url.as_ref().map(|_| config.max_file_size),
            batch: Vec::new(),
            bytes: 0,
            seen: HashSet::new(),
            report,
            contents: None,
        })
    }

    /// Takes a person.
    ///
    /// # Errors
    /// The database's.
    pub async fn person(&mut self, mut person: Person) -> Result<(), ImportError> {
        let moved = times::of_person(&mut person, self.clock.now());
        self.report.note_many(times::MOVED, moved);
        let photo = person.photo.clone();
        let accounts = self.live.as_ref().map(|live| &live.accounts);
        let new = self.people.take(self.db.as_deref(), accounts, &self.source, person, &mut self.report).await?;
        let Some(new) = new else { return Ok(()) };
        if let Some(names) = &self.names {
            names.meet(&new.username);
        }
        match photo {
            Some(photo) => self.photo(new.id, &photo).await,
            None => Ok(()),
        }
    }

    /// Gives a new account its photo.
    async fn photo(&mut self, user: UserId, photo: &File) -> Result<(), ImportError> {
        let Some(id) = self.portrait(user, Portrait::Photo, photo).await? else { return Ok(()) };
        if let Some(db) = &self.db {
            db.set_photo(user, Some(id)).await?;
        }
        Ok(())
    }

    /// Stores the picture of somebody or of a room, unless there is none.
    async fn portrait(&mut self, owner: UserId, portrait: Portrait, file: &File) -> Result<Option<String>, ImportError> {
        let Some(live) = &mut self.live else { return Ok(None) };
        let Outcome::Here(picture) = files::bring(&live.files, &mut live.downloads, self.contents.as_ref(), file).await? else {
            self.report.leave_out("photos and icons whose pictures are missing");
            return Ok(None);
        };
        match live.files.add_portrait(owner, portrait, picture, None).await {
            Ok(id) => Ok(Some(id)),
            Err(Error::StorageFull) => Err(Error::StorageFull.into()),
            Err(_) => {
                self.report.leave_out("photos and icons that are no pictures");
                Ok(None)
            }
        }
    }

    /// Takes a room.
    ///
    /// # Errors
    /// The database's.
    pub async fn room(&mut self, mut room: Room) -> Result<(), ImportError> {
        let moved = times::of_room(&mut room, self.clock.now());
        self.report.note_many(times::MOVED, moved);
        let icon = room.icon.clone();
        let place =
            Place { db: self.db.as_deref(), is_dry_run: self.live.is_none(), source: &self.source, now: self.clock.now() };
        let new = self.rooms.take(&place, room, &self.people, &mut self.report).await?;
        if let (Some((room, owner)), Some(icon)) = (new, icon)
            && let Some(id) = self.portrait(owner, Portrait::Icon, &icon).await?
            && let Some(db) = &self.db
        {
            db.set_imported_icon(room, id).await?;
        }
        Ok(())
    }

    /// Takes a message. It is written with others.
    ///
    /// # Errors
    /// The database's, and those of the storage.
    pub async fn message(&mut self, room: Arc<str>, mut message: Message) -> Result<(), ImportError> {
        let moved = times::of_message(&mut message, self.clock.now());
        self.report.note_many(times::MOVED, moved);
        let body = rename(&message.body.replace("\r\n", "\n").replace(['\r', '\0'], "\n"), '@', &self.people.renamed);
        let body = rename(&body, '#', &self.rooms.renamed);
        message.body.clear();
        let bodies = pieces(&body, self.longest);
        if bodies.len() > 1 && message.kind == Kind::Text {
            self.report.note("messages that were longer than MAX_MESSAGE_CHARS, and are several now");
            let (key, author, created_at) = (message.key.clone(), message.author.clone(), message.created_at);
            bodies[0].trim_end().clone_into(&mut message.body);
            self.push(room.clone(), message).await?;
            for (number, piece) in (2..).zip(&bodies[1..]) {
                let (author, body) = (author.clone(), piece.trim_end().to_owned());
                let key = format!("{key}+{number}");
                self.push(room.clone(), Message { key, author, body, created_at, ..Message::default() }).await?;
            }
            return Ok(());
        }
        message.body = body;
        self.push(room, message).await
    }

    async fn push(&mut self, room: Arc<str>, message: Message) -> Result<(), ImportError> {
        self.bytes += message.body.len() + message.revisions.iter().map(|revision| revision.body.len()).sum::<usize>();
        self.batch.push((room, message));
        if self.batch.len() >= MESSAGES || self.bytes >= BYTES { self.flush().await } else { Ok(()) }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The database's, and those of the storage.
    pub async fn finish(&mut self) -> Result<(), ImportError> {
        self.flush().await?;
        Ok(())
    }

    /// What was imported.
    pub fn into_report(mut self) -> Report {
        self.people.finish(&mut self.report);
        self.report
    }

    /// Writes the batch.
    async fn flush(&mut self) -> Result<(), ImportError> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let places = self.places(&batch).await?;
        let mut prepared = Vec::with_capacity(batch.len());
        let mut in_batch = BTreeSet::new();
        for (room, message) in batch {
            let key = (room.clone(), message.key.clone());
            if places.contains_key(&key) || !in_batch.insert(key) {
                self.report.messages_already += 1;
            } else if let Some(one) = self.prepare(room, message).await? {
                prepared.push(one);
            }
        }
        if prepared.is_empty() {
            return Ok(());
        }
        let written = match (&self.db, &self.live) {
            (Some(db), Some(_)) => {
                if db.is_alone().await? != Alone::Yes {
                    return Err(ImportError::Running);
                }
                commit(db, &self.source, prepared, places, self.clock.now()).await?
            }
            _ => self.foresee(&prepared, &places),
        };
        self.report.messages += written.messages;
        self.report.reactions += written.reactions;
        self.report.pins += written.pins;
        self.report.files += written.files;
        if written.lost_replies > 0 {
            self.report.leave_out_many("what messages reply to, because it is not there", written.lost_replies);
        }
        if written.lost > 0 {
            self.report.leave_out_many("messages of rooms or people that vanished meanwhile", written.lost);
        }
        Ok(())
    }

    /// What a batch would write.
    fn foresee(&mut self, batch: &[Prepared], places: &Places) -> Written {
        let mut written = Written::default();
        for one in batch {
            written.count(one);
            if let Some(reply) = &one.message.reply_to
                && !self.seen.contains(&digest(&one.room_key, reply))
                && !places.contains_key(&(one.room_key.clone(), reply.clone()))
            {
                written.lost_replies += 1;
            }
            self.seen.insert(digest(&one.room_key, &one.message.key));
        }
        written
    }

    /// Where the messages of a batch, and those that they reply to, are here already.
    async fn places(&self, batch: &[(Arc<str>, Message)]) -> Result<Places, ImportError> {
        let Some(db) = &self.db else { return Ok(Places::new()) };
        let mut keys: Vec<(&str, &str)> = batch.iter().map(|(room, message)| (&**room, &*message.key)).collect();
        keys.extend(batch.iter().filter_map(|(room, message)| Some((&**room, message.reply_to.as_deref()?))));
        keys.sort_unstable();
        keys.dedup();
        let found = db.find_imported_messages(&self.source, &keys).await?;
        Ok(found.into_iter().map(|(room, key, seq)| ((room.into(), key), seq)).collect())
    }

    /// What is to be written of a message; `None` if it is left out.
    async fn prepare(&mut self, room_key: Arc<str>, mut message: Message) -> Result<Option<Prepared>, ImportError> {
        let room = match self.rooms.find(&room_key) {
            Some(Some(room)) => room,
            Some(None) => {
                self.report.leave_out("messages of rooms that are left out");
                return Ok(None);
            }
            None => {
                self.report.leave_out("messages of rooms that are not in the source");
                return Ok(None);
            }
        };
        let Some(author) = self.people.find(&message.author) else {
            self.report.leave_out("messages of people who are not in the source");
            return Ok(None);
        };
        let (author, mut files) = (author.id, Vec::new());
        let kind = self.kind(&mut message);
        if kind == model::Kind::Text && message.deleted_at.is_none() {
            files = self.store_files(&mut message, author).await?;
            if files.is_empty() && !validate::shows_something(&message.body) {
                self.report.leave_out("messages that show nothing");
                return Ok(None);
            }
        }
        if message.deleted_at.is_some() {
            message.body.clear();
            message.revisions.clear();
            message.edited_at = None;
        }
        let is_text = kind == model::Kind::Text && message.deleted_at.is_none();
        let (reactions, pin) = if is_text { (self.reactions(&message), self.pin(&message)) } else { (Vec::new(), None) };
        for revision in &mut message.revisions {
            revision.body = rename(&revision.body.replace('\0', ""), '@', &self.people.renamed);
        }
        let rendered = if is_text { markdown::render(&message.body, self.names()) } else { Rendered::default() };
        Ok(Some(Prepared { room_key, room, author, kind, rendered, files, reactions, pin, message }))
    }

    fn names(&mut self) -> &Names {
        let Self { names, people, rooms, .. } = self;
        names.get_or_insert_with(|| Names::new(people.usernames().cloned(), rooms.public.iter().cloned()))
    }

    /// The kind of a message here, whose text is put into the form that it has here.
    fn kind(&mut self, message: &mut Message) -> model::Kind {
        let line = |text: &str, most: usize| -> String { validate::without_hidden(text).chars().take(most).collect() };
        match message.kind {
            Kind::Text => return model::Kind::Text,
            // Who added or removed them, if that was somebody else.
            Kind::Joined | Kind::Left => {
                let by = self.people.find_named(&message.body).map(|by| by.username.to_string());
                message.body = by.unwrap_or_default();
            }
            Kind::Topic => message.body = line(&message.body, validate::TOPIC),
            Kind::Renamed => message.body = line(&message.body, validate::ROOM_NAME),
            Kind::Visibility if message.body != "public" => "private".clone_into(&mut message.body),
            Kind::Archived if message.body != "restored" => "archived".clone_into(&mut message.body),
            Kind::Visibility | Kind::Archived => {}
            Kind::Role => {
                let (role, by) = message.body.split_once(' ').unwrap_or((&message.body, ""));
                let role = if matches!(role, "owner" | "moderator") { role } else { "member" };
                let by = self.people.find_named(by).map(|by| format!(" {}", by.username));
                message.body = format!("{role}{}", by.unwrap_or_default());
            }
        }
        match message.kind {
            Kind::Text => model::Kind::Text,
            Kind::Joined => model::Kind::Joined,
            Kind::Left => model::Kind::Left,
            Kind::Topic => model::Kind::Topic,
            Kind::Renamed => model::Kind::Renamed,
            Kind::Visibility => model::Kind::Visibility,
            Kind::Role => model::Kind::Role,
            Kind::Archived => model::Kind::Archived,
        }
    }

    /// Stores the files of a message; returns their ids and what they show. What is left out stands in the text.
    async fn store_files(&mut self, message: &mut Message, author: UserId) -> Result<Vec<(String, String)>, ImportError> {
        let mut stored = Vec::new();
        for file in std::mem::take(&mut message.files) {
            let outcome = if stored.len() >= Attachment::MOST {
                Outcome::LeftOut("files beyond those that a message can have")
            } else if let Some(live) = &mut self.live {
                files::store(&live.files, &mut live.downloads, self.contents.as_ref(), &file, author).await?
            } else {
                match files::foresee(self.contents.as_ref(), &file, self.largest_file) {
                    Outcome::Here(()) => Outcome::Here(String::new()),
                    Outcome::LeftOut(why) => Outcome::LeftOut(why),
                }
            };
            match outcome {
                Outcome::Here(id) => {
                    let alt = file.alt.chars().filter(|c| *c != '\0').take(Attachment::LONGEST_ALT).collect();
                    stored.push((id, alt));
                }
                Outcome::LeftOut(why) => {
                    self.report.leave_out(why);
                    if !message.body.is_empty() {
                        message.body.push('\n');
                    }
                    message.body.push_str(&files::instead(&file));
                }
            }
        }
        Ok(stored)
    }

    fn reactions(&mut self, message: &Message) -> Vec<(String, UserId, Millis)> {
        let (mut reactions, mut seen, mut emoji) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for reaction in &message.reactions {
            let Some(person) = self.people.find(&reaction.person) else {
                self.report.leave_out("reactions of people who are not in the source");
                continue;
            };
            let Ok(sign) = validate::emoji(&reaction.emoji) else {
                self.report.leave_out("reactions that are no emoji");
                continue;
            };
            if emoji.len() >= MAX_EMOJI && !emoji.contains(&sign) {
                self.report.leave_out("reactions beyond 50 different ones on a message");
                continue;
            }
            emoji.insert(sign.clone());
            let at = if reaction.at == Millis(0) { message.created_at } else { reaction.at };
            if seen.insert((sign.clone(), person.id)) {
                reactions.push((sign, person.id, at));
            }
        }
        reactions
    }

    fn pin(&self, message: &Message) -> Option<model::Pin> {
        let pin = message.pin.as_ref()?;
        let by = self.people.find(&pin.by).or_else(|| self.people.find(&message.author))?;
        Some(model::Pin { by: by.username.clone(), at: if pin.at == Millis(0) { message.created_at } else { pin.at } })
    }
}

/// What stands for a message in the memory of a dry run.
fn digest(room: &str, key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (room, key).hash(&mut hasher);
    hasher.finish()
}
