//! The ledger's transaction: load a snapshot, let the rules decide, write the result, commit.
//!
//! Owns the statements of the one write path. Each handles the whole batch with rows from one JSON array, so that the number of
//! statements does not depend on the number of changes. It must not decide anything.

mod imported;
mod index;
mod load;
mod purge;
mod script;
mod statements;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use sqlx::{Connection, FromRow, PgConnection, SqliteConnection};

pub use self::imported::ImportedMessage;
pub use self::script::LARGEST_BATCH;
use self::statements::Batched;
pub(super) use self::statements::LOCK_HOLDS;
use super::Db;
use crate::clock::Millis;
use crate::encoding::path_segment;
use crate::model::{Attachment, Author, Head, Kind, Membership, Message, Occurrence, Room, RoomId, Task, UserId};
use crate::security_log::Event;

/// A user as the rules see them.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user as messages name them.
    pub author: Author,
    /// Whether they are an administrator.
    pub is_admin: bool,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// Whether they are banned.
    pub is_banned: bool,
}

/// A room as the rules see it.
#[derive(Clone, Debug)]
pub struct RoomState {
    /// The room.
    pub room: Room,
    /// The last `seq` and `rev`.
    pub head: Head,
    /// The `seq` of the last text message.
    pub talk_seq: i64,
    /// The user who created it.
    pub created_by: Option<UserId>,
    /// When it was archived.
    pub archived_at: Option<Millis>,
    /// Whether a change of this batch has deleted it.
    pub is_deleted: bool,
}

/// Keys of the rows that a batch needs.
#[derive(Debug, Default)]
pub struct SnapshotKeys {
    /// Rooms with the users who act in them or are acted upon.
    pub pairs: BTreeSet<(RoomId, UserId)>,
    /// Nonces that may be retries.
    pub nonces: BTreeSet<(UserId, String)>,
    /// Messages to change.
    pub messages: BTreeSet<(RoomId, i64)>,
    /// Users who give a room a name.
    pub names: BTreeSet<UserId>,
    /// Memberships that may end or lose their role.
    pub departures: BTreeSet<(RoomId, UserId)>,
    /// New slugs.
    pub slugs: BTreeSet<(RoomId, String)>,
    /// Uploads that messages are to take.
    pub files: BTreeSet<String>,
    /// Whether something may be deleted or replaced that is under a hold.
    pub asks_holds: bool,
}

/// The rows that a batch needs, read inside its transaction.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The rooms.
    pub rooms: BTreeMap<RoomId, RoomState>,
    /// The users.
    pub people: BTreeMap<UserId, Person>,
    /// Their memberships in these rooms.
    pub members: BTreeMap<(RoomId, UserId), Membership>,
    /// Those who cannot write in a conversation of two, because one has blocked the other.
    pub blocked: BTreeSet<(RoomId, UserId)>,
    /// When they posted last, in rooms with slow mode.
    pub posted: BTreeMap<(RoomId, UserId), Millis>,
    /// The message that was posted with each known nonce.
    pub nonces: BTreeMap<(UserId, String), (RoomId, i64)>,
    /// The messages.
    pub messages: BTreeMap<(RoomId, i64), Arc<Message>>,
    /// The names of the rooms that each user who gives one can see. No other transaction gives a room a name until the commit.
    pub names: BTreeMap<UserId, Vec<RoomName>>,
    /// Which of these users are banned from which room.
    pub bans: BTreeSet<(RoomId, UserId)>,
    /// Of rooms whose owner may leave: who can own it then, the likeliest first. All other owners are among them, or more than can leave in
    /// one batch.
    pub successors: BTreeMap<RoomId, Vec<UserId>>,
    /// The new slugs that another room has or had.
    pub taken_slugs: BTreeSet<String>,
    /// The uploads.
    pub files: BTreeMap<String, File>,
    /// What must not be deleted, if it was asked for. No other transaction adds a hold until the commit.
    pub holds: Holds,
    /// The webhooks that are to be told something.
    pub subscriptions: Vec<Subscription>,
    /// Whether any browser wants notifications.
    pub has_push: bool,
    /// Whether anybody is mailed about what they missed.
    pub has_mails: bool,
}

/// What a webhook is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The webhook.
    pub id: i64,
    /// Of what; empty: of everything.
    pub events: Vec<Occurrence>,
    /// In which rooms; empty: in all public ones.
    pub rooms: Vec<RoomId>,
}

/// What a webhook is told.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The webhook.
    pub webhook: i64,
    /// What happened.
    pub event: Occurrence,
    /// In which room.
    pub room: RoomId,
    /// To which message, by which change of the room.
    pub message: Option<(i64, i64)>,
    /// What the message does not say: a JSON object.
    pub payload: Option<Arc<str>>,
    /// When.
    pub at: Millis,
}

