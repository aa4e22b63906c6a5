//! Finding and creating rooms.
//!
//! Owns these statements; the ledger writes changes, and lists are in `directory` and `sidebar`. `find_room` is the one statement that
//! answers whether a user can see a room.

use std::sync::Arc;

use serde_json::json;
use sqlx::FromRow;

use super::audit::{record, rows};
use super::{Db, read, transaction, visible};
use crate::clock::Millis;
use crate::model::{
    Head, Keep, ListedRoom, Membership, NotificationLevel, Room, RoomId, RoomPolicy, RoomRole, UserId, Visibility,
};
use crate::permissions::{Caller, RoomFacts};
use crate::security_log::Event;

/// A room as one person may see it. Holding a `RoomView` is the right to read the room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomView {
    /// The room.
    pub room: Room,
    /// The last `seq` and `rev` of its log.
    pub head: Head,
    /// The reader's membership, if they are a member.
    pub membership: Option<Membership>,
    /// The reader's notification level; `None` is their default.
    pub level: Option<NotificationLevel>,
    /// The number of members.
    pub members: i64,
    /// Whether the reader has hidden this conversation.
    pub is_hidden: bool,
}

impl RoomView {
    /// The facts that permissions depend on.
    pub fn facts(&self) -> RoomFacts {
        RoomFacts {
            visibility: self.room.visibility,
            is_direct: self.room.is_direct,
            is_archived: self.room.is_archived,
            policy: self.room.policy,
            role: self.membership.map(|membership| membership.role),
            // They see it.
            is_excluded: false,
        }
    }
}

/// A new room.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Who can see it.
    pub visibility: Visibility,
    /// The user who creates it.
    pub created_by: Option<UserId>,
    /// How its slug begins.
    pub slug: String,
    /// When it is created.
    pub created_at: Millis,
    /// What the audit log records of it, without the room.
    pub event: Option<Event>,
}

/// A room as those see it who decide about it. It is no right to read it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ManagedRoom {
    /// The room.
    pub room: RoomId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Who can find it.
    pub visibility: Visibility,
    /// When it was archived.
    pub archived_at: Option<Millis>,
    /// Who may post.
    pub posting: RoomRole,
    /// Who may mention everybody.
    pub mass_mentions: RoomRole,
    /// Whether it is a conversation.
    pub is_direct: bool,
    /// The number of members.
    pub members: i64,
    /// The role of who looks; none for non-members.
    pub role: Option<RoomRole>,
    /// For how many days its messages are kept; see [`Keep`].
    pub keep_messages: Option<i64>,
    /// For how many days its files are kept.
    pub keep_files: Option<i64>,
}

impl ManagedRoom {
    /// The facts that permissions depend on.
    pub fn facts(&self) -> RoomFacts {
        RoomFacts {
            visibility: self.visibility,
            is_direct: self.is_direct,
            is_archived: self.archived_at.is_some(),
            policy: RoomPolicy { posting: self.posting, mass_mentions: self.mass_mentions },
            role: self.role,
            is_excluded: false,
        }
    }
}

/// How much has been written in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct RoomStats {
    /// The number of messages, at most one more than [`RoomStats::COUNTED`].
    pub messages: i64,
    /// When the first of them was written.
    pub since: Option<Millis>,
}

impl RoomStats {
    /// The highest exact count.
    pub const COUNTED: i64 = 10_000;
}

/// A row about a room, for this module, `directory` and `sidebar`.
#[derive(Clone, FromRow)]
pub(super) struct RoomRow {
    pub(super) id: RoomId,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) visibility: Visibility,
    pub(super) created_at: Millis,
    pub(super) direct_key: Option<String>,
    pub(super) archived_at: Option<Millis>,
    pub(super) posting: RoomRole,
    pub(super) mass_mentions: RoomRole,
    pub(super) icon: Option<String>,
    pub(super) seq: i64,
    pub(super) rev: i64,
    pub(super) talk_seq: i64,
    pub(super) joined_at: Option<Millis>,
    pub(super) read_seq: Option<i64>,
    pub(super) role: Option<RoomRole>,
    pub(super) level: Option<NotificationLevel>,
    pub(super) members: i64,
    #[sqlx(default)]
    pub(super) slow_mode: i64,
    pub(super) link_previews: bool,
    #[sqlx(default)]
    pub(super) keep_messages: Option<i64>,
    #[sqlx(default)]
    pub(super) keep_files: Option<i64>,
    #[sqlx(default)]
    pub(super) hidden_seq: Option<i64>,
    #[sqlx(default)]
    pub(super) unread: i64,
    #[sqlx(default)]
    pub(super) mentions: i64,
    #[sqlx(default)]
    pub(super) pins: i64,
    #[sqlx(default)]
    pub(super) draft: Option<String>,
    #[sqlx(default)]
    pub(super) place: String,
    #[sqlx(default)]
    pub(super) rank: i64,
}

