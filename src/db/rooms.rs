//! Rooms and memberships.
//!
//! Owns the statements that find and list them; what changes in a room is written by the ledger. Every statement that answers
//! "may they see it" is `find_room`.

use std::sync::Arc;

use sqlx::FromRow;

use super::people::pattern;
use super::{Db, read, write};
use crate::chat::listing::{Place, SoughtRooms};
use crate::chat::types::{Head, Level, ListedRoom, Membership, Room, RoomId, UserId, Visibility};
use crate::clock::Millis;

/// A room as one person may see it: to hold one is to be allowed to read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomView {
    /// The room.
    pub room: Room,
    /// How far its log had come.
    pub head: Head,
    /// The person's place in it, if they are a member.
    pub membership: Option<Membership>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// The person's notification level; `None` is their default.
    pub level: Option<Level>,
    /// How many people are members.
    pub members: i64,
}

/// How many memberships somebody may have for all of their rooms to be listed beside a page.
pub const FEW: i64 = 100;
/// How many rooms are listed beside a page for somebody with more of them, and how many conversations.
const SHOWN: (i64, i64) = (100, 50);

/// Somebody's rooms, with the one that they look at.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Those that they are a member of, by name. Of somebody with many: the one that they look at, those in which something waits, the
    /// first of the others.
    pub rooms: Vec<ListedRoom>,
    /// Whether they are in more rooms than these, not counting conversations.
    pub has_more: bool,
    /// The one that they look at, if it is one of these.
    pub here: Option<Here>,
}

/// The room that a member looks at.
#[derive(Clone, Debug)]
pub struct Here {
    /// The room as they may see it.
    pub view: RoomView,
    /// How many of its messages are pinned.
    pub pins: i64,
}

/// How much has been written in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Contents {
    /// How many messages, up to one more than [`Contents::COUNTED`].
    pub messages: i64,
    /// When the first of them was written.
    pub since: Option<Millis>,
}

impl Contents {
    /// How many messages are counted; of a room with more it is only known that there are more.
    pub const COUNTED: i64 = 10_000;
}

#[derive(Clone, FromRow)]
struct RoomRow {
    id: RoomId,
    slug: String,
    name: String,
    topic: String,
    visibility: Visibility,
    created_at: Millis,
    direct_key: Option<String>,
    created_by: Option<UserId>,
    seq: i64,
    rev: i64,
    talk_seq: i64,
    joined_at: Option<Millis>,
    read_seq: Option<i64>,
    level: Option<Level>,
    members: i64,
    #[sqlx(default)]
    unread: i64,
    #[sqlx(default)]
    mentions: i64,
    #[sqlx(default)]
    pins: i64,
    #[sqlx(default)]
    place: String,
}

/// Some of a reader's own rooms, in some order, each with what waits there, and for the one of a slug with its pins. `$1` is the reader, `$2`
/// the slug. What waits is read in order, as in `Db::unread`, and for the same reason.
macro_rules! own_rooms {
    ($db:expr, $reader:expr, $slug:expr, $which:literal $(, $bind:expr)*) => {{
        let rows: Vec<RoomRow> = read!($db, pool => sqlx::query_as(concat!(
            "select rooms.id, slug, name, topic, visibility, created_at, direct_key, created_by, seq, rev, talk_seq, joined_at, read_seq, level,
                    members,
                    case when talk_seq > read_seq then (select count(*) from (
                        select author_id from messages where messages.room_id = rooms.id and messages.seq > read_seq and kind = 'text' and deleted_at is null
                        order by messages.seq limit 100) as waiting where author_id <> $1) else 0 end as unread,
                    case when talk_seq > read_seq then (select count(*) from (
                        select 1 from mentions where mentions.user_id = $1 and mentions.room_id = rooms.id and mentions.seq > read_seq
                        order by mentions.seq limit 100) as addressed) else 0 end as mentions,
                    case when slug = $2 then (select count(*) from messages
                        where messages.room_id = rooms.id and pinned_at is not null) else 0 end as pins
             from memberships join rooms on rooms.id = memberships.room_id
             where memberships.user_id = $1 and ", $which
        ))
        .bind($reader)
        .bind($slug)
        $(.bind($bind))*
        .fetch_all(pool)
        .await?);
        rows
    }};
}

