//! A batch of messages: one transaction of the ledger's.
//!
//! Owns how prepared messages are added to the ends of their rooms, together with the notes of what was imported. What a message is here
//! is decided in `write`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::error::ImportError;
use crate::chat::markdown::Rendered;
use crate::clock::Millis;
use crate::db::Db;
use crate::db::ledger::{ImportedMessage, MentionTargets, Revision, Snapshot, SnapshotKeys, Writes};
use crate::model::{self, RoomId, Task, UserId};
use crate::portable::Message;

/// Names in a message, as elsewhere.
const MAX_MENTIONS: usize = 50;

/// A message that is to be written.
pub struct Prepared {
    /// The key of its room in the source.
    pub room_key: Arc<str>,
    /// Its room.
    pub room: RoomId,
    /// Its author.
    pub author: UserId,
    /// What it is.
    pub kind: model::Kind,
    /// Its text as HTML, and who is named in it.
    pub rendered: Rendered,
    /// The ids of its files, and what they show.
    pub files: Vec<(String, String)>,
    /// Emoji, by whom, and since when.
    pub reactions: Vec<(String, UserId, Millis)>,
    /// Who pinned it.
    pub pin: Option<model::Pin>,
    /// What the source says of it.
    pub message: Message,
}

/// What one batch wrote.
#[derive(Default)]
pub struct Written {
    /// Messages.
    pub messages: u64,
    /// Reactions to them.
    pub reactions: u64,
    /// Pins of them.
    pub pins: u64,
    /// Files of theirs.
    pub files: u64,
    /// Replies to what is not there.
    pub lost_replies: u64,
    /// Messages whose room or author vanished meanwhile.
    pub lost: u64,
}

/// The places of messages that are here: by the keys of their room and their own.
pub type Places = HashMap<(Arc<str>, String), i64>;

impl Written {
    /// Counts a message.
    pub fn count(&mut self, one: &Prepared) {
        self.messages += 1;
        self.reactions += one.reactions.len() as u64;
        self.pins += u64::from(one.pin.is_some());
        self.files += one.files.len() as u64;
    }
}

/// Writes a batch in one transaction.
///
/// # Errors
/// The database's.
pub async fn commit(db: &Db, source: &str, batch: Vec<Prepared>, places: Places, now: Millis) -> Result<Written, ImportError> {
    let mut keys = SnapshotKeys::default();
    for one in &batch {
        keys.pairs.insert((one.room, one.author));
        keys.files.extend(one.files.iter().map(|(id, _)| id.clone()));
    }
    let decide = |known| decide(source, batch, places, known, now);
    let written = db.commit_batch(&keys, decide).await;
    written.map_err(|error| {
        db.note_failure(&error);
        error.into()
    })
}

/// Adds the messages to the ends of their rooms.
fn decide(
    source: &str,
    batch: Vec<Prepared>,
    mut places: Places,
    mut known: Snapshot,
    now: Millis,
) -> (Written, Snapshot, Writes) {
    let (mut written, mut writes) = (Written::default(), Writes::default());
    let mut before = BTreeMap::new();
    for one in batch {
        let author = known.people.get(&one.author).map(|person| person.author.clone());
        let (Some(state), Some(author)) = (known.rooms.get_mut(&one.room), author) else {
            written.lost += 1;
            continue;
        };
        written.count(&one);
        let Prepared { room_key, room, kind, rendered, files, reactions, pin, message: given, .. } = one;
        before.entry(room).or_insert(state.head.seq);
        state.head.seq += 1;
        state.head.rev += 1;
        let seq = state.head.seq;
        if kind == model::Kind::Text {
            state.talk_seq = seq;
        }
        for revision in given.revisions {
            state.head.rev += 1;
            let words = Revision { body: revision.body, written_at: revision.written_at };
            writes.keep_revision((room, seq), state.head.rev, words);
        }
        let slug = state.room.slug.clone();
        let mut message = model::Message::new(slug, seq, state.head.rev, kind, author, given.body, given.created_at);
        message.html = rendered.html;
        message.edited_at = given.edited_at;
        message.deleted_at = given.deleted_at;
        message.pinned = pin;
        if let Some(reply) = given.reply_to.filter(|_| kind == model::Kind::Text) {
            match places.get(&(room_key.clone(), reply)) {
                Some(first) if *first < seq => {
                    message.reply_to = Some(*first);
                    writes.set_reply((room, seq), *first);
                }
                _ => written.lost_replies += 1,
            }
        }
        for (emoji, user, at) in reactions {
            writes.set_reaction((room, seq, user, emoji), Some(at));
        }
        message.mentions = rendered.mentions.into_iter().take(MAX_MENTIONS).collect();
        if !message.mentions.is_empty() {
            let targets = MentionTargets {
                author: message.author.id,
                names: message.mentions.iter().filter(|name| !name.starts_with('@')).cloned().collect(),
                is_for_all: message.mentions.iter().any(|name| name == "@room"),
                online: Vec::new(),
            };
            writes.set_mentions((room, seq), targets);
        }
        for (place, (id, alt)) in (0..).zip(files) {
            let Some(file) = known.files.get(&id) else { continue };
            if file.is_preview_open {
                writes.tasks.push((Task::Preview { file: id.clone() }, now));
            }
            message.attachments.push(file.attachment(alt));
            writes.taken.insert(id, (room, seq, place));
        }
        writes.imported.push(ImportedMessage {
            source: source.to_owned(),
            room_key: room_key.to_string(),
            key: given.key.clone(),
            room,
            seq,
        });
        places.insert((room_key, given.key), seq);
        writes.set_message((room, seq), true);
        writes.rooms.insert(room);
        known.messages.insert((room, seq), Arc::new(message));
    }
    let ends = before.into_iter().filter_map(|(room, before)| Some((room, (before, known.rooms.get(&room)?.head.seq))));
    writes.kept_read.extend(ends);
    (written, known, writes)
}