impl RoomRow {
    /// Whether the conversation was hidden and has no new message since.
    pub(super) fn is_hidden(&self) -> bool {
        self.hidden_seq.is_some_and(|hidden| hidden >= self.talk_seq)
    }

    pub(super) fn into_room(self) -> Room {
        Room {
            id: self.id,
            slug: self.slug.into(),
            name: self.name,
            topic: self.topic,
            visibility: self.visibility,
            created_at: self.created_at,
            is_archived: self.archived_at.is_some(),
            policy: RoomPolicy { posting: self.posting, mass_mentions: self.mass_mentions },
            slow_mode: self.slow_mode,
            icon: self.icon.map(Into::into),
            link_previews: self.link_previews,
            keep_messages: self.keep_messages.into(),
            keep_files: self.keep_files.into(),
            is_direct: self.direct_key.is_some(),
            direct: Vec::new(),
        }
    }
}

impl From<RoomRow> for RoomView {
    fn from(row: RoomRow) -> Self {
        Self {
            head: Head { seq: row.seq, rev: row.rev },
            membership: row.joined_at.zip(row.read_seq).map(|(joined_at, read_seq)| Membership {
                joined_at,
                read_seq,
                role: row.role.unwrap_or_default(),
            }),
            is_hidden: row.is_hidden(),
            level: row.level,
            members: row.members,
            room: row.into_room(),
        }
    }
}

