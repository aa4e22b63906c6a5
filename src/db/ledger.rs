//! The ledger's transaction: load what a batch of changes needs, let it be decided, write what came of it, commit.
//!
//! Owns the statements of the one write path. Each handles the whole batch: the rows go in as one JSON array, so that a
//! batch costs the same few statements however many changes it holds. It must not decide anything.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{FromRow, Postgres, Sqlite, Transaction};

use super::Db;
use crate::chat::types::{Author, Head, Kind, Membership, Message, Reaction, Room, RoomId, UserId, Visibility};
use crate::clock::Millis;

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
pub struct Wanted {
    /// Rooms with the people who act in them, or are acted upon.
    pub pairs: BTreeSet<(RoomId, UserId)>,
    /// Nonces that may be retries.
    pub nonces: HashSet<(UserId, String)>,
    /// Messages that are to change.
    pub messages: BTreeSet<(RoomId, i64)>,
}

/// The rows that a batch needed, inside its transaction.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The rooms.
    pub rooms: HashMap<RoomId, RoomState>,
    /// The people.
    pub people: HashMap<UserId, Person>,
    /// The memberships among them.
    pub members: HashMap<(RoomId, UserId), Membership>,
    /// Where each known nonce was used.
    pub nonces: HashMap<(UserId, String), (RoomId, i64)>,
    /// The messages.
    pub messages: HashMap<(RoomId, i64), Message>,
}

/// What a batch changed in its [`Snapshot`].
#[derive(Debug, Default)]
pub struct Writes {
    /// Messages, each with whether it is new.
    messages: HashMap<(RoomId, i64), bool>,
    /// Rooms whose head or description moved.
    pub rooms: BTreeSet<RoomId>,
    /// Memberships made (`Some`) or ended (`None`).
    members: HashMap<(RoomId, UserId), Option<Membership>>,
    /// Read markers moved forward.
    reads: HashMap<(RoomId, UserId), i64>,
    /// Reactions put (`Some`) or taken away (`None`).
    reactions: HashMap<(RoomId, i64, UserId, String), Option<Millis>>,
    /// Messages that lost all their reactions.
    cleared: BTreeSet<(RoomId, i64)>,
}

