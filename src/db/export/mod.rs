//! What an export reads of the database: rooms, people and messages, in pages, as they were at one moment.
//!
//! Owns the statements. Everything is read in one transaction, on a connection of its own; a page is bounded, so that memory does not depend
//! on how much there is. It must not know how an export is written. `person` has what only a person's own export holds.

mod person;

use sqlx::{Executor, FromRow};

pub use person::{
    AccountRow, Act, Block, DraftRow, Identity, Invitation, Membership, PasskeyRow, Pinned, Reacted, RepliedTo, Report, RoomBan,
    SessionRow, Upload,
};

use super::backup::{Connection, begin, with};
use super::messages::links_from;
use super::open::OpenError;
use crate::clock::Millis;
use crate::model::{Kind, LinkPreview, RoomId, UserId};

/// How many rows a page has. A message is bounded by `MAX_MESSAGE_CHARS`.
const PAGE: i64 = 200;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// A room.
    Room(RoomId),
    /// What a person wrote, and what is stored about them.
    Person(UserId),
}

impl Part {
    /// The room and the person, as statements take them: 0 is any.
    const fn binds(self) -> (i64, i64) {
        match self {
            Self::All => (0, 0),
            Self::Room(RoomId(room)) => (room, 0),
            Self::Person(UserId(person)) => (0, person),
        }
    }
}

/// A database as it is at one moment.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    migration: i64,
    epoch: String,
}

/// A file's row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct FileRow {
    /// Its name, as it was sent.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: i64,
    /// The SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// What a picture shows.
    pub alt: String,
}

/// A row of somebody or something with at most one file.
macro_rules! with_file {
    ($(#[$doc:meta])* $row:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, FromRow)]
        pub struct $row {
            $($(#[$field_doc])* pub $field: $kind,)*
            file_name: Option<String>,
            file_type: Option<String>,
            file_bytes: Option<i64>,
            file_hash: Option<String>,
        }

        impl $row {
            /// Its photo or icon.
            #[must_use]
            pub fn file(&self) -> Option<FileRow> {
                Some(FileRow {
                    name: self.file_name.clone()?,
                    media_type: self.file_type.clone()?,
                    bytes: self.file_bytes?,
                    hash: self.file_hash.clone()?,
                    alt: String::new(),
                })
            }
        }
    };
}

with_file!(
    /// A person.
    PersonRow {
        /// The id.
        id: UserId,
        /// The username.
        username: String,
        /// The display name; empty if there is none.
        name: String,
        /// Whether they administer the server.
        is_admin: bool,
        /// Whether they are a guest.
        is_guest: bool,
        /// Whether it is a bot.
        is_bot: bool,
        /// When they were banned, deactivated or deleted.
        banned_at: Option<Millis>,
        /// What they say of themselves.
        status: String,
        /// Their time zone.
        time_zone: Option<String>,
        /// When they registered.
        created_at: Millis,
        /// Their verified address.
        email: Option<String>,
    }
);

with_file!(
    /// A room.
    RoomRow {
        /// The id.
        id: RoomId,
        /// The slug.
        slug: String,
        /// The name; that of a conversation says only that it is one.
        name: String,
        /// The topic.
        topic: String,
        /// `public` or `private`.
        visibility: String,
        /// The ids of a conversation's people, joined by commas; none for other rooms.
        direct_key: Option<String>,
        /// When it was made.
        created_at: Millis,
        /// Who made it.
        created_by: Option<UserId>,
        /// When it was archived.
        archived_at: Option<Millis>,
        /// The lowest role that may post.
        posting: String,
        /// The lowest role that may mention everybody.
        mass_mentions: String,
        /// How many seconds a member waits between two posts.
        slow_mode: i64,
        /// Whether links get previews.
        link_previews: bool,
        /// For how many days messages are kept; 0 for ever.
        keep_messages: Option<i64>,
        /// The same for files.
        keep_files: Option<i64>,
    }
);

/// A member's row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct MemberRow {
    /// Who.
    pub user_id: UserId,
    /// `member`, `moderator` or `owner`.
    pub role: String,
    /// Since when.
    pub joined_at: Millis,
}

/// A message's row, with a line of the one that it replies to.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct MessageRow {
    /// Its place in the room.
    pub seq: i64,
    /// A text, or an event of the room.
    pub kind: Kind,
    /// Who wrote it.
    pub author_id: UserId,
    /// The text, as it was written.
    pub body: String,
    /// The text as HTML.
    pub html: String,
    /// When it was written.
    pub created_at: Millis,
    /// When it was edited.
    pub edited_at: Option<Millis>,
    /// When it was deleted.
    pub deleted_at: Option<Millis>,
    /// The place of the message that it replies to.
    pub reply_to: Option<i64>,
    /// When it was pinned.
    pub pinned_at: Option<Millis>,
    /// Who pinned it.
    pub pinned_by: Option<UserId>,
    /// Who wrote the message that it replies to.
    pub answered_by: Option<UserId>,
    /// The display name of that person, or else the username.
    pub answered_name: Option<String>,
    /// The beginning of that message.
    pub answered_line: Option<String>,
    /// Whether that message was deleted.
    pub answered_is_deleted: bool,
    links: Option<String>,
}

impl MessageRow {
    /// The previews of its links.
    pub fn links(&self) -> Vec<LinkPreview> {
        links_from(self.links.as_deref().filter(|_| self.deleted_at.is_none()))
    }
}

/// A reaction's row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReactionRow {
    /// The message.
    pub seq: i64,
    /// The emoji.
    pub emoji: String,
    /// Who gave it.
    pub user_id: UserId,
    /// When.
    pub created_at: Millis,
}

