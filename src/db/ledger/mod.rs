//! The ledger's transaction: load what a batch of changes needs, let it be decided, write what came of it, commit.
//!
//! Owns the statements of the one write path. Each handles the whole batch: the rows go in as one JSON array, so that a
//! batch costs the same few statements however many changes it holds. It must not decide anything.

mod index;
mod load;
mod script;
mod statements;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use sqlx::{Connection, FromRow, PgConnection, SqliteConnection};

pub use self::script::LARGEST_BATCH;
use self::statements::Batched;
use super::Db;
use crate::clock::Millis;
use crate::model::{Author, Head, Kind, Membership, Message, Room, RoomId, UserId};

/// A person as the rules see them.
#[derive(Clone, Debug)]
pub struct Person {
    /// How messages name them.
    pub author: Author,
    /// Whether they look after the whole server.
    pub is_admin: bool,
    /// Whether they have lost their access.
    pub is_banned: bool,
}

/// A room as the rules see it.
#[derive(Clone, Debug)]
pub struct RoomState {
    /// What readers see.
    pub room: Room,
    /// How far its log has come.
    pub head: Head,
    /// The place of the last message of somebody's own words.
    pub talk_seq: i64,
    /// Who made it.
    pub created_by: Option<UserId>,
}

/// Which rows a batch needs.
#[derive(Debug, Default)]
pub struct SnapshotKeys {
    /// Rooms with the people who act in them, or are acted upon.
    pub pairs: BTreeSet<(RoomId, UserId)>,
    /// Nonces that may be retries.
    pub nonces: BTreeSet<(UserId, String)>,
    /// Messages that are to change.
    pub messages: BTreeSet<(RoomId, i64)>,
}

/// The rows that a batch needed, inside its transaction.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The rooms.
    pub rooms: BTreeMap<RoomId, RoomState>,
    /// The people.
    pub people: BTreeMap<UserId, Person>,
    /// The memberships among them.
    pub members: BTreeMap<(RoomId, UserId), Membership>,
    /// Where each known nonce was used.
    pub nonces: BTreeMap<(UserId, String), (RoomId, i64)>,
    /// The messages.
    pub messages: BTreeMap<(RoomId, i64), Arc<Message>>,
}

/// What a batch changed in its [`Snapshot`].
#[derive(Debug, Default)]
pub struct Writes {
    /// Messages, each with whether it is new.
    messages: BTreeMap<(RoomId, i64), bool>,
    /// Rooms whose head or description moved.
    pub rooms: BTreeSet<RoomId>,
    /// Memberships made (`Some`) or ended (`None`).
    members: BTreeMap<(RoomId, UserId), Option<Membership>>,
    /// Read markers moved forward.
    reads: BTreeMap<(RoomId, UserId), i64>,
    /// Reactions put (`Some`) or taken away (`None`).
    reactions: BTreeMap<(RoomId, i64, UserId, String), Option<Millis>>,
    /// Words that edits replaced.
    revisions: BTreeMap<(RoomId, i64, i64), Revision>,
    /// Whom messages address now.
    addressed: BTreeMap<(RoomId, i64), MentionTargets>,
    /// Replies, each with the nearest message of its chain that is no reply of this batch.
    threads: BTreeMap<(RoomId, i64), i64>,
    /// Messages that lost everything that was put on them: reactions, revisions, whom they addressed.
    forgotten: BTreeSet<(RoomId, i64)>,
}

/// The words of a message before an edit.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The words.
    pub body: String,
    /// Since when the message had them.
    pub written_at: Millis,
}

/// Whom a message addresses.
#[derive(Clone, Debug)]
pub struct MentionTargets {
    /// Who wrote it; nobody addresses themselves.
    pub author: UserId,
    /// By username.
    pub names: Vec<String>,
    /// Whether every member is meant.
    pub is_for_all: bool,
    /// Those of the members who are meant for being connected.
    pub online: Vec<UserId>,
}

impl Writes {
    /// Notes that a message was made or changed.
    pub fn set_message(&mut self, key: (RoomId, i64), is_new: bool) {
        // One that was made in this batch stays new however often it changes.
        self.messages.entry(key).or_insert(is_new);
    }

