//! The rooms of a sidebar.
//!
//! Owns the statements that list a user's own rooms and conversations with their unread counts. All are bounded or paginated.

use std::sync::Arc;

use super::rooms::{RoomRow, RoomView};
use super::{Db, read, visible};
use crate::model::{DraftContent, ListedRoom, RoomId, UserId};

/// Up to this many memberships, the sidebar lists all rooms of a user.
pub const FEW: i64 = 100;
/// Above that, how many rooms of interest are listed: the current one, favorites, and unread ones. One more than a sidebar shows.
const WANTED: i64 = 201;
/// How many other rooms by name, and how many conversations by activity, are listed. One more room than a sidebar shows.
const OTHERS: (i64, i64) = (51, 50);

/// The rooms of a user's sidebar, and the current one.
#[derive(Clone, Debug)]
pub struct SidebarRooms {
    /// The user's rooms by name. Above `FEW`: the current room, favorites, unread rooms and some others, more of each than a
    /// sidebar shows.
    pub rooms: Vec<ListedRoom>,
    /// The current room, if it is one of these.
    pub current: Option<CurrentRoom>,
}

/// The room that a member is viewing.
#[derive(Clone, Debug)]
pub struct CurrentRoom {
    /// The room as the member sees it.
    pub view: RoomView,
    /// The number of pinned messages.
    pub pins: i64,
    /// The member's draft, without an unfinished edit.
    pub draft: Option<DraftContent>,
}