/// An earlier text of a message.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct RevisionRow {
    /// The message.
    pub seq: i64,
    /// The text.
    pub body: String,
    /// When it was written.
    pub written_at: Millis,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct AttachmentRow {
    /// The message.
    pub seq: i64,
    /// Its file.
    #[sqlx(flatten)]
    pub file: FileRow,
}

/// A page of messages with what hangs on them, in the order of the room's log.
#[derive(Clone, Debug, Default)]
pub struct MessagePage {
    /// The messages; none behind the last.
    pub messages: Vec<MessageRow>,
    /// Their reactions, in the order in which they were given.
    pub reactions: Vec<ReactionRow>,
    /// Their earlier texts, the earliest first.
    pub revisions: Vec<RevisionRow>,
    /// Their files.
    pub files: Vec<AttachmentRow>,
}

const PEOPLE: &str = "select users.id, username, users.name, is_admin, is_guest, is_bot, banned_at, status, time_zone, users.created_at,
        emails.address as email, files.name as file_name, files.type as file_type, files.bytes as file_bytes, files.hash as file_hash
    from users left join emails on emails.user_id = users.id left join files on files.id = users.photo
    where users.id > $1 and ($3 = 0 or users.id = $3) and ($2 = 0
        or users.id in (select user_id from memberships where room_id = $2)
        or users.id in (select user_id from room_bans where room_id = $2)
        or users.id in (select author_id from messages where room_id = $2)
        or users.id in (select user_id from reactions where room_id = $2)
        or users.id in (select created_by from rooms where id = $2)
        or username in (select pinned_by from messages where room_id = $2 and pinned_at is not null))
    order by users.id limit $4";

const ROOMS: &str = "select rooms.id, slug, rooms.name, topic, visibility, direct_key, rooms.created_at, created_by, archived_at,
        posting, mass_mentions, slow_mode, link_previews, keep_messages, keep_files,
        files.name as file_name, files.type as file_type, files.bytes as file_bytes, files.hash as file_hash
    from rooms left join files on files.id = rooms.icon
    where removed_at is null and rooms.id > $1 and ($2 = 0 or rooms.id = $2) and ($3 = 0
        or rooms.id in (select room_id from memberships where user_id = $3)
        or rooms.id in (select room_id from messages where author_id = $3))
    order by rooms.id limit $4";

const MESSAGES: &str =
    "select one.seq, one.kind, one.author_id, one.body, one.html, one.created_at, one.edited_at, one.deleted_at,
        one.reply_to, one.pinned_at, pinner.id as pinned_by, answered.author_id as answered_by,
        case when coalesce(answerer.name, '') <> '' then answerer.name else answerer.username end as answered_name,
        substr(answered.body, 1, 200) as answered_line, answered.deleted_at is not null as answered_is_deleted,
        one.links
    from messages as one
    left join users as pinner on one.pinned_at is not null and pinner.username = one.pinned_by
    left join messages as answered on answered.room_id = one.room_id and answered.seq = one.reply_to
    left join users as answerer on answerer.id = answered.author_id
    where one.room_id = $1 and one.seq > $2 and ($3 = 0 or one.author_id = $3) order by one.seq limit $4";

const REACTIONS: &str = "select reactions.seq, emoji, user_id, reactions.created_at from reactions
    join messages as one on one.room_id = reactions.room_id and one.seq = reactions.seq
    where reactions.room_id = $1 and reactions.seq > $2 and reactions.seq <= $3 and ($4 = 0 or (author_id = $4 and user_id = $4))
    order by reactions.seq, reactions.created_at, user_id, emoji";

const REVISIONS: &str = "select revisions.seq, revisions.body, written_at from revisions
    join messages as one on one.room_id = revisions.room_id and one.seq = revisions.seq
    where revisions.room_id = $1 and revisions.seq > $2 and revisions.seq <= $3 and ($4 = 0 or author_id = $4)
    order by revisions.seq, revisions.rev";

const FILES: &str = "select files.seq, name, type as media_type, bytes, hash, alt from files
    join messages as one on one.room_id = files.room_id and one.seq = files.seq
    where files.room_id = $1 and files.seq > $2 and files.seq <= $3 and hash is not null and purpose = 'attachment'
      and ($4 = 0 or author_id = $4)
    order by files.seq, place";

impl Reader {
    /// Begins to read the database that a URL names, beside a server that may use it. Nothing is created or changed there.
    ///
    /// # Errors
    /// If there is no database of Parlor's, or it does not answer.
    pub async fn begin(url: &str) -> Result<Self, OpenError> {
        let (connection, migration, epoch) = begin(url, "parlor export").await?;
        Ok(Self { connection, migration, epoch })
    }