/// A page of the directory.
macro_rules! directory {
    ($db:expr, $reader:expr, $sought:expr, $limit:expr, $among:literal) => {{
        // As written and in lower case: SQLite's `lower` knows only ASCII.
        let rows: Vec<RoomRow> = read!($db, pool => sqlx::query_as(concat!(
            "select rooms.id, slug, name, topic, visibility, created_at, direct_key, created_by, seq, rev, talk_seq, joined_at, read_seq, level,
                    members, lower(name) as place
             from ", $among, " and (direct_key is null or $7)
               and (slug like $2 escape '\\' or lower(name) like $2 escape '\\' or name like $3 escape '\\')
               and (lower(name), slug) > ($4, $5)
             order by lower(name), slug limit $6"
        ))
        .bind($reader)
        .bind(pattern(&$sought.text.to_lowercase()))
        .bind(pattern(&$sought.text))
        .bind($sought.after.as_ref().map_or("", |after| &after.name))
        .bind($sought.after.as_ref().map_or("", |after| &after.slug))
        .bind($limit)
        .bind($sought.with_direct)
        .fetch_all(pool)
        .await?);
        rows
    }};
}

impl RoomRow {
    fn into_room(self) -> Room {
        Room {
            id: self.id,
            slug: self.slug.into(),
            name: self.name,
            topic: self.topic,
            visibility: self.visibility,
            created_at: self.created_at,
            is_direct: self.direct_key.is_some(),
            direct: Vec::new(),
        }
    }
}

impl From<RoomRow> for RoomView {
    fn from(row: RoomRow) -> Self {
        Self {
            head: Head { seq: row.seq, rev: row.rev },
            membership: row.joined_at.zip(row.read_seq).map(|(joined_at, read_seq)| Membership { joined_at, read_seq }),
            created_by: row.created_by,
            level: row.level,
            members: row.members,
            room: row.into_room(),
        }
    }
}

impl From<RoomRow> for ListedRoom {
    fn from(row: RoomRow) -> Self {
        Self {
            is_member: row.read_seq.is_some(),
            members: row.members,
            is_unread: row.read_seq.is_some_and(|read| row.talk_seq > read),
            unread: row.unread,
            mentions: row.mentions,
            level: row.level,
            read_seq: row.read_seq.unwrap_or(0),
            talked_at: None,
            head: Head { seq: row.seq, rev: row.rev },
            room: row.into_room(),
        }
    }
}

/// What makes a slug unique. There are 387 million, so nobody finds a private room's by trying; without vowels they spell nothing.
fn random_end() -> String {
    const SIGNS: &[u8] = b"23456789bcdfghjkmnpqrstvwxz";
    (0..6).map(|_| char::from(SIGNS[rand::random_range(0..SIGNS.len())])).collect()
}