/// What must not be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Whether it is everything.
    pub is_everything: bool,
    /// Everything in these rooms.
    pub rooms: BTreeSet<RoomId>,
    /// Everything by these people.
    pub people: BTreeSet<UserId>,
}

impl Holds {
    /// Whether a message of this person in this room must be kept.
    pub fn cover(&self, room: RoomId, person: UserId) -> bool {
        self.covers_room(room) || self.people.contains(&person)
    }

    /// Whether the room as a whole must be kept.
    pub fn covers_room(&self, room: RoomId) -> bool {
        self.is_everything || self.rooms.contains(&room)
    }
}

/// A text that stays for administrators, because a hold covered its message when it was deleted.
#[derive(Clone, Debug)]
pub struct HeldText {
    /// The message's author.
    pub author: UserId,
    /// Its kind.
    pub kind: Kind,
    /// The text.
    pub body: String,
    /// Its files, as JSON.
    pub attachments: Option<String>,
    /// When it was posted.
    pub created_at: Millis,
    /// When this text was written.
    pub written_at: Millis,
    /// The deletion.
    pub rev: i64,
    /// When it was deleted.
    pub held_at: Millis,
}

/// An upload as the rules see it.
#[derive(Clone, Debug, FromRow)]
pub struct File {
    /// Its id.
    pub id: String,
    /// Who made it.
    pub owner_id: UserId,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: i64,
    /// Whether it is complete and stored.
    pub is_stored: bool,
    /// What a picture shows.
    pub alt: String,
    /// The width of a picture.
    pub width: Option<i64>,
    /// The height of a picture.
    pub height: Option<i64>,
    /// A tiny picture of it.
    pub blur: Option<String>,
    /// The first lines of a text.
    pub excerpt: Option<String>,
    /// Whether there is a preview, or will be.
    pub has_preview: bool,
    /// Whether it is not known yet that there will be one.
    pub is_preview_open: bool,
    /// When it is deleted if no message takes it.
    pub expires_at: Option<Millis>,
    /// The room of the message that took it.
    pub room_id: Option<RoomId>,
}

impl File {
    /// The file as a message shows it, with this text for those who do not see it.
    #[must_use]
    pub fn attachment(&self, alt: String) -> Attachment {
        let id = &self.id;
        Attachment {
            id: id.clone(),
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            bytes: self.bytes,
            alt,
            width: self.width,
            height: self.height,
            blur: self.blur.clone(),
            excerpt: self.excerpt.clone(),
            url: format!("/files/{id}/{}", path_segment(&self.name)),
            preview: self.has_preview.then(|| format!("/files/{id}/preview")),
            has_expired: false,
        }
    }
}

/// The name of a room.
#[derive(Clone, Debug)]
pub struct RoomName {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: String,
}

/// What a batch changed in its [`Snapshot`].
#[derive(Debug, Default)]
pub struct Writes {
    /// Changed messages, and whether each is new.
    messages: BTreeMap<(RoomId, i64), bool>,
    /// Rooms whose head changed.
    pub rooms: BTreeSet<RoomId>,
    /// Rooms whose settings changed.
    pub settings: BTreeSet<RoomId>,
    /// The slugs that rooms had before, and when that ended.
    pub slugs: BTreeMap<(RoomId, String), Millis>,
    /// Bans from rooms, each with who decided it and when, or lifted (`None`).
    pub bans: BTreeMap<(RoomId, UserId), Option<(UserId, Millis)>>,
    /// Deleted rooms.
    pub deleted: BTreeMap<RoomId, Millis>,
    /// Memberships added (`Some`) or removed (`None`).
    members: BTreeMap<(RoomId, UserId), Option<Membership>>,
    /// Read markers that moved.
    reads: BTreeMap<(RoomId, UserId), i64>,
    /// Reactions added (`Some`) or removed (`None`).
    reactions: BTreeMap<(RoomId, i64, UserId, String), Option<Millis>>,
    /// Texts that edits replaced.
    revisions: BTreeMap<(RoomId, i64, i64), Revision>,
    /// New mention targets of messages.
    addressed: BTreeMap<(RoomId, i64), MentionTargets>,
    /// Replies, each with the nearest ancestor that is not a reply of this batch.
    threads: BTreeMap<(RoomId, i64), i64>,
    /// Deleted messages, whose reactions, revisions and mentions are deleted as well.
    forgotten: BTreeSet<(RoomId, i64)>,
    /// Those among them that a hold covers: their texts and files stay for administrators.
    held: BTreeMap<(RoomId, i64), HeldText>,
    /// Messages whose earlier texts are all kept, because a hold covers them.
    untrimmed: BTreeSet<(RoomId, i64)>,
    /// Messages whose files are deleted, and the text is not.
    stripped: BTreeSet<(RoomId, i64)>,
    /// Messages whose texts are taken out of reports.
    unreported: BTreeSet<(RoomId, i64)>,
    /// When members posted in rooms with slow mode.
    pub posted: BTreeMap<(RoomId, UserId), Millis>,
    /// What the audit log records of it.
    pub audit: Vec<Event>,
    /// Files that a message has taken, each with its place among the message's.
    pub taken: BTreeMap<String, (RoomId, i64, i64)>,
    /// Messages that lost their link previews.
    unlinked: BTreeSet<(RoomId, i64)>,
    /// The files of the new icons of rooms; `None` for none.
    pub icons: BTreeMap<RoomId, Option<Arc<str>>>,
    /// Jobs.
    pub tasks: Vec<(Task, Millis)>,
    /// What webhooks are told, in this order.
    pub tellings: Vec<Telling>,
    /// When the batch is made.
    pub at: Millis,
    /// Where the messages of an import have come from.
    pub imported: Vec<ImportedMessage>,
    /// How far rooms went before an import and how far they go now: who had read everything has read everything.
    pub kept_read: BTreeMap<RoomId, (i64, i64)>,
}