impl From<RoomRow> for ListedRoom {
    fn from(row: RoomRow) -> Self {
        Self {
            is_hidden: row.is_hidden(),
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

/// A random suffix that makes a slug unique. With 387 million of them, private rooms cannot be guessed; without vowels they spell
/// nothing.
pub fn random_end() -> String {
    const SIGNS: &[u8] = b"23456789bcdfghjkmnpqrstvwxz";
    (0..6).map(|_| char::from(SIGNS[rand::random_range(0..SIGNS.len())])).collect()
}

impl Db {
    /// A room by its present slug, if `reader` can see it: it is public, or they are a member.
    ///
    /// A membership is looked up even if there is no such room (no room has the id 0), so that the response time does not reveal
    /// private rooms.
    pub async fn find_room(&self, slug: &str, reader: UserId) -> sqlx::Result<Option<RoomView>> {
        let row: Option<RoomRow> = read!(self, |pool| {
            sqlx::query_as(
                concat!(
                    "select rooms.id, slug, name, topic, visibility, created_at, direct_key, archived_at, posting, mass_mentions, icon, seq, rev,
                            talk_seq, joined_at, read_seq, role, level, members, hidden_seq, slow_mode, link_previews, keep_messages, keep_files
                     from (select $1 as wanted) as given
                     left join rooms on slug = wanted
                     left join memberships on memberships.room_id = coalesce(rooms.id, 0) and memberships.user_id = $2
                     where ",
                    visible!("$2")
                ),
            )
            .bind(slug)
            .bind(reader)
            .fetch_optional(pool)
            .await?
        });
        Ok(row.map(Into::into))
    }

    /// A room, if `caller` can see it or administers it.
    pub async fn find_managed_room(&self, slug: &str, caller: Caller) -> sqlx::Result<Option<ManagedRoom>> {
        read!(self, |pool| {
            sqlx::query_as(concat!(
            "select rooms.id as room, slug, rooms.name, topic, visibility, archived_at, posting, mass_mentions, direct_key is not null as is_direct,
                    members, role, keep_messages, keep_files
             from (select $1 as wanted) as given
             left join rooms on slug = wanted
             left join memberships on memberships.room_id = coalesce(rooms.id, 0) and memberships.user_id = $2
             where rooms.id is not null and removed_at is null and (",
            visible!("$2"),
            " or ($3 and direct_key is null and exists (select 1 from users where users.id = $2 and is_admin and users.banned_at is null)))"
        ))
        .bind(slug)
        .bind(caller.id)
        .bind(caller.may_administer)
        .fetch_optional(pool)
        .await
        })
    }

    /// The present slug of the room that had this one before.
    pub async fn find_present_slug(&self, earlier: &str) -> sqlx::Result<Option<String>> {
        read!(self, |pool| sqlx::query_scalar(
            "select rooms.slug from room_slugs join rooms on rooms.id = room_slugs.room_id where room_slugs.slug = $1"
        )
        .bind(earlier)
        .fetch_optional(pool)
        .await)
    }

    /// The slugs of all public rooms.
    pub async fn list_public_slugs(&self) -> sqlx::Result<Vec<String>> {
        read!(self, |pool| sqlx::query_scalar("select slug from rooms where visibility = 'public'").fetch_all(pool).await)
    }

    /// The head of a room's log.
    pub async fn head(&self, room: RoomId) -> sqlx::Result<Head> {
        let (seq, rev) =
            read!(self, |pool| sqlx::query_as("select seq, rev from rooms where id = $1").bind(room).fetch_one(pool).await?);
        Ok(Head { seq, rev })
    }

    /// How much has been written in a room.
    pub async fn room_stats(&self, room: RoomId) -> sqlx::Result<RoomStats> {
        read!(self, |pool| sqlx::query_as(
            "select count(*) as messages, min(created_at) as since from (
                select created_at from messages where room_id = $1 and kind = 'text' and deleted_at is null order by seq limit $2
             ) as written",
        )
        .bind(room)
        .bind(RoomStats::COUNTED + 1)
        .fetch_one(pool)
        .await)
    }

    /// Creates a room, unless `is_taken` is true of the name of a room that its creator can see; then returns that name. A public room
    /// gets the plain `slug` if it is free; all others get a random suffix in any case, so that no private room occupies a name that others
    /// could find taken.
    pub async fn insert_room(
        &self,
        new: NewRoom,
        is_taken: impl Fn(&str) -> bool + Send + 'static,
    ) -> sqlx::Result<Result<Room, String>> {
        transaction!(self, |tx| {
            // One at a time, on all nodes: on Postgres, two of one name would not see each other.
            sqlx::query("update meta set value = value where key = 'epoch'").execute(&mut *tx).await?;
            let names: Vec<String> = sqlx::query_scalar(
                "select name from rooms where direct_key is null and (visibility = 'public'
                     or exists (select 1 from memberships where room_id = rooms.id and user_id = $1))",
            )
            .bind(new.created_by)
            .fetch_all(&mut *tx)
            .await?;
            if let Some(taken) = names.into_iter().find(|name| is_taken(name)) {
                return Ok(Err(taken));
            }
            let mut may_be_plain = new.visibility == Visibility::Public;
            loop {
                let slug: Arc<str> = if std::mem::take(&mut may_be_plain) {
                    new.slug.as_str().into()
                } else {
                    format!("{}-{}", new.slug, random_end()).into()
                };
                // Earlier slugs still lead to their rooms.
                let id: Option<RoomId> = sqlx::query_scalar(
                    "insert into rooms (slug, name, topic, visibility, created_by, created_at) select $1, $2, $3, $4, $5, $6
                     where not exists (select 1 from room_slugs where room_slugs.slug = $1)
                     on conflict (slug) do nothing returning id",
                )
                .bind(&*slug)
                .bind(&new.name)
                .bind(&new.topic)
                .bind(new.visibility)
                .bind(new.created_by)
                .bind(new.created_at)
                .fetch_optional(&mut *tx)
                .await?;
                if let Some(id) = id {
                    let after = json!({ "name": new.name, "topic": new.topic, "visibility": new.visibility });
                    let event = new.event.map(|event| event.about(&*slug).changed(None, Some(after)));
                    record!(tx, rows(&event));
                    break Ok(Room {
                        id,
                        slug,
                        name: new.name,
                        topic: new.topic,
                        visibility: new.visibility,
                        created_at: new.created_at,
                        is_archived: false,
                        policy: RoomPolicy::OPEN,
                        slow_mode: 0,
                        icon: None,
                        link_previews: true,
                        keep_messages: Keep::AsServer,
                        keep_files: Keep::AsServer,
                        is_direct: false,
                        direct: Vec::new(),
                    });
                }
            }
        })
    }
}
