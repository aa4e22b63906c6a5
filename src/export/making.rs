//! Makes an export of a database that may be in use.
//!
//! Owns the order: people, rooms, the messages of each room in pages, then files. Memory is bounded: of people, rooms and files only names
//! and hashes are kept. It must not know what the form looks like.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::blobs::{Blobs, Copied};
use super::folder::Folder;
use super::pages::Pages;
use super::parts::{Answered, Entry, People, Place, Who};
use super::records::Records;
use super::{ExportError, Exported, Form, Progress, Watch, What, person};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::export::{MessagePage, MessageRow, Part, PersonRow, Reader, RoomRow};
use crate::db::latest_migration;
use crate::encoding::hex;
use crate::model::{Kind as Stored, RoomId, UserId};
use crate::portable::{
    Ban, Kind, Manifest, Member, Message, Person, Pin, Reaction, Revision, Role, Room, RoomSettings, VERSION, Visibility,
};

/// What files are called that are nobody's message.
const PHOTO: &str = "the photo of";

/// Makes an export of the database of these settings at `to`, unless it is stopped.
///
/// # Errors
/// Then nothing is there; `Interrupted`, if it was stopped. Files that were copied stay beside it, for the next export to this place.
pub async fn export(
    config: &Config,
    what: &What,
    to: &Path,
    form: Form,
    clock: &Clock,
    watch: Watch<'_>,
    stop: &CancellationToken,
) -> Result<Exported, ExportError> {
    let folder = Folder::begin(to)?;
    let filling = fill(config, what, &folder, form, clock, watch);
    let exported = stop.run_until_cancelled(filling).await.unwrap_or(Err(ExportError::Interrupted))?;
    // Waited for to its end: only then it is known whether it is there.
    folder.finish(stop.clone()).await?;
    Ok(exported)
}

/// Where files stay that were copied for an export to this place, which did not come to its end.
#[must_use]
pub fn kept(to: &Path) -> Option<PathBuf> {
    Folder::kept(to)
}

/// Fills a folder with an export.
pub async fn fill(
    config: &Config,
    what: &What,
    folder: &Folder,
    form: Form,
    clock: &Clock,
    watch: Watch<'_>,
) -> Result<Exported, ExportError> {
    let mut reader = Reader::begin(&config.database_url).await?;
    let (found, needed) = (reader.migration(), latest_migration());
    if found != needed {
        return Err(ExportError::Migration { found, needed });
    }
    let (part, scope) = find(&mut reader, what).await?;
    let named = match &config.server_name {
        Some(name) => Some(name.clone()),
        None => reader.server_name().await?,
    };
    let source = source(&mut reader).await?;
    let made_at = clock.now();
    let server = named.as_deref().unwrap_or("Parlor");
    let (has_records, has_pages) = (form != Form::Html, form != Form::Records);
    let records = if has_records { Some(Records::begin(folder).await?) } else { None };
    let pages = if has_pages { Some(Pages::begin(folder, server, made_at).await?) } else { None };
    let blobs = Blobs::of(config)?;
    let mut making =
        Making { reader, part, folder, records, pages, blobs, people: People::default(), rooms: Vec::new(), messages: 0 };
    making.all_people().await?;
    making.all_rooms().await?;
    making.all_messages(watch).await?;
    if let Part::Person(person) = part {
        person::write(&mut making.reader, folder, person).await?;
    }
    // The database may forget what was deleted since.
    making.reader.end().await?;
    let Copied { files, bytes, already } = making.blobs.copy(folder, watch).await?;
    let Making { records, pages, blobs, people, rooms, messages, .. } = making;
    let (people, rooms) = (people.len() as u64, rooms.len() as u64);
    let manifest = Manifest {
        format: "parlor-export".into(),
        version: VERSION,
        program: format!("Parlor {}", env!("CARGO_PKG_VERSION")),
        source,
        made_at,
        scope: scope.into(),
        people,
        rooms,
        messages,
        files,
    };
    if let Some(records) = records {
        records.finish(folder, &manifest).await?;
    }
    if let Some(pages) = pages {
        pages.finish(folder, &manifest).await?;
    }
    let to = folder.target().display().to_string();
    let (file_bytes, files_already) = (bytes, already);
    Ok(Exported { to, scope, people, rooms, messages, files, file_bytes, files_already, left_out: blobs.left_out })
}

/// What an import recognises this server by: a digest of what stays when it is restored from a backup, and the id of its history, which does
/// not.
async fn source(reader: &mut Reader) -> Result<String, ExportError> {
    let epoch = reader.epoch().to_owned();
    let Some(key) = reader.device_key().await? else { return Ok(format!("parlor:{epoch}")) };
    let server = Sha256::new().chain_update("parlor export ").chain_update(key).finalize();
    Ok(format!("parlor:{}.{epoch}", hex(&server[..8])))
}