/// The text of a message before an edit.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The text.
    pub body: String,
    /// When it was written.
    pub written_at: Millis,
}

/// Whom a message mentions.
#[derive(Clone, Debug)]
pub struct MentionTargets {
    /// The author, who cannot mention themselves.
    pub author: UserId,
    /// Usernames.
    pub names: Vec<String>,
    /// Whether all members are mentioned.
    pub is_for_all: bool,
    /// Connected users, for `@here`; only members among them are mentioned.
    pub online: Vec<UserId>,
}

impl Writes {
    /// Nothing yet, of a batch that is made at this moment.
    pub fn at(at: Millis) -> Self {
        Self { at, ..Self::default() }
    }

    /// Records a new or changed message.
    pub fn set_message(&mut self, key: (RoomId, i64), is_new: bool) {
        // A message created in this batch stays new however often it changes.
        self.messages.entry(key).or_insert(is_new);
    }

    /// Records that a message is a reply, which puts it into the thread of the message that it answers.
    pub fn set_reply(&mut self, (room, seq): (RoomId, i64), reply_to: i64) {
        let known = self.threads.get(&(room, reply_to)).copied().unwrap_or(reply_to);
        self.threads.insert((room, seq), known);
    }

    /// Records a membership that was added or removed.
    pub fn set_membership(&mut self, key: (RoomId, UserId), membership: Option<Membership>) {
        self.reads.remove(&key);
        self.members.insert(key, membership);
    }

    /// Records a moved read marker.
    pub fn set_read(&mut self, key: (RoomId, UserId), seq: i64) {
        self.reads.insert(key, seq);
    }

    /// Records a reaction that was added or removed.
    pub fn set_reaction(&mut self, key: (RoomId, i64, UserId, String), at: Option<Millis>) {
        self.reactions.insert(key, at);
    }

    /// Records the text that an edit at `rev` replaced.
    pub fn keep_revision(&mut self, (room, seq): (RoomId, i64), rev: i64, words: Revision) {
        self.revisions.insert((room, seq, rev), words);
    }

    /// Records the new mention targets of a message.
    pub fn set_mentions(&mut self, key: (RoomId, i64), addressed: MentionTargets) {
        self.addressed.insert(key, addressed);
    }

    /// Records a deletion, including everything attached to the message.
    pub fn forget(&mut self, message: (RoomId, i64)) {
        self.reactions.retain(|key, _| (key.0, key.1) != message);
        self.revisions.retain(|key, _| (key.0, key.1) != message);
        self.addressed.remove(&message);
        self.forgotten.insert(message);
    }

    /// Records that the text and the files of a deleted message stay for administrators.
    pub fn hold(&mut self, message: (RoomId, i64), text: HeldText) {
        self.held.insert(message, text);
    }

    /// Records that all earlier texts of a message are kept.
    pub fn keep_all_revisions(&mut self, message: (RoomId, i64)) {
        self.untrimmed.insert(message);
    }

    /// Records that a message lost its files.
    pub fn strip(&mut self, message: (RoomId, i64)) {
        self.stripped.insert(message);
    }

    /// Records that no report has the text of a message any more.
    pub fn unreport(&mut self, message: (RoomId, i64)) {
        self.unreported.insert(message);
    }