/// Selects some of the reader's rooms with their unread counts; for the room with the given slug also its pins and the draft.
/// `$1` is the reader, `$2` the slug. Unread messages are read in order, for the reason given in `Db::unread`.
macro_rules! own_rooms {
    ($db:expr, $reader:expr, $slug:expr, $which:literal $(, $bind:expr)*) => {{
        let rows: Vec<RoomRow> = read!($db, |pool| sqlx::query_as(concat!(
            "select rooms.id, slug, name, topic, visibility, created_at, direct_key, archived_at, posting, mass_mentions, icon, seq, rev, talk_seq, joined_at, read_seq, role, level,
                    members, hidden_seq, slow_mode, link_previews, keep_messages, keep_files,
                    case when talk_seq > read_seq then (select count(*) from (
                        select author_id from messages where messages.room_id = rooms.id and messages.seq > read_seq and kind = 'text' and deleted_at is null
                        order by messages.seq limit 100) as waiting where author_id <> $1) else 0 end as unread,
                    case when talk_seq > read_seq then (select count(*) from (
                        select 1 from mentions where mentions.user_id = $1 and mentions.room_id = rooms.id and mentions.seq > read_seq
                        order by mentions.seq limit 100) as addressed) else 0 end as mentions,
                    case when slug = $2 then (select count(*) from messages
                        where messages.room_id = rooms.id and pinned_at is not null) else 0 end as pins,
                    case when slug = $2 then (select coalesce(reply_to, 0) || ' ' || body from drafts
                        where drafts.user_id = $1 and drafts.room_id = rooms.id) end as draft
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

/// Parses the draft column of `own_rooms`: the `seq` that it replies to, or 0, and the text.
fn parse_draft(draft: &str) -> Option<DraftContent> {
    let (reply_to, body) = draft.split_once(' ')?;
    let content = DraftContent { body: body.to_owned(), reply_to: reply_to.parse().ok().filter(|seq| *seq > 0), edit: None };
    (!content.is_empty()).then_some(content)
}

impl Db {
    /// A user's rooms for the sidebar of a page without a current room.
    pub async fn list_own_rooms(&self, reader: UserId) -> sqlx::Result<Vec<ListedRoom>> {
        // No slug is empty.
        Ok(self.sidebar_rooms(reader, "", &[]).await?.rooms)
    }

    /// A user's rooms for the sidebar, with what a room's page needs about the current one: one query instead of three.
    /// `favorites` are always included.
    pub async fn sidebar_rooms(&self, reader: UserId, slug: &str, favorites: &[Arc<str>]) -> sqlx::Result<SidebarRooms> {
        let mut rows = own_rooms!(
            self,
            reader,
            slug,
            "archived_at is null
             and (select count(*) from (select 1 from memberships where user_id = $1 limit $3) as few) < $3
             order by lower(name), slug",
            FEW + 1
        );
        if rows.is_empty() {
            // The user has no rooms, or so many that some are chosen before anything is counted: the current one, favorites,
            // rooms with mentions, unread rooms; then the first of the others, and the most active conversations. No slug
            // contains a comma.
            let favorites = if favorites.is_empty() { String::new() } else { format!(",{},", favorites.join(",")) };
            rows = own_rooms!(
                self,
                reader,
                slug,
                "memberships.room_id in (
                    select id from (
                        select id, is_direct, is_wanted, row_number() over (
                            partition by is_direct, is_wanted order by is_here desc, is_favorite desc, urgency desc, is_muted, talked_at desc, name, slug) as place
                        from (
                            select own.*, (is_here or is_favorite or urgency > 0) as is_wanted from (
                                select rooms.id as id, lower(name) as name, slug, direct_key is not null as is_direct, slug = $2 as is_here,
                                       case when $6 = '' then false else replace($6, ',' || slug || ',', '') <> $6 end as is_favorite,
                                       coalesce(level, '') = 'muted' as is_muted,
                                       case when talk_seq <= read_seq or coalesce(level, '') = 'muted' then 0
                                            when (select 1 from mentions where mentions.user_id = $1 and mentions.room_id = rooms.id and mentions.seq > read_seq
                                                  order by mentions.seq limit 1) is not null then 2
                                            else 1 end as urgency,
                                       case when direct_key is null then 0 else coalesce((select messages.created_at from messages
                                            where messages.room_id = rooms.id and messages.seq = talk_seq), rooms.created_at) end as talked_at
                                from memberships join rooms on rooms.id = memberships.room_id where memberships.user_id = $1 and archived_at is null) as own) as known) as ranked
                    where place <= case when is_wanted then $3 when is_direct then $5 else $4 end)
                 order by lower(name), slug",
                WANTED,
                OTHERS.0,
                OTHERS.1,
                favorites
            );
        }
        let current = rows.iter_mut().find(|row| row.slug == slug).map(|row| {
            let draft = row.draft.take().and_then(|draft| parse_draft(&draft));
            CurrentRoom { pins: row.pins, draft, view: row.clone().into() }
        });
        Ok(SidebarRooms { rooms: rows.into_iter().map(Into::into).collect(), current })
    }

    /// A user's rooms and conversations after a slug: the first `limit` in the order of slugs, which never change.
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

    /// A user's conversations by last activity, starting after the given time and slug.
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

    /// Of slugs, those that a room has or had which the reader can see, each with the one that it has now.
    pub async fn list_present_slugs(&self, reader: UserId, slugs: &[Arc<str>]) -> sqlx::Result<Vec<(String, String)>> {
        macro_rules! present {
            ($given:literal) => {
                concat!(
                    "select given.value, rooms.slug from ",
                    $given,
                    " as given
                     join rooms on rooms.id = coalesce((select same.id from rooms as same where same.slug = given.value),
                                                       (select room_id from room_slugs where room_slugs.slug = given.value))
                     left join memberships on memberships.room_id = rooms.id and memberships.user_id = $2
                     where removed_at is null and ",
                    visible!("$2")
                )
            };
        }
        let statement = match self {
            Self::Sqlite(_) => present!("json_each($1)"),
            Self::Postgres(_) => present!("json_array_elements_text(cast($1 as json))"),
        };
        let given = serde_json::to_string(slugs).expect("texts always have a JSON form");
        read!(self, |pool| sqlx::query_as(statement).bind(given).bind(reader).fetch_all(pool).await)
    }

    /// One of a user's rooms.
    pub async fn find_own_room(&self, reader: UserId, room: RoomId) -> sqlx::Result<Option<ListedRoom>> {
        let mut rows = own_rooms!(self, reader, "", "memberships.room_id = $3", room);
        Ok(rows.pop().map(Into::into))
    }
}
