//! A database that is open and migrated, without a server, and short ways to fill it.
//!
//! Owns the people, rooms and messages that these tests begin with. It must not test anything itself.

use std::ops::Deref;
use std::sync::Arc;

use parlor::clock::Millis;
use parlor::db::invites::NewInvite;
use parlor::db::ledger::{SnapshotKeys, Writes};
use parlor::db::rooms::NewRoom;
use parlor::db::users::{NewUser, Permit, Registered};
use parlor::db::{Db, Guard, Purpose, search};
use parlor::fulltext::term::Expression;
use parlor::model;
use parlor::model::{Author, Message, Room, RoomId, UserId, Visibility};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::harness::{Database, Fixture, Kind};

/// When these tests take place.
pub const NOW: Millis = Millis(1_763_800_000_000);
/// Longer ago than any session lasts.
pub const LONG_AGO: Millis = Millis(0);

/// An open database, and a look at it from outside.
pub struct Store {
    db: Db,
    /// The same database, seen from outside.
    pub database: Database,
}

impl Deref for Store {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Fixture for Store {
    async fn set_up(database: Database) -> Self {
        let db = Db::open(database.url(), 4, Purpose::Serve).await.expect("it opens");
        db.migrate().await.expect("it migrates");
        db.ensure(NOW).await.expect("it is made ready");
        Self { db, database }
    }

    async fn tear_down(self) -> Database {
        self.db.close().await;
        self.database
    }
}

/// A room to be made, without a maker.
pub fn new_room(name: &str, slug: &str, visibility: Visibility) -> NewRoom {
    NewRoom {
        name: name.into(),
        topic: String::new(),
        visibility,
        created_by: None,
        slug: slug.into(),
        created_at: NOW,
        event: None,
    }
}

/// Somebody's words, as the ledger writes them.
pub fn line(author: &Author, seq: i64, body: String) -> Message {
    Message::new("general".into(), seq, seq, model::Kind::Text, author.clone(), body, NOW)
}

/// The messages with a word in them, as the index is asked.
pub fn word(reader: UserId, word: &str) -> search::SearchQuery {
    let all = vec![Expression::Exact(word.to_owned())];
    search::SearchQuery { reader, all, none: Vec::new(), since: None, until: None, addressed: None, is_pinned: None }
}

/// An invitation for one person.
pub fn invite(token_hash: &str, created_by: Option<UserId>, expires_at: Millis) -> NewInvite {
    NewInvite {
        token_hash: token_hash.into(),
        created_by,
        created_at: NOW,
        expires_at,
        uses: 1,
        note: String::new(),
        role: "member",
        rooms: Vec::new(),
    }
}

/// Somebody who registers.
pub fn person(username: &str) -> NewUser {
    NewUser {
        digest: username.into(),
        username: username.to_owned(),
        name: format!("The {username}"),
        password_hash: "hash".to_owned(),
        is_admin: false,
        created_at: NOW,
        settings: Vec::new(),
        events: Vec::new(),
    }
}

impl Store {
    /// Runs statements that no method has, past the methods.
    pub async fn run(&self, statements: &str) {
        let statements = AssertSqlSafe(statements.to_owned());
        match &self.db {
            Db::Sqlite(sqlite) => drop(sqlite.write.execute(statements).await.expect("the statements are right")),
            Db::Postgres(_) => {
                // Not through the pool, whose statements may not take long: filling a big room does.
                let mut outside = PgConnection::connect(self.database.url()).await.expect("Postgres answers");
                outside.execute(statements).await.expect("the statements are right");
                drop(outside.close().await);
            }
        }
    }

    /// Opens every connection there may be, so that what is begun at once happens at once.
    pub async fn open_connections(&self) {
        if let Db::Postgres(postgres) = &self.db {
            for pool in [&postgres.write, &postgres.read] {
                let mut all = Vec::new();
                for _ in 0..pool.count() {
                    all.push(pool.acquire().await.expect("it is free"));
                }
                all.into_iter().for_each(Guard::release);
            }
        }
    }

    /// Registers somebody.
    pub async fn add(&self, username: &str) -> UserId {
        match self.register(person(username), Permit::Open).await.expect("the database answers") {
            Registered::As(id) => id,
            refused => panic!("{username} is refused: {refused:?}"),
        }
    }

    /// Registers somebody who writes.
    pub async fn author(&self, username: &str) -> Author {
        let name = format!("The {username}").into();
        Author { id: self.add(username).await, username: username.into(), name, is_alike: false, is_bot: false, photo: None }
    }

    /// Writes new messages into a room in one batch, as the ledger does.
    pub async fn write(&self, room: RoomId, messages: Vec<Message>) -> sqlx::Result<()> {
        self.commit_batch(&SnapshotKeys::default(), |mut known| {
            let mut writes = Writes::default();
            for message in messages {
                let key = (room, message.seq);
                known.messages.insert(key, Arc::new(message));
                writes.set_message(key, true);
            }
            ((), known, writes)
        })
        .await
    }

    /// Makes a room, whatever others are called.
    pub async fn insert(&self, new: NewRoom) -> Room {
        self.insert_room(new, |_| false).await.expect("the database answers").expect("no name is taken")
    }

