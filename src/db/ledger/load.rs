//! Loads the snapshot of a batch, inside its transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, FromRow};

use super::script::Script;
use super::statements::{FILES, HOLDS, KNOWN, LOCK, LOCK_FILES, LOCK_HOLDS, MESSAGES, NAMES, REACTIONS, SUCCESSORS, TAKEN_SLUGS};
use super::{File, Holds, Person, RoomName, RoomState, Snapshot, SnapshotKeys, Step, Subscription, as_json};
use crate::clock::Millis;
use crate::db::messages::{LINKS_OFF, links_from, list_from};
use crate::model::{
    Author, Head, Kind, Membership, Message, Occurrence, Pin, Reaction, Room, RoomId, RoomPolicy, RoomRole, UserId, Visibility,
};

/// A row of [`KNOWN`], with the fields in the order of its columns.
#[derive(Deserialize)]
struct PairRow {
    room_id: RoomId,
    slug: String,
    room_name: String,
    topic: String,
    visibility: Visibility,
    created_at: i64,
    direct_key: Option<String>,
    created_by: Option<UserId>,
    archived_at: Option<i64>,
    posting: RoomRole,
    mass_mentions: RoomRole,
    icon: Option<String>,
    seq: i64,
    rev: i64,
    talk_seq: i64,
    user_id: UserId,
    username: String,
    user_name: String,
    alike: u8,
    is_bot: u8,
    photo: Option<String>,
    is_admin: u8,
    is_guest: u8,
    /// Its own moment, or that of its owner.
    banned_at: Option<i64>,
    joined_at: Option<i64>,
    read_seq: Option<i64>,
    role: Option<RoomRole>,
    is_banned_here: u8,
    blocks: Option<i64>,
    slow_mode: i64,
    posted_at: Option<i64>,
    link_previews: u8,
    keep_messages: Option<i64>,
    keep_files: Option<i64>,
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
    alike: bool,
    is_bot: bool,
    photo: Option<String>,
    body: String,
    html: String,
    created_at: Millis,
    nonce: Option<String>,
    edited_at: Option<Millis>,
    deleted_at: Option<Millis>,
    reply_to: Option<i64>,
    mentions: Option<String>,
    pinned_at: Option<Millis>,
    pinned_by: Option<String>,
    attachments: Option<String>,
    links: Option<String>,
}