    /// Whether it adds jobs, or deletes what triggers add jobs for.
    pub fn adds_jobs(&self) -> bool {
        !(self.tasks.is_empty()
            && self.forgotten.is_empty()
            && self.unlinked.is_empty()
            && self.stripped.is_empty()
            && self.icons.is_empty()
            && self.deleted.is_empty())
    }

    /// Whether it may add something to the outbox.
    pub fn fills_outbox(&self, known: &Snapshot) -> bool {
        !self.tellings.is_empty() || known.has_push && !(self.messages.is_empty() && self.reads.is_empty())
    }

    /// Records that a message lost its link previews.
    pub fn unlink(&mut self, message: (RoomId, i64)) {
        self.unlinked.insert(message);
    }

    /// The size of new text messages.
    fn new_text(&self, known: &Snapshot) -> u64 {
        let new = self.messages.iter().filter(|(_, is_new)| **is_new).map(|(key, _)| &known.messages[key]);
        new.filter(|message| message.kind == Kind::Text).map(|message| message.body.len() as u64).sum()
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.rooms.is_empty()
            && self.settings.is_empty()
            && self.bans.is_empty()
            && self.deleted.is_empty()
            && self.members.is_empty()
            && self.reads.is_empty()
            && self.reactions.is_empty()
    }
}

/// A connection to either database, in a transaction; every step runs the same statements on both.
enum Step<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Step<'_> {
    async fn rows<R>(&mut self, statement: &Batched, given: &[impl Serialize]) -> sqlx::Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let given = as_json(given);
        match self {
            Step::Sqlite(db) => sqlx::query_as(statement.sqlite).bind(given).fetch_all(&mut **db).await,
            Step::Postgres(db) => sqlx::query_as(statement.postgres).bind(given).fetch_all(&mut **db).await,
        }
    }

    async fn run(&mut self, statement: &Batched, given: &[impl Serialize]) -> sqlx::Result<()> {
        match self {
            Step::Sqlite(_) if given.is_empty() => Ok(()),
            Step::Sqlite(db) => sqlx::query(statement.sqlite).bind(as_json(given)).execute(&mut **db).await.map(drop),
            Step::Postgres(db) => run_on_postgres(db, statement.postgres, given).await,
        }
    }
}

async fn run_on_postgres(db: &mut PgConnection, statement: &'static str, given: &[impl Serialize]) -> sqlx::Result<()> {
    if given.is_empty() {
        return Ok(());
    }
    sqlx::query(statement).bind(as_json(given)).execute(db).await.map(drop)
}

/// Serializes rows, each a tuple in the order of the statement's columns.
fn as_json(rows: &[impl Serialize]) -> String {
    serde_json::to_string(rows).expect("tuples of numbers and texts always have a JSON form")
}

impl Db {
    /// Runs one batch in one transaction: loads the rows of `keys`, lets `decide` return the writes, executes them and commits.
    ///
    /// # Errors
    /// Nothing of the batch is stored, unless the connection was lost during the commit: then the outcome is unknown until a
    /// retry with the same nonce.
    ///
    /// Call it only from a task that is never cancelled: a transaction dropped half-way can swallow a later write.
    pub async fn commit_batch<R>(
        &self,
        keys: &SnapshotKeys,
        decide: impl FnOnce(Snapshot) -> (R, Snapshot, Writes),
    ) -> sqlx::Result<R> {
        macro_rules! commit {
            ($db:expr, $begin:ident($($how:literal)?), $step:path, $note:expr, $deleted:expr) => {{
                let mut guard = $db.write.acquire().await?;
                let mut tx = guard.$begin($($how)?).await?;
                let snapshot = $step(&mut tx).load(keys).await?;
                let (result, known, writes) = decide(snapshot);
                if !writes.is_empty() {
                    $step(&mut tx).write(&known, &writes, self.search_version()).await?;
                    $note(writes.new_text(&known));
                    let began = Instant::now();
                    tx.commit().await?;
                    $db.syncs.add(began.elapsed());
                    if !writes.forgotten.is_empty() {
                        $deleted();
                    }
                } else {
                    tx.rollback().await?;
                }
                guard.release();
                Ok(result)
            }};
        }
        match self {
            Self::Sqlite(sqlite) => {
                commit!(sqlite, begin_with("begin immediate"), Step::Sqlite, |bytes| sqlite.follower.note(bytes), || sqlite
                    .checkpoints
                    .note_deletion())
            }
            Self::Postgres(postgres) => commit!(postgres, begin(), Step::Postgres, |_bytes| {}, || {}),
        }
    }
}