    /// Makes a room with exactly this slug.
    pub async fn make(&self, slug: &str, visibility: Visibility) -> RoomId {
        let id = self.insert(new_room(slug, slug, visibility)).await.id;
        self.run(&format!("update rooms set slug = '{slug}' where id = {id}")).await;
        id
    }

    /// The room that a slug names.
    pub async fn room_id(&self, slug: &str) -> Option<RoomId> {
        let rows = self.database.query(&format!("select id from rooms where slug = '{slug}'")).await;
        rows.first().map(|row| RoomId(row["id"].as_i64().expect("a number")))
    }

    /// The room that is always there.
    pub async fn general(&self) -> RoomId {
        self.room_id("general").await.expect("it is always there")
    }

    /// Makes somebody a member.
    pub async fn enter(&self, room: RoomId, user: UserId) {
        self.run(&format!("insert into memberships (room_id, user_id, joined_at) values ({room}, {user}, {NOW})", NOW = NOW.0))
            .await;
    }

    /// Adds messages to an empty room: places 1 to `count`, a second apart, each with the rev of its place.
    pub async fn say(&self, room: RoomId, author: UserId, count: i64) {
        let places = match self.database.kind {
            Kind::Sqlite => format!(
                "(with recursive place(n) as (select 1 union all select n + 1 from place where n < {count}) select n from place) as places"
            ),
            Kind::Postgres => format!("generate_series(1, {count}) as places(n)"),
        };
        self.run(&format!(
            "insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, created_at)
             select {room}, n, n, 'text', {author}, 'Words, number ' || n, '<p>Words, number ' || n || '</p>', 'n-{room}-' || n,
                    {start} + n * 1000
             from {places};
             update rooms set seq = {count}, rev = {count}, talk_seq = {count} where id = {room}",
            start = NOW.0
        ))
        .await;
    }
}

/// Somebody in a [`crowd`].
pub const ONE: &str = "u1";
/// Somebody in a [`crowd`] who has read all but the last ten messages.
pub const KEEN: &str = "u2";

/// Fills a database: one room with `people` members and `messages` messages, an emoji under every tenth, ten of them pinned, every second
/// of them to [`ONE`] and to [`KEEN`]; 200 other rooms, ten of them [`ONE`]'s; a conversation of theirs with each of fifty people, in which
/// nothing was said; a session for each person, whose key is their username.
pub async fn crowd(db: &Store, people: i64, messages: i64) {
    let general = db.general().await;
    let count = |to: i64| match db.database.kind {
        Kind::Sqlite => {
            format!("(with recursive c(n) as (select 1 union all select n + 1 from c where n < {to}) select n from c) as c")
        }
        Kind::Postgres => format!("generate_series(1, {to}) as c(n)"),
    };
    let now = NOW.0;
    db.run(&format!(
        "insert into users (username, name, password_hash, created_at) select 'u' || n, 'User ' || n, 'x', {now} from {people};
         insert into sessions (key, user_id, data, created_at, last_seen_at, expires_at)
         select username, id, '{{}}', {now}, {now}, {now} + 1000 from users;
         insert into memberships (room_id, user_id, joined_at) select {general}, id, {now} from users;
         insert into rooms (slug, name, visibility, created_at) select 'r' || n, 'Room ' || n, 'public', {now} from {rooms};
         insert into memberships (room_id, user_id, joined_at)
         select rooms.id, users.id, {now} from rooms, users where username = '{ONE}' and slug like 'r__' and slug < 'r20'",
        people = count(people),
        rooms = count(200),
    ))
    .await;
    let one = db.find_user_by_name(ONE).await.expect("the database answers").expect("just made").id;
    let keen = db.find_user_by_name(KEEN).await.expect("the database answers").expect("just made").id;
    db.say(general, one, messages).await;
    if db.database.kind == Kind::Postgres {
        // Or it looks up each message that something refers to among all of its room's.
        db.run("analyze").await;
    }
    db.run(&format!(
        "update memberships set read_seq = {messages} - 10 where user_id = {keen};
         update messages set pinned_at = {now}, pinned_by = 'u1' where seq % ({messages} / 10) = 7;
         update messages set thread = 1 where seq % 4 = 3;
         update messages set thread = 2 where seq % ({messages} / 10) = 5;
         insert into mentions (user_id, message_id, room_id, seq)
         select who.id, messages.id, room_id, seq from messages, (select {one} as id union all select {keen}) as who where seq % 2 = 0;
         insert into rooms (slug, name, visibility, direct_key, created_at)
         select 'dm-' || id, 'direct', 'private', '{one},' || id, {now} from users where username like 'u1__' and length(username) = 4 and username < 'u150';
         insert into memberships (room_id, user_id, joined_at) select rooms.id, users.id, {now}
         from rooms join users on users.id in ({one}, cast(substr(slug, 4) as integer)) where direct_key is not null;
         insert into reactions (room_id, seq, emoji, user_id, created_at) select {general}, n * 10, '+', {one}, {now} from {}",
        count(messages / 10)
    ))
    .await;
}