impl Step<'_> {
    /// Loads the rows of these keys.
    pub(super) async fn load(&mut self, keys: &SnapshotKeys) -> sqlx::Result<Snapshot> {
        let mut snapshot = Snapshot::default();
        self.lock_names(keys).await?;
        let pairs = as_json(&keys.pairs.iter().collect::<Vec<_>>());
        if let Step::Postgres(db) = self {
            sqlx::query(LOCK).bind(&pairs).execute(&mut **db).await?;
        }
        let nonces = self.load_pairs(&mut snapshot, pairs, &keys.nonces).await?;
        self.load_successors(&mut snapshot, &keys.departures).await?;
        self.load_files(&mut snapshot, &keys.files).await?;
        if keys.asks_holds {
            snapshot.holds = self.load_holds().await?;
        }
        let slugs: Vec<_> = keys.slugs.iter().collect();
        let taken = self.rows::<(String,)>(&TAKEN_SLUGS, &slugs).await?;
        snapshot.taken_slugs.extend(taken.into_iter().map(|(slug,)| slug));
        let namers: Vec<_> = keys.names.iter().map(|user| (user,)).collect();
        for (user, room, name) in self.rows::<(UserId, RoomId, String)>(&NAMES, &namers).await? {
            snapshot.names.entry(user).or_default().push(RoomName { room, name });
        }
        let mut keys = keys.messages.clone();
        for (author, nonce, room, seq) in from_json::<(UserId, String, RoomId, i64)>(&nonces)? {
            snapshot.nonces.insert((author, nonce), (room, seq));
            keys.insert((room, seq));
        }
        let keys: Vec<_> = keys.iter().collect();
        let mut messages = BTreeMap::new();
        for row in self.rows::<MessageRow>(&MESSAGES, &keys).await? {
            messages.insert((row.room_id, row.seq), row.into_message());
        }
        for (room, seq, emoji, username, at, user) in
            self.rows::<(RoomId, i64, String, String, Millis, UserId)>(&REACTIONS, &keys).await?
        {
            if let Some(message) = messages.get_mut(&(room, seq)) {
                message.add_reaction(emoji, username.into(), Some((at, user)));
            }
        }
        snapshot.messages = messages.into_iter().map(|(key, message)| (key, Arc::new(message))).collect();
        Ok(snapshot)
    }

    /// Loads rooms with users, and returns the messages of known nonces as JSON.
    async fn load_pairs(
        &mut self,
        snapshot: &mut Snapshot,
        pairs: String,
        nonces: &BTreeSet<(UserId, String)>,
    ) -> sqlx::Result<String> {
        let (pairs, nonces, webhooks, has_push, has_mails): (String, String, String, bool, bool) = match self {
            Step::Sqlite(db) => {
                let mut script = Script::default();
                script.give(pairs)?.then_rows(&KNOWN.sqlite, nonces.iter().collect(), add_nonce)?;
                script.fetch_one(db).await?
            }
            Step::Postgres(db) => {
                let nonces = as_json(&nonces.iter().collect::<Vec<_>>());
                sqlx::query_as(KNOWN.postgres).bind(pairs).bind(nonces).fetch_one(&mut **db).await?
            }
        };
        for row in from_json::<PairRow>(&pairs)? {
            snapshot.add_pair(row);
        }
        snapshot.subscriptions = subscriptions(&webhooks)?;
        snapshot.has_push = has_push;
        snapshot.has_mails = has_mails;
        Ok(nonces)
    }

    /// Loads who can own a room whose owner may leave.
    async fn load_successors(&mut self, snapshot: &mut Snapshot, departures: &BTreeSet<(RoomId, UserId)>) -> sqlx::Result<()> {
        let mut most: BTreeMap<RoomId, usize> = BTreeMap::new();
        for key in departures {
            *most.entry(key.0).or_default() += 1;
        }
        let owned = |room: &RoomId| {
            departures.iter().any(|key| {
                key.0 == *room && snapshot.members.get(key).is_some_and(|membership| membership.role == RoomRole::Owner)
            })
        };
        // One more than can leave: the last of them stays.
        let rooms: Vec<_> = most.into_iter().filter(|(room, _)| owned(room)).map(|(room, count)| (room, count + 1)).collect();
        let found = self.rows::<(RoomId, UserId)>(&SUCCESSORS, &rooms).await?;
        if found.is_empty() {
            return Ok(());
        }
        self.load_pairs(snapshot, as_json(&found), &BTreeSet::new()).await?;
        for (room, user) in found {
            snapshot.successors.entry(room).or_default().push(user);
        }
        Ok(())
    }

    /// Loads all holds, of which there are few.
    async fn load_holds(&mut self) -> sqlx::Result<Holds> {
        let rows: Vec<(Option<RoomId>, Option<UserId>)> = match self {
            Step::Sqlite(db) => sqlx::query_as(HOLDS).fetch_all(&mut **db).await?,
            Step::Postgres(db) => {
                sqlx::query(LOCK_HOLDS).execute(&mut **db).await?;
                sqlx::query_as(HOLDS).fetch_all(&mut **db).await?
            }
        };
        let mut holds = Holds::default();
        for row in rows {
            match row {
                (Some(room), _) => drop(holds.rooms.insert(room)),
                (None, Some(person)) => drop(holds.people.insert(person)),
                (None, None) => holds.is_everything = true,
            }
        }
        Ok(holds)
    }

    /// Loads uploads.
    async fn load_files(&mut self, snapshot: &mut Snapshot, ids: &BTreeSet<String>) -> sqlx::Result<()> {
        let ids: Vec<_> = ids.iter().map(|id| (id,)).collect();
        if let Step::Postgres(db) = self
            && !ids.is_empty()
        {
            sqlx::query(LOCK_FILES).bind(as_json(&ids)).execute(&mut **db).await?;
        }
        let files: Vec<File> = self.rows(&FILES, &ids).await?;
        snapshot.files.extend(files.into_iter().map(|file| (file.id.clone(), file)));
        Ok(())
    }

    /// Has rooms get their names one at a time on all nodes, as `Db::insert_room` does. Call it before rooms are locked.
    async fn lock_names(&mut self, keys: &SnapshotKeys) -> sqlx::Result<()> {
        if let Step::Postgres(db) = self
            && !keys.names.is_empty()
        {
            sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut **db).await?;
        }
        Ok(())
    }
}

