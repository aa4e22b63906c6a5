//! What a search may reach: rooms, and the places where a page of results ended.
//!
//! Owns the statements that turn the names of a query into numbers. Each asks at the same time whether the reader may see what is
//! named; if not, there is no such thing.

use crate::db::{Db, read};
use crate::model::{RoomId, UserId};

/// How many rooms a search names to the index at the most.
const MOST_ROOMS: i64 = 500;

impl Db {
    /// The rooms to which a search should be held from the beginning, because most of what the server keeps is not for this reader.
    /// Nothing, where that would not help; the rooms of what is found are looked at in any case.
    ///
    /// # Errors
    /// The database's.
    pub async fn reach(&self, reader: UserId) -> sqlx::Result<Option<Vec<RoomId>>> {
        let (all, own, count): (i64, i64, i64) = read!(self, |pool| {
            sqlx::query_as(
                "select cast(coalesce(sum(seq), 0) as bigint),
                        cast(coalesce(sum(case when visibility = 'public' or memberships.user_id is not null
                                          then seq else 0 end), 0) as bigint),
                        cast(coalesce(sum(case when visibility = 'public' or memberships.user_id is not null
                                          then 1 else 0 end), 0) as bigint)
                 from rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1",
            )
            .bind(reader)
            .fetch_one(pool)
            .await?
        });
        if own.saturating_mul(2) >= all || count > MOST_ROOMS {
            return Ok(None);
        }
        let rooms = read!(self, |pool| sqlx::query_scalar(
            "select rooms.id from rooms left join memberships on memberships.room_id = rooms.id and memberships.user_id = $1
             where visibility = 'public' or memberships.user_id is not null",
        )
        .bind(reader)
        .fetch_all(pool)
        .await?);
        Ok(Some(rooms))
    }

    /// The number of a message, if `reader` may see its room.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_message_id(&self, slug: &str, seq: i64, reader: UserId) -> sqlx::Result<Option<i64>> {
        read!(self, |pool| sqlx::query_scalar(
            "select messages.id from rooms join messages on messages.room_id = rooms.id and messages.seq = $2
             left join memberships on memberships.room_id = rooms.id and memberships.user_id = $3
             where slug = $1 and (visibility = 'public' or memberships.user_id is not null)",
        )
        .bind(slug)
        .bind(seq)
        .bind(reader)
        .fetch_optional(pool)
        .await)
    }

    /// The time zone that somebody has chosen.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_time_zone(&self, user: UserId) -> sqlx::Result<Option<String>> {
        let zone: Option<Option<String>> = read!(self, |pool| sqlx::query_scalar("select time_zone from users where id = $1")
            .bind(user)
            .fetch_optional(pool)
            .await?);
        Ok(zone.flatten())
    }
}
