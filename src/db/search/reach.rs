//! Resolves the names of a query: rooms, and the message at which a page ended.
//!
//! Each statement also checks whether the reader can see the room; if not, it behaves as if there were none.

use crate::db::{Db, read, visible};
use crate::model::{RoomId, UserId};

/// Maximum number of rooms named in an index query.
const MOST_ROOMS: i64 = 500;

impl Db {
    /// The rooms to restrict a search to, if most messages of the server are invisible to this reader. `None` if that would not
    /// help; visibility is checked in any case.
    pub async fn reach(&self, reader: UserId) -> sqlx::Result<Option<Vec<RoomId>>> {
        let (all, own, count): (i64, i64, i64) = read!(self, |pool| {
            sqlx::query_as(
                concat!(
                    "select cast(coalesce(sum(seq), 0) as bigint), cast(coalesce(sum(case when is_seen then seq else 0 end), 0) as bigint),
                            cast(coalesce(sum(case when is_seen then 1 else 0 end), 0) as bigint)
                     from (select seq, ",
                    visible!("$1"),
                    " as is_seen from rooms
                     left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1) as known"
                ),
            )
            .bind(reader)
            .fetch_one(pool)
            .await?
        });
        if own.saturating_mul(2) >= all || count > MOST_ROOMS {
            return Ok(None);
        }
        let rooms = read!(self, |pool| sqlx::query_scalar(concat!(
            "select rooms.id from rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
                 where ",
            visible!("$1")
        ),)
        .bind(reader)
        .fetch_all(pool)
        .await?);
        Ok(Some(rooms))
    }

    /// A message's id, if `reader` can see its room.
    pub async fn find_message_id(&self, slug: &str, seq: i64, reader: UserId) -> sqlx::Result<Option<i64>> {
        read!(self, |pool| sqlx::query_scalar(concat!(
            "select messages.id from rooms join messages on messages.room_id = rooms.id and messages.seq = $2
                 left join memberships on memberships.room_id = rooms.id and memberships.user_id = $3
                 where slug = $1 and ",
            visible!("$3")
        ),)
        .bind(slug)
        .bind(seq)
        .bind(reader)
        .fetch_optional(pool)
        .await)
    }

    /// A user's time zone.
    pub async fn find_time_zone(&self, user: UserId) -> sqlx::Result<Option<String>> {
        let zone: Option<Option<String>> = read!(self, |pool| sqlx::query_scalar("select time_zone from users where id = $1")
            .bind(user)
            .fetch_optional(pool)
            .await?);
        Ok(zone.flatten())
    }
}