/// Adds a row for [`KNOWN`].
fn add_nonce(row: &mut SqliteArguments, (author, nonce): &(UserId, String)) -> Result<(), BoxDynError> {
    row.add(author)?;
    row.add(nonce)
}

/// The webhooks of [`KNOWN`]: id, events and rooms. Of an event of a later version nobody is told here.
fn subscriptions(webhooks: &str) -> sqlx::Result<Vec<Subscription>> {
    if webhooks == "[]" {
        return Ok(Vec::new());
    }
    let read = |(id, events, rooms): (i64, String, String)| {
        let names = from_json::<String>(&events)?;
        let events: Vec<_> = names.iter().filter_map(|name| Occurrence::parse(name)).collect();
        Ok((events.is_empty() == names.is_empty()).then_some(Subscription { id, events, rooms: from_json(&rooms)? }))
    };
    from_json(webhooks)?.into_iter().map(read).filter_map(Result::transpose).collect()
}

fn from_json<R: DeserializeOwned>(rows: &str) -> sqlx::Result<Vec<R>> {
    serde_json::from_str(rows).map_err(|error| sqlx::Error::Decode(error.into()))
}

impl Snapshot {
    fn add_pair(&mut self, row: PairRow) {
        if let (Some(joined_at), Some(read_seq)) = (row.joined_at, row.read_seq) {
            let membership = Membership { joined_at: Millis(joined_at), read_seq, role: row.role.unwrap_or_default() };
            self.members.insert((row.room_id, row.user_id), membership);
        }
        if row.is_banned_here != 0 {
            self.bans.insert((row.room_id, row.user_id));
        }
        let key = (row.room_id, row.user_id);
        if row.blocks.is_some_and(|blocks| blocks > 0) {
            self.blocked.insert(key);
        }
        if let Some(at) = row.posted_at {
            self.posted.insert(key, Millis(at));
        }
        self.rooms.entry(row.room_id).or_insert_with(|| RoomState {
            room: Room {
                id: row.room_id,
                slug: row.slug.into(),
                name: row.room_name,
                topic: row.topic,
                visibility: row.visibility,
                created_at: Millis(row.created_at),
                is_archived: row.archived_at.is_some(),
                policy: RoomPolicy { posting: row.posting, mass_mentions: row.mass_mentions },
                slow_mode: row.slow_mode,
                icon: row.icon.map(Into::into),
                link_previews: row.link_previews != 0,
                keep_messages: row.keep_messages.into(),
                keep_files: row.keep_files.into(),
                is_direct: row.direct_key.is_some(),
                direct: Vec::new(),
            },
            head: Head { seq: row.seq, rev: row.rev },
            talk_seq: row.talk_seq,
            created_by: row.created_by,
            archived_at: row.archived_at.map(Millis),
            is_deleted: false,
        });
        self.people.entry(row.user_id).or_insert_with(|| Person {
            author: Author {
                id: row.user_id,
                username: row.username.into(),
                name: row.user_name.into(),
                is_alike: row.alike != 0,
                is_bot: row.is_bot != 0,
                photo: row.photo.map(Into::into),
            },
            is_admin: row.is_admin != 0,
            is_guest: row.is_guest != 0,
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
            author: Author {
                id: self.author_id,
                username: self.username.into(),
                name: self.author_name.into(),
                is_alike: self.alike,
                is_bot: self.is_bot,
                photo: self.photo.map(Into::into),
            },
            body: self.body,
            html: self.html,
            created_at: self.created_at,
            nonce: self.nonce,
            edited_at: self.edited_at,
            deleted_at: self.deleted_at,
            reply_to: self.reply_to,
            mentions: list_from(self.mentions.as_deref()),
            pinned: self.pinned_by.zip(self.pinned_at).map(|(by, at)| Pin { by: by.into(), at }),
            reactions: Vec::new(),
            attachments: list_from(self.attachments.as_deref()),
            links_off: self.links.as_deref() == Some(LINKS_OFF),
            links: links_from(self.links.as_deref()),
        }
    }
}

impl Message {
    /// Adds a reaction. Call it in the order in which the reactions were made.
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