impl Writes {
    /// Notes that a message was made or changed.
    pub fn set_message(&mut self, key: (RoomId, i64), is_new: bool) {
        // One that was made in this batch stays new however often it changes.
        self.messages.entry(key).or_insert(is_new);
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

    /// Notes that a message lost all its reactions.
    pub fn clear_reactions(&mut self, room: RoomId, seq: i64) {
        self.reactions.retain(|key, _| (key.0, key.1) != (room, seq));
        self.cleared.insert((room, seq));
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.rooms.is_empty()
            && self.members.is_empty()
            && self.reads.is_empty()
            && self.reactions.is_empty()
    }
}

/// One statement over a JSON array of rows, `given`, in the words of each database.
struct Batched {
    sqlite: &'static str,
    postgres: &'static str,
}

// On SQLite `jsonb_each`, not `json_each`: with that, each `->>` would write its row out as text and read it again.
/// Writes a [`Batched`]: the columns of `given` with their types, then the statement that both databases share.
macro_rules! given {
    ($($column:literal $kind:literal),+ ; $statement:literal) => {
        Batched {
            sqlite: concat!(
                "with given as (select key as ord", $(", value->>'", $column, "' as ", $column,)+ " from jsonb_each($1)) ",
                $statement
            ),
            postgres: concat!(
                "with given as (select * from json_to_recordset($1::json) as given(ord bigint", $(", ", $column, " ", $kind,)+ ")) ",
                $statement
            ),
        }
    };
}

const PAIRS: Batched = given!("room" "bigint", "person" "bigint";
    "select rooms.id as room_id, slug, rooms.name as room_name, topic, visibility, rooms.created_at, created_by, seq, rev, talk_seq,
            users.id as user_id, username, users.name as user_name, is_admin, banned_at, joined_at, read_seq
     from given join rooms on rooms.id = given.room join users on users.id = given.person
     left join memberships on memberships.room_id = rooms.id and memberships.user_id = users.id");

const NONCES: Batched = given!("person" "bigint", "nonce" "text";
    "select messages.author_id, messages.nonce, messages.room_id, messages.seq
     from given join messages on messages.author_id = given.person and messages.nonce = given.nonce");

const MESSAGES: Batched = given!("room" "bigint", "seq" "bigint";
    "select messages.room_id, slug, messages.seq, messages.rev, kind, author_id, username, users.name as author_name, body, html,
            messages.created_at, nonce, edited_at, deleted_at, reply_to
     from given join messages on messages.room_id = given.room and messages.seq = given.seq
     join rooms on rooms.id = messages.room_id join users on users.id = messages.author_id");

const REACTIONS: Batched = given!("room" "bigint", "seq" "bigint";
    "select reactions.room_id, reactions.seq, emoji, username, reactions.created_at, reactions.user_id
     from given join reactions on reactions.room_id = given.room and reactions.seq = given.seq
     join users on users.id = reactions.user_id
     order by reactions.created_at, reactions.user_id, emoji");

const INSERT: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "kind" "text", "author" "bigint", "body" "text",
    "html" "text", "nonce" "text", "created_at" "bigint", "edited_at" "bigint", "deleted_at" "bigint", "reply_to" "bigint";
    "insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, created_at, edited_at, deleted_at, reply_to)
     select room, seq, rev, kind, author, body, html, nonce, created_at, edited_at, deleted_at, reply_to from given");

const UPDATE: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "body" "text", "html" "text",
    "edited_at" "bigint", "deleted_at" "bigint";
    "update messages set rev = given.rev, body = given.body, html = given.html, edited_at = given.edited_at,
            deleted_at = given.deleted_at
     from given where messages.room_id = given.room and messages.seq = given.seq");

const ROOMS: Batched = given!("room" "bigint", "seq" "bigint", "rev" "bigint", "talk_seq" "bigint", "name" "text",
    "topic" "text", "visibility" "text";
    "update rooms set seq = given.seq, rev = given.rev, talk_seq = given.talk_seq, name = given.name, topic = given.topic,
            visibility = given.visibility
     from given where rooms.id = given.room");

const ENTER: Batched = given!("room" "bigint", "person" "bigint", "joined_at" "bigint", "read_seq" "bigint";
    "insert into memberships (room_id, user_id, joined_at, read_seq)
     select room, person, joined_at, read_seq from given where true
     on conflict (room_id, user_id) do update set joined_at = excluded.joined_at, read_seq = excluded.read_seq");

const LEAVE: Batched = given!("room" "bigint", "person" "bigint";
    "delete from memberships where (room_id, user_id) in (select room, person from given)");

const READ: Batched = given!("room" "bigint", "person" "bigint", "seq" "bigint";
    "update memberships set read_seq = given.seq from given
     where memberships.room_id = given.room and memberships.user_id = given.person and memberships.read_seq < given.seq");

const CLEAR: Batched = given!("room" "bigint", "seq" "bigint";
    "delete from reactions where (room_id, seq) in (select room, seq from given)");

const REACT: Batched = given!("room" "bigint", "seq" "bigint", "person" "bigint", "emoji" "text", "created_at" "bigint";
    "insert into reactions (room_id, seq, user_id, emoji, created_at)
     select room, seq, person, emoji, created_at from given where true on conflict do nothing");

const UNREACT: Batched = given!("room" "bigint", "seq" "bigint", "person" "bigint", "emoji" "text";
    "delete from reactions where (room_id, seq, user_id, emoji) in (select room, seq, person, emoji from given)");

/// Locks the batch's rooms in one order, so that nodes that share a Postgres take turns and never wait in a circle.
const LOCK: &str =
    "select id from rooms where id in (select (value->>'room')::bigint from json_array_elements($1::json) as given(value))
     order by id for update";

#[derive(FromRow)]
struct PairRow {
    room_id: RoomId,
    slug: String,
    room_name: String,
    topic: String,
    visibility: Visibility,
    created_at: Millis,
    created_by: Option<UserId>,
    seq: i64,
    rev: i64,
    talk_seq: i64,
    user_id: UserId,
    username: String,
    user_name: String,
    is_admin: bool,
    banned_at: Option<Millis>,
    joined_at: Option<Millis>,
    read_seq: Option<i64>,
}

#[derive(FromRow)]
struct MessageRow {
    room_id: RoomId,
    slug: String,
    seq: i64,
    rev: i64,
    kind: Kind,
    author_id: UserId,
    username: String,
    author_name: String,
    body: String,
    html: String,
    created_at: Millis,
    nonce: Option<String>,
    edited_at: Option<Millis>,
    deleted_at: Option<Millis>,
    reply_to: Option<i64>,
}

/// The transaction of either database; every step runs the same statements on both.
enum Step<'a> {
    Sqlite(&'a mut Transaction<'static, Sqlite>),
    Postgres(&'a mut Transaction<'static, Postgres>),
}

impl Step<'_> {
    async fn rows<R>(&mut self, statement: &Batched, given: &[Value]) -> sqlx::Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let given = Value::from(given.to_vec()).to_string();
        match self {
            Step::Sqlite(tx) => sqlx::query_as(statement.sqlite).bind(given).fetch_all(&mut ***tx).await,
            Step::Postgres(tx) => sqlx::query_as(statement.postgres).bind(given).fetch_all(&mut ***tx).await,
        }
    }

    async fn run(&mut self, statement: &Batched, given: Vec<Value>) -> sqlx::Result<()> {
        if given.is_empty() {
            return Ok(());
        }
        let given = Value::from(given).to_string();
        match self {
            Step::Sqlite(tx) => sqlx::query(statement.sqlite).bind(given).execute(&mut ***tx).await.map(drop),
            Step::Postgres(tx) => sqlx::query(statement.postgres).bind(given).execute(&mut ***tx).await.map(drop),
        }
    }

    async fn load(&mut self, wanted: &Wanted) -> sqlx::Result<Snapshot> {
        let mut snapshot = Snapshot::default();
        let pairs: Vec<_> = wanted.pairs.iter().map(|(room, person)| json!({"room": room, "person": person})).collect();
        if let Step::Postgres(tx) = self {
            sqlx::query(LOCK).bind(Value::from(pairs.clone()).to_string()).execute(&mut ***tx).await?;
        }
        for row in self.rows::<PairRow>(&PAIRS, &pairs).await? {
            snapshot.add_pair(row);
        }
        let nonces: Vec<_> = wanted.nonces.iter().map(|(person, nonce)| json!({"person": person, "nonce": nonce})).collect();
        let mut messages = wanted.messages.clone();
        for (author, nonce, room, seq) in self.rows::<(UserId, String, RoomId, i64)>(&NONCES, &nonces).await? {
            snapshot.nonces.insert((author, nonce), (room, seq));
            messages.insert((room, seq));
        }
        let keys: Vec<_> = messages.iter().map(|(room, seq)| json!({"room": room, "seq": seq})).collect();
        for row in self.rows::<MessageRow>(&MESSAGES, &keys).await? {
            snapshot.messages.insert((row.room_id, row.seq), row.into_message());
        }
        for (room, seq, emoji, username, at, user) in
            self.rows::<(RoomId, i64, String, String, Millis, UserId)>(&REACTIONS, &keys).await?
        {
            if let Some(message) = snapshot.messages.get_mut(&(room, seq)) {
                message.add_reaction(emoji, username.into(), Some((at, user)));
            }
        }
        Ok(snapshot)
    }

    async fn write(&mut self, known: &Snapshot, writes: &Writes) -> sqlx::Result<()> {
        let mut new = Vec::new();
        let mut changed = Vec::new();
        let mut order: Vec<_> = writes.messages.iter().collect();
        order.sort_unstable();
        for (key, is_new) in order {
            let row = message_json(key.0, &known.messages[key]);
            if *is_new { &mut new } else { &mut changed }.push(row);
        }
        self.run(&INSERT, new).await?;
        self.run(&UPDATE, changed).await?;
        let rooms = writes.rooms.iter().map(|id| {
            let RoomState { room, head, talk_seq, .. } = &known.rooms[id];
            json!({"room": id, "seq": head.seq, "rev": head.rev, "talk_seq": talk_seq, "name": room.name, "topic": room.topic, "visibility": room.visibility})
        });
        self.run(&ROOMS, rooms.collect()).await?;
        let mut entered = Vec::new();
        let mut left = Vec::new();
        for ((room, person), membership) in &writes.members {
            match membership {
                Some(Membership { joined_at, read_seq }) => {
                    entered.push(json!({"room": room, "person": person, "joined_at": joined_at.0, "read_seq": read_seq}))
                }
                None => left.push(json!({"room": room, "person": person})),
            }
        }
        self.run(&ENTER, entered).await?;
        self.run(&LEAVE, left).await?;
        let reads = writes.reads.iter().map(|((room, person), seq)| json!({"room": room, "person": person, "seq": seq}));
        self.run(&READ, reads.collect()).await?;
        let cleared = writes.cleared.iter().map(|(room, seq)| json!({"room": room, "seq": seq}));
        self.run(&CLEAR, cleared.collect()).await?;
        let mut on = Vec::new();
        let mut off = Vec::new();
        for ((room, seq, person, emoji), at) in &writes.reactions {
            let row = json!({"room": room, "seq": seq, "person": person, "emoji": emoji, "created_at": at.map(|at| at.0)});
            if at.is_some() { &mut on } else { &mut off }.push(row);
        }
        self.run(&REACT, on).await?;
        self.run(&UNREACT, off).await
    }
}

impl Snapshot {
    fn add_pair(&mut self, row: PairRow) {
        if let (Some(joined_at), Some(read_seq)) = (row.joined_at, row.read_seq) {
            self.members.insert((row.room_id, row.user_id), Membership { joined_at, read_seq });
        }
        self.rooms.entry(row.room_id).or_insert_with(|| RoomState {
            room: Room {
                id: row.room_id,
                slug: row.slug.into(),
                name: row.room_name,
                topic: row.topic,
                visibility: row.visibility,
                created_at: row.created_at,
            },
            head: Head { seq: row.seq, rev: row.rev },
            talk_seq: row.talk_seq,
            created_by: row.created_by,
        });
        self.people.entry(row.user_id).or_insert_with(|| Person {
            author: Author { id: row.user_id, username: row.username.into(), name: row.user_name.into() },
            is_admin: row.is_admin,
            is_banned: row.banned_at.is_some(),
        });
    }
}

impl MessageRow {
    fn into_message(self) -> Message {
        Message {
            room: self.slug.into(),
            seq: self.seq,
            rev: self.rev,
            kind: self.kind,
            author: Author { id: self.author_id, username: self.username.into(), name: self.author_name.into() },
            body: self.body,
            html: self.html,
            created_at: self.created_at,
            nonce: self.nonce,
            edited_at: self.edited_at,
            deleted_at: self.deleted_at,
            reply_to: self.reply_to,
            reactions: Vec::new(),
        }
    }
}

impl Message {
    /// Adds one person's emoji, told in the order in which they were put.
    pub(crate) fn add_reaction(&mut self, emoji: String, username: Arc<str>, chosen: Option<(Millis, UserId)>) {
        match self.reactions.iter_mut().find(|reaction| reaction.emoji == emoji) {
            Some(reaction) => {
                reaction.users.push(username);
                reaction.chosen.extend(chosen);
            }
            None => self.reactions.push(Reaction { emoji, users: vec![username], chosen: chosen.into_iter().collect() }),
        }
    }
}

fn message_json(room: RoomId, message: &Message) -> Value {
    json!({
        "room": room, "seq": message.seq, "rev": message.rev, "kind": message.kind, "author": message.author.id,
        "body": message.body, "html": message.html, "nonce": message.nonce, "created_at": message.created_at.0,
        "edited_at": message.edited_at.map(|at| at.0), "deleted_at": message.deleted_at.map(|at| at.0), "reply_to": message.reply_to,
    })
}

impl Db {
    /// Runs one batch in one transaction: loads what is `wanted`, lets `decide` say what to write, writes it and commits.
    ///
    /// # Errors
    /// The database's; then nothing of the batch is stored, unless the connection was lost during the commit itself, when
    /// the outcome is unknown (a retry with the same nonce finds out).
    ///
    /// Call it only from a task that nobody cancels: a transaction dropped half-way can swallow a later write.
    pub async fn commit_batch<R>(
        &self,
        wanted: &Wanted,
        decide: impl FnOnce(Snapshot) -> (R, Snapshot, Writes),
    ) -> sqlx::Result<R> {
        macro_rules! commit {
            ($begin:expr, $step:path) => {{
                let mut tx = $begin;
                let snapshot = $step(&mut tx).load(wanted).await?;
                let (result, known, writes) = decide(snapshot);
                if !writes.is_empty() {
                    $step(&mut tx).write(&known, &writes).await?;
                    tx.commit().await?;
                } else {
                    tx.rollback().await?;
                }
                Ok(result)
            }};
        }
        match self {
            Self::Sqlite(sqlite) => commit!(sqlite.write.begin_with("begin immediate").await?, Step::Sqlite),
            Self::Postgres(pool) => commit!(pool.begin().await?, Step::Postgres),
        }
    }
}