/// Finds what is asked for.
async fn find(reader: &mut Reader, what: &What) -> Result<(Part, &'static str), ExportError> {
    match what {
        What::All => Ok((Part::All, "all")),
        What::Room(slug) => {
            let room = reader.find_room(slug).await?.ok_or_else(|| ExportError::NoRoom(slug.clone()))?;
            Ok((Part::Room(room), "room"))
        }
        What::Person(name) => {
            let username = name.trim_start_matches('@').to_lowercase();
            let person = reader.find_person(&username).await?.ok_or_else(|| ExportError::NoPerson(name.clone()))?;
            Ok((Part::Person(person), "person"))
        }
    }
}

/// An export on its way.
struct Making<'f> {
    reader: Reader,
    part: Part,
    folder: &'f Folder,
    /// Where it is written.
    records: Option<Records>,
    pages: Option<Pages>,
    blobs: Blobs,
    people: People,
    rooms: Vec<Place>,
    messages: u64,
}

impl Making<'_> {
    /// Whether addresses are told: a room's export is for whoever reads the room.
    fn tells_addresses(&self) -> bool {
        !matches!(self.part, Part::Room(_))
    }

    async fn all_people(&mut self) -> Result<(), ExportError> {
        let mut after = UserId(0);
        loop {
            let rows = self.reader.people(self.part, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
            for row in rows {
                self.person(row).await?;
            }
        }
    }

    async fn person(&mut self, row: PersonRow) -> Result<(), ExportError> {
        let photo = match row.file() {
            Some(file) => Some(self.blobs.add(file, &format!("{PHOTO} {}", row.username)).await?),
            None => None,
        };
        let PersonRow { id, username, name, is_admin, is_guest, is_bot, banned_at, status, time_zone, created_at, email, .. } =
            row;
        let shown = if name.is_empty() { username.clone() } else { name.clone() };
        let number = self.people.len() + 1;
        let who =
            Who { number, username: username.clone(), name: shown, photo: photo.as_ref().and_then(|file| file.path.clone()) };
        let person = Person {
            key: id.to_string(),
            username,
            name,
            email: email.filter(|_| self.tells_addresses()),
            // Only confirmed ones are read.
            is_email_unconfirmed: false,
            password_hash: None,
            is_admin,
            is_guest,
            is_bot,
            is_closed: banned_at.is_some(),
            status,
            time_zone,
            created_at,
            photo,
        };
        if let Some(records) = &mut self.records {
            records.person(&person).await?;
        }
        if let Some(pages) = &mut self.pages {
            pages.person(self.folder, &who, &person).await?;
        }
        self.people.add(id, who);
        Ok(())
    }

    async fn all_rooms(&mut self) -> Result<(), ExportError> {
        let mut after = RoomId(0);
        loop {
            let rows = self.reader.rooms(self.part, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
            for row in rows {
                self.room(row).await?;
            }
        }
    }

    async fn room(&mut self, row: RoomRow) -> Result<(), ExportError> {
        let members = self.reader.members(self.part, row.id).await?;
        let members: Vec<_> = members
            .into_iter()
            .map(|member| Member { person: member.user_id.to_string(), role: role(&member.role), joined_at: member.joined_at })
            .collect();
        let bans = self.reader.bans(self.part, row.id).await?;
        let bans = bans.into_iter().map(|(person, at)| Ban { person: person.to_string(), at }).collect();
        let settings = RoomSettings {
            posting: role(&row.posting),
            mass_mentions: role(&row.mass_mentions),
            slow_mode: row.slow_mode,
            link_previews: row.link_previews,
            keep_messages: row.keep_messages,
            keep_files: row.keep_files,
        };
        let icon = match row.file() {
            Some(file) => Some(self.blobs.add(file, &format!("the icon of {}", row.slug)).await?),
            None => None,
        };
        let visibility = match (&row.direct_key, &*row.visibility) {
            (Some(_), _) => Visibility::Direct,
            (None, "public") => Visibility::Public,
            (None, _) => Visibility::Private,
        };
        let shown = match &row.direct_key {
            Some(ids) => self.companions(ids),
            None => row.name.clone(),
        };
        let others = match (&row.direct_key, self.part) {
            (Some(ids), Part::Person(_)) => Some(ids.split(',').count() - 1),
            _ => None,
        };
        let RoomRow { id, slug, mut name, topic, created_at, created_by, archived_at, .. } = row;
        if visibility == Visibility::Direct {
            name.clear();
        }
        let number = self.rooms.len() + 1;
        let place = Place {
            number,
            id,
            slug,
            name: shown,
            topic: topic.clone(),
            visibility,
            is_archived: archived_at.is_some(),
            members: members.len(),
        };
        let created_by = created_by.filter(|person| self.people.get(*person).is_some()).map(|person| person.to_string());
        let key = id.to_string();
        let record =
            Room { key, name, topic, visibility, created_at, created_by, archived_at, members, others, bans, settings, icon };
        if let Some(records) = &mut self.records {
            records.room(&record).await?;
        }
        if let Some(pages) = &mut self.pages {
            pages.room(&place);
        }
        self.rooms.push(place);
        Ok(())
    }

    /// What a conversation is called: the names of its people, as far as they are told here.
    fn companions(&self, ids: &str) -> String {
        let ids = ids.split(',').filter_map(|id| id.parse().ok()).map(UserId);
        let names: Vec<_> = ids.filter_map(|id| self.people.get(id)).map(|who| &*who.name).collect();
        names.join(", ")
    }

    async fn all_messages(&mut self, watch: Watch<'_>) -> Result<(), ExportError> {
        let total = self.reader.count(self.part).await?;
        for room in self.rooms.clone() {
            if let Some(records) = &mut self.records {
                records.begin_room(self.folder, &room).await?;
            }
            if let Some(pages) = &mut self.pages {
                pages.begin_room(self.folder, &room).await?;
            }
            let mut after = 0;
            loop {
                let page = self.reader.messages(self.part, room.id, after).await?;
                let Some(last) = page.messages.last() else { break };
                after = last.seq;
                self.page(page, &room).await?;
                watch(Progress { what: "messages", done: self.messages, total, is_bytes: false });
            }
            if let Some(records) = &mut self.records {
                records.end_room().await?;
            }
            if let Some(pages) = &mut self.pages {
                pages.end_room(self.folder, &room).await?;
            }
        }
        Ok(())
    }

    async fn page(&mut self, page: MessagePage, room: &Place) -> Result<(), ExportError> {
        let MessagePage { messages, reactions, revisions, files } = page;
        // All are in the order of the messages.
        let (mut reactions, mut revisions) = (reactions.into_iter().peekable(), revisions.into_iter().peekable());
        let mut files = files.into_iter().peekable();
        for row in messages {
            let seq = row.seq;
            let mut entry = self.entry(row);
            while let Some(reaction) = reactions.next_if(|reaction| reaction.seq == seq) {
                let person = reaction.user_id.to_string();
                entry.message.reactions.push(Reaction { emoji: reaction.emoji, person, at: reaction.created_at });
            }
            while let Some(revision) = revisions.next_if(|revision| revision.seq == seq) {
                entry.message.revisions.push(Revision { body: revision.body, written_at: revision.written_at });
            }
            while let Some(attachment) = files.next_if(|attachment| attachment.seq == seq) {
                let file = self.blobs.add(attachment.file, &format!("{}/{seq}", room.slug)).await?;
                entry.message.files.push(file);
            }
            if let Some(records) = &mut self.records {
                records.message(&entry).await?;
            }
            if let Some(pages) = &mut self.pages {
                pages.message(self.folder, &entry, &self.people).await?;
            }
            self.messages += 1;
        }
        Ok(())
    }

    fn entry(&self, row: MessageRow) -> Entry {
        let only = match self.part {
            Part::Person(person) => Some(person),
            Part::All | Part::Room(_) => None,
        };
        let links = row.links();
        let MessageRow { seq, kind, author_id, body, html, created_at, edited_at, deleted_at, reply_to, .. } = row;
        let answered = reply_to.map(|seq| Answered {
            seq,
            name: row.answered_name.unwrap_or_default(),
            line: row.answered_line.unwrap_or_default(),
            is_deleted: row.answered_is_deleted,
            is_here: only.is_none() || only == row.answered_by,
        });
        // In a person's own export, what others did to their messages is not theirs.
        let pinned_by = row.pinned_by.filter(|person| only.is_none_or(|only| only == *person));
        let pin = row.pinned_at.zip(pinned_by).map(|(at, by)| Pin { by: by.to_string(), at });
        let message = Message {
            key: seq.to_string(),
            kind: of_kind(kind),
            author: author_id.to_string(),
            body,
            created_at,
            edited_at,
            deleted_at,
            reply_to: reply_to.map(|seq| seq.to_string()),
            reactions: Vec::new(),
            pin,
            files: Vec::new(),
            revisions: Vec::new(),
        };
        Entry { seq, author: author_id, message, html, answered, links }
    }
}

fn role(role: &str) -> Role {
    match role {
        "owner" => Role::Owner,
        "moderator" => Role::Moderator,
        _ => Role::Member,
    }
}

const fn of_kind(kind: Stored) -> Kind {
    match kind {
        Stored::Text => Kind::Text,
        Stored::Joined => Kind::Joined,
        Stored::Left => Kind::Left,
        Stored::Topic => Kind::Topic,
        Stored::Renamed => Kind::Renamed,
        Stored::Visibility => Kind::Visibility,
        Stored::Role => Kind::Role,
        Stored::Archived => Kind::Archived,
    }
}
