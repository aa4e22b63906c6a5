//! The room directory.
//!
//! Owns the statements that list the rooms a user can see. All are bounded or paginated, except `list_rooms`, which search needs to
//! resolve names.

use super::people::pattern;
use super::rooms::RoomRow;
use super::{Db, read, visible};
use crate::clock::Millis;
use crate::model::pagination::{RoomCursor, RoomOrder, RoomPageRequest, RoomScope};
use crate::model::{ListedRoom, UserId};

/// A page of the room directory: by rank, then by name.
macro_rules! directory {
    ($db:expr, $reader:expr, $request:expr, $limit:expr, $($among:expr),+) => {{
        // The pattern as typed and in lower case: SQLite's `lower` handles ASCII only.
        let rows: Vec<RoomRow> = read!($db, |pool| sqlx::query_as(concat!(
            "select * from (
                select rooms.id, slug, name, topic, visibility, created_at, direct_key, archived_at, posting, mass_mentions, link_previews, icon, seq, rev, talk_seq, joined_at, read_seq, role, level,
                       hidden_seq, members, lower(name) as place,
                       case when $8 = 'members' then members
                            when $8 = 'activity' then coalesce((select messages.created_at from messages
                                where messages.room_id = rooms.id and messages.seq = talk_seq), rooms.created_at)
                            else 0 end as rank
                from ", $($among,)+ " and (direct_key is null or $7)
                  and (slug like $2 escape '\\' or lower(name) like $2 escape '\\' or name like $3 escape '\\')) as found
             where rank < $9 or (rank = $9 and (place, slug) > ($4, $5))
             order by rank desc, place, slug limit $6"
        ))
        .bind($reader)
        .bind(pattern(&$request.text.to_lowercase()))
        .bind(pattern(&$request.text))
        .bind($request.after.as_ref().map_or("", |after| &after.name))
        .bind($request.after.as_ref().map_or("", |after| &after.slug))
        .bind($limit)
        .bind($request.with_direct)
        .bind($request.order.as_str())
        .bind($request.after.as_ref().map_or(i64::MAX, |after| after.rank))
        .fetch_all(pool)
        .await?);
        rows
    }};
}

impl Db {
    /// How many rooms, or conversations, a user is in; counts at most `limit`.
    pub async fn count_rooms_of(&self, user: UserId, are_direct: bool, limit: i64) -> sqlx::Result<i64> {
        read!(self, |pool| sqlx::query_scalar(
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

    /// All rooms that a user can see, by name.
    pub async fn list_rooms(&self, reader: UserId) -> sqlx::Result<Vec<ListedRoom>> {
        let rows: Vec<RoomRow> = read!(self, |pool| {
            sqlx::query_as(concat!(
                "select rooms.id, slug, name, topic, visibility, created_at, direct_key, archived_at, posting, mass_mentions, link_previews, icon, seq, rev, talk_seq,
                        joined_at, read_seq, role, level, members
                 from rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
                 where ",
                visible!("$1"),
                " order by lower(name), slug"
            ))
            .bind(reader)
            .fetch_all(pool)
            .await?
        });
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// A page of the room directory.
    pub async fn list_directory(
        &self,
        reader: UserId,
        request: &RoomPageRequest,
        limit: i64,
    ) -> sqlx::Result<Vec<(RoomCursor, ListedRoom)>> {
        let rows = match request.scope {
            RoomScope::Own => directory!(
                self,
                reader,
                request,
                limit,
                "memberships join rooms on rooms.id = memberships.room_id where memberships.user_id = $1 and archived_at is null"
            ),
            RoomScope::Others => directory!(
                self,
                reader,
                request,
                limit,
                "rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
                 where joined_at is null and archived_at is null and ",
                visible!("$1")
            ),
            RoomScope::Archived => directory!(
                self,
                reader,
                request,
                limit,
                "rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
                 where archived_at is not null and ",
                visible!("$1")
            ),
            RoomScope::All => directory!(
                self,
                reader,
                request,
                limit,
                "rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
                 where archived_at is null and ",
                visible!("$1")
            ),
        };
        let found = rows.into_iter().map(|mut row| {
            let place = RoomCursor { rank: row.rank, name: std::mem::take(&mut row.place), slug: row.slug.clone() };
            let talked_at = (request.order == RoomOrder::Activity).then_some(Millis(row.rank));
            (place, ListedRoom { talked_at, ..row.into() })
        });
        Ok(found.collect())
    }
}