impl Db {
    /// A room, if `reader` may see it: it is public, or they are a member.
    ///
    /// A membership is looked up where there is no room, too (no room has the number 0): how long the answer takes does not tell
    /// whether a name is a private room's.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_room(&self, slug: &str, reader: UserId) -> sqlx::Result<Option<RoomView>> {
        let row: Option<RoomRow> = read!(self, pool => sqlx::query_as(
            "select rooms.id, slug, name, topic, visibility, created_at, direct_key, created_by, seq, rev, talk_seq, joined_at, read_seq, level,
                    members
             from (select $1 as wanted) as given left join rooms on slug = wanted
             left join memberships on memberships.room_id = coalesce(rooms.id, 0) and memberships.user_id = $2
             where visibility = 'public' or joined_at is not null",
        )
        .bind(slug)
        .bind(reader)
        .fetch_optional(pool)
        .await?);
        Ok(row.map(Into::into))
    }

    /// Every public room's slug.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_public_slugs(&self) -> sqlx::Result<Vec<String>> {
        read!(self, pool => sqlx::query_scalar("select slug from rooms where visibility = 'public'").fetch_all(pool).await)
    }

    /// How many rooms somebody is a member of, or how many conversations; no more than `limit` are counted.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_rooms_of(&self, user: UserId, are_direct: bool, limit: i64) -> sqlx::Result<i64> {
        read!(self, pool => sqlx::query_scalar(
            "select count(*) from (
                select 1 from memberships join rooms on rooms.id = memberships.room_id
                where memberships.user_id = $1 and (direct_key is not null) = $2 limit $3
             ) as own",
        )
        .bind(user)
        .bind(are_direct)
        .bind(limit)
        .fetch_one(pool)
        .await)
    }

    /// How far a room's log has come.
    ///
    /// # Errors
    /// The database's.
    pub async fn head(&self, room: RoomId) -> sqlx::Result<Head> {
        let (seq, rev) =
            read!(self, pool => sqlx::query_as("select seq, rev from rooms where id = $1").bind(room).fetch_one(pool).await?);
        Ok(Head { seq, rev })
    }

    /// How much has been written in a room.
    ///
    /// # Errors
    /// The database's.
    pub async fn contents(&self, room: RoomId) -> sqlx::Result<Contents> {
        read!(self, pool => sqlx::query_as(
            "select count(*) as messages, min(created_at) as since from (
                select created_at from messages where room_id = $1 and kind = 'text' and deleted_at is null order by seq limit $2
             ) as written",
        )
        .bind(room)
        .bind(Contents::COUNTED + 1)
        .fetch_one(pool)
        .await)
    }

    /// Makes a room. A public one is called `slug` where that is free; every other one gets a random end, whether or not it is. So no
    /// private room holds a name that somebody else could find taken.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_room(
        &self,
        name: &str,
        topic: &str,
        visibility: Visibility,
        created_by: Option<UserId>,
        slug: &str,
        now: Millis,
    ) -> sqlx::Result<Room> {
        let mut may_be_plain = visibility == Visibility::Public;
        loop {
            let slug: Arc<str> =
                if std::mem::take(&mut may_be_plain) { slug.into() } else { format!("{slug}-{}", random_end()).into() };
            let id: Option<RoomId> = write!(self, pool => sqlx::query_scalar(
                "insert into rooms (slug, name, topic, visibility, created_by, created_at) values ($1, $2, $3, $4, $5, $6)
                 on conflict (slug) do nothing returning id",
            )
            .bind(&*slug)
            .bind(name)
            .bind(topic)
            .bind(visibility)
            .bind(created_by)
            .bind(now)
            .fetch_optional(pool)
            .await?);
            if let Some(id) = id {
                return Ok(Room {
                    id,
                    slug,
                    name: name.into(),
                    topic: topic.into(),
                    visibility,
                    created_at: now,
                    is_direct: false,
                    direct: Vec::new(),
                });
            }
        }
    }

    /// The rooms that somebody may see, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_rooms(&self, reader: UserId) -> sqlx::Result<Vec<ListedRoom>> {
        let rows: Vec<RoomRow> = read!(self, pool => sqlx::query_as(
            "select rooms.id, slug, name, topic, visibility, created_at, direct_key, created_by, seq, rev, talk_seq, joined_at, read_seq, level,
                    members
             from rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
             where visibility = 'public' or joined_at is not null
             order by lower(name), slug",
        )
        .bind(reader)
        .fetch_all(pool)
        .await?);
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// A page of the directory: the rooms that somebody may see and that are sought, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_directory(
        &self,
        reader: UserId,
        sought: &SoughtRooms,
        limit: i64,
    ) -> sqlx::Result<Vec<(Place, ListedRoom)>> {
        let rows = if sought.is_own {
            directory!(
                self,
                reader,
                sought,
                limit,
                "memberships join rooms on rooms.id = memberships.room_id where memberships.user_id = $1"
            )
        } else {
            directory!(
                self,
                reader,
                sought,
                limit,
                "rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
                 where (visibility = 'public' or joined_at is not null)"
            )
        };
        let found = rows.into_iter().map(|mut row| {
            let place = Place { name: std::mem::take(&mut row.place), slug: row.slug.clone() };
            (place, row.into())
        });
        Ok(found.collect())
    }

    /// The rooms of somebody that are listed beside a page of none of them.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_own_rooms(&self, reader: UserId) -> sqlx::Result<Vec<ListedRoom>> {
        // No slug is empty.
        Ok(self.list_own_rooms_at(reader, "").await?.rooms)
    }

    /// The same, and what the page of one of them shows of it: one question in the place of three.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_own_rooms_at(&self, reader: UserId, slug: &str) -> sqlx::Result<Surroundings> {
        let mut rows = own_rooms!(
            self,
            reader,
            slug,
            "(select count(*) from (select 1 from memberships where user_id = $1 limit $3) as few) < $3
             order by lower(name), slug",
            FEW + 1
        );
        let mut has_more = false;
        if rows.is_empty() {
            // They are in none, or in so many that some are chosen before anything is counted in them: where they are, then where
            // something waits that addresses them, then where something waits; of conversations, then the liveliest.
            rows = own_rooms!(
                self,
                reader,
                slug,
                "memberships.room_id in (
                    select id from (
                        select id, is_direct, row_number() over (
                            partition by is_direct order by is_here desc, urgency desc, talked_at desc, name, slug) as place
                        from (
                            select rooms.id as id, lower(name) as name, slug, direct_key is not null as is_direct, slug = $2 as is_here,
                                   case when talk_seq <= read_seq or coalesce(level, '') = 'muted' then 0
                                        when (select 1 from mentions where mentions.user_id = $1 and mentions.room_id = rooms.id and mentions.seq > read_seq
                                              order by mentions.seq limit 1) is not null then 2
                                        else 1 end as urgency,
                                   case when direct_key is null then 0 else coalesce((select messages.created_at from messages
                                        where messages.room_id = rooms.id and messages.seq = talk_seq), rooms.created_at) end as talked_at
                            from memberships join rooms on rooms.id = memberships.room_id where memberships.user_id = $1) as own) as ranked
                    where place <= case when is_direct then $4 else $3 end)
                 order by lower(name), slug",
                SHOWN.0,
                SHOWN.1
            );
            has_more = rows.iter().filter(|row| row.direct_key.is_none()).count() as i64 == SHOWN.0;
        }
        let here = rows.iter().find(|row| row.slug == slug).map(|row| Here { pins: row.pins, view: row.clone().into() });
        Ok(Surroundings { rooms: rows.into_iter().map(Into::into).collect(), has_more, here })
    }

    /// Somebody's own rooms, conversations among them, behind one of this slug: the first `limit` in the order of their slugs, which
    /// never change.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_own_rooms_behind(&self, reader: UserId, after: &str, limit: i64) -> sqlx::Result<Vec<ListedRoom>> {
        let rows = own_rooms!(
            self,
            reader,
            after,
            "memberships.room_id in (
                select rooms.id from memberships join rooms on rooms.id = memberships.room_id
                where memberships.user_id = $1 and slug > $2 order by slug limit $3)
             order by slug",
            limit
        );
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Somebody's conversations, the liveliest first, behind the one that was lively at this moment and has this slug.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_conversations(&self, reader: UserId, behind: (i64, &str), limit: i64) -> sqlx::Result<Vec<ListedRoom>> {
        let rows = own_rooms!(
            self,
            reader,
            behind.1,
            "memberships.room_id in (
                select id from (
                    select rooms.id as id, slug, coalesce((select messages.created_at from messages
                           where messages.room_id = rooms.id and messages.seq = talk_seq), rooms.created_at) as since
                    from memberships join rooms on rooms.id = memberships.room_id
                    where memberships.user_id = $1 and direct_key is not null) as own
                where (since, slug) < ($3, $2) order by since desc, slug desc limit $4)",
            behind.0,
            limit
        );
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// One of somebody's own rooms.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_own_room(&self, reader: UserId, room: RoomId) -> sqlx::Result<Option<ListedRoom>> {
        let mut rows = own_rooms!(self, reader, "", "memberships.room_id = $3", room);
        Ok(rows.pop().map(Into::into))
    }
}