    /// Notes that a message is a reply to another one of its room, and so belongs to that one's thread.
    pub fn set_reply(&mut self, (room, seq): (RoomId, i64), reply_to: i64) {
        let known = self.threads.get(&(room, reply_to)).copied().unwrap_or(reply_to);
        self.threads.insert((room, seq), known);
    }

    /// Notes that a membership was made or ended.
    pub fn set_membership(&mut self, key: (RoomId, UserId), membership: Option<Membership>) {
        self.reads.remove(&key);
        self.members.insert(key, membership);
    }

    /// Notes that a read marker moved.
    pub fn set_read(&mut self, key: (RoomId, UserId), seq: i64) {
        self.reads.insert(key, seq);
    }

    /// Notes that a reaction was put or taken away.
    pub fn set_reaction(&mut self, key: (RoomId, i64, UserId, String), at: Option<Millis>) {
        self.reactions.insert(key, at);
    }

    /// Notes the words that an edit, at `rev`, replaced.
    pub fn keep_revision(&mut self, (room, seq): (RoomId, i64), rev: i64, words: Revision) {
        self.revisions.insert((room, seq, rev), words);
    }

    /// Notes whom a message addresses now.
    pub fn set_mentions(&mut self, key: (RoomId, i64), addressed: MentionTargets) {
        self.addressed.insert(key, addressed);
    }

    /// Notes that a message was deleted, with everything that was put on it.
    pub fn forget(&mut self, message: (RoomId, i64)) {
        self.reactions.retain(|key, _| (key.0, key.1) != message);
        self.revisions.retain(|key, _| (key.0, key.1) != message);
        self.addressed.remove(&message);
        self.forgotten.insert(message);
    }

    /// How many bytes of somebody's own words are new.
    fn new_text(&self, known: &Snapshot) -> u64 {
        let new = self.messages.iter().filter(|(_, is_new)| **is_new).map(|(key, _)| &known.messages[key]);
        new.filter(|message| message.kind == Kind::Text).map(|message| message.body.len() as u64).sum()
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.rooms.is_empty()
            && self.members.is_empty()
            && self.reads.is_empty()
            && self.reactions.is_empty()
    }
}

/// The connection to either database, in its transaction; every step runs the same statements on both.
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

/// Rows, each a tuple in the order of its statement's columns, as the statements take them.
fn as_json(rows: &[impl Serialize]) -> String {
    serde_json::to_string(rows).expect("tuples of numbers and texts always have a JSON form")
}

impl Db {
    /// Runs one batch in one transaction: loads what is `keys`, lets `decide` say what to write, writes it and commits.
    ///
    /// # Errors
    /// The database's; then nothing of the batch is stored, unless the connection was lost during the commit itself, when
    /// the outcome is unknown (a retry with the same nonce finds out).
    ///
    /// Call it only from a task that nobody cancels: a transaction dropped half-way can swallow a later write.
    pub async fn commit_batch<R>(
        &self,
        keys: &SnapshotKeys,
        decide: impl FnOnce(Snapshot) -> (R, Snapshot, Writes),
    ) -> sqlx::Result<R> {
        macro_rules! commit {
            ($connections:expr, $begin:ident($($how:literal)?), $step:path, $note:expr, $deleted:expr) => {{
                let mut guard = $connections.acquire().await?;
                let mut tx = guard.$begin($($how)?).await?;
                let snapshot = $step(&mut tx).load(keys).await?;
                let (result, known, writes) = decide(snapshot);
                if !writes.is_empty() {
                    $step(&mut tx).write(&known, &writes).await?;
                    $note(writes.new_text(&known));
                    tx.commit().await?;
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
                commit!(sqlite.write, begin_with("begin immediate"), Step::Sqlite, |bytes| sqlite.follower.note(bytes), || sqlite
                    .checkpoints
                    .note_deletion())
            }
            Self::Postgres(postgres) => commit!(postgres.write, begin(), Step::Postgres, |_bytes| {}, || {}),
        }
    }
}