    /// The number of its last migration.
    pub const fn migration(&self) -> i64 {
        self.migration
    }

    /// The id of its history.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The key that signs device tokens, if there is one. It stays the same in a database that was restored or moved.
    pub async fn device_key(&mut self) -> sqlx::Result<Option<String>> {
        let statement = "select value from meta where key = 'device_key'";
        with!(&mut self.connection, |db| sqlx::query_scalar(statement).fetch_optional(db).await)
    }

    /// What administrators call the server, if they said so.
    pub async fn server_name(&mut self) -> sqlx::Result<Option<String>> {
        let statement = "select value from settings where name = 'server_name'";
        with!(&mut self.connection, |db| sqlx::query_scalar(statement).fetch_optional(db).await)
    }

    /// Finds a room by its slug, or by one that it had.
    pub async fn find_room(&mut self, slug: &str) -> sqlx::Result<Option<RoomId>> {
        let statement = "select id from rooms where removed_at is null
             and (slug = $1 or id = (select room_id from room_slugs where room_slugs.slug = $1))
             order by case when slug = $1 then 0 else 1 end limit 1";
        with!(&mut self.connection, |db| sqlx::query_scalar(statement).bind(slug).fetch_optional(db).await)
    }

    /// Finds a person by their username.
    pub async fn find_person(&mut self, username: &str) -> sqlx::Result<Option<UserId>> {
        let statement = "select id from users where username = $1";
        with!(&mut self.connection, |db| sqlx::query_scalar(statement).bind(username).fetch_optional(db).await)
    }

    /// How many messages there are.
    pub async fn count(&mut self, part: Part) -> sqlx::Result<u64> {
        let (room, person) = part.binds();
        let statement = "select count(*) from messages join rooms on rooms.id = room_id
             where removed_at is null and ($1 = 0 or room_id = $1) and ($2 = 0 or author_id = $2)";
        let count: i64 =
            with!(&mut self.connection, |db| sqlx::query_scalar(statement).bind(room).bind(person).fetch_one(db).await)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// People behind this one, by id: for a room whoever is, or ever wrote or did something there.
    pub async fn people(&mut self, part: Part, after: UserId) -> sqlx::Result<Vec<PersonRow>> {
        let (room, person) = part.binds();
        with!(&mut self.connection, |db| sqlx::query_as(PEOPLE)
            .bind(after)
            .bind(room)
            .bind(person)
            .bind(PAGE)
            .fetch_all(db)
            .await)
    }

    /// Rooms behind this one, by id: for a person those in which they are, or ever wrote.
    pub async fn rooms(&mut self, part: Part, after: RoomId) -> sqlx::Result<Vec<RoomRow>> {
        let (room, person) = part.binds();
        with!(&mut self.connection, |db| sqlx::query_as(ROOMS).bind(after).bind(room).bind(person).bind(PAGE).fetch_all(db).await)
    }

    /// The members of a room; for a person only they.
    pub async fn members(&mut self, part: Part, room: RoomId) -> sqlx::Result<Vec<MemberRow>> {
        let statement = "select user_id, role, joined_at from memberships where room_id = $1 and ($2 = 0 or user_id = $2)
             order by user_id";
        let (_, person) = part.binds();
        with!(&mut self.connection, |db| sqlx::query_as(statement).bind(room).bind(person).fetch_all(db).await)
    }

    /// Who may not come back to a room, and since when; for a person nobody.
    pub async fn bans(&mut self, part: Part, room: RoomId) -> sqlx::Result<Vec<(UserId, Millis)>> {
        let statement = "select user_id, banned_at from room_bans where room_id = $1 and $2 = 0 order by user_id";
        let (_, person) = part.binds();
        with!(&mut self.connection, |db| sqlx::query_as(statement).bind(room).bind(person).fetch_all(db).await)
    }

    /// Messages of a room behind this place. For a person only theirs, without what others added to them.
    pub async fn messages(&mut self, part: Part, room: RoomId, after: i64) -> sqlx::Result<MessagePage> {
        let (_, person) = part.binds();
        let messages: Vec<MessageRow> = with!(&mut self.connection, |db| sqlx::query_as(MESSAGES)
            .bind(room)
            .bind(after)
            .bind(person)
            .bind(PAGE)
            .fetch_all(db)
            .await)?;
        let Some(last) = messages.last().map(|message| message.seq) else { return Ok(MessagePage::default()) };
        macro_rules! hanging {
            ($statement:expr) => {
                with!(&mut self.connection, |db| sqlx::query_as($statement)
                    .bind(room)
                    .bind(after)
                    .bind(last)
                    .bind(person)
                    .fetch_all(db)
                    .await)?
            };
        }
        let (reactions, revisions, files) = (hanging!(REACTIONS), hanging!(REVISIONS), hanging!(FILES));
        Ok(MessagePage { messages, reactions, revisions, files })
    }

    /// Ends the transaction, so that the database can forget what was deleted since.
    pub async fn end(&mut self) -> sqlx::Result<()> {
        with!(&mut self.connection, |db| db.execute("commit").await.map(drop))
    }
}
