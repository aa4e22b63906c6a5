//! Statements that read threads. Whoever asks must hold the room's `RoomView`.

use std::sync::Arc;

use super::messages::{UNREAD_LIMIT, messages};
use super::{Db, read};
use crate::model::{Message, RoomId};

impl Db {
    /// The place of the message that a message's thread begins with, which may be its own; nothing where there is no such message.
    ///
    /// # Errors
    /// The database's.
    pub async fn thread_of(&self, room: RoomId, seq: i64) -> sqlx::Result<Option<i64>> {
        read!(self, |pool| sqlx::query_scalar("select coalesce(thread, seq) from messages where room_id = $1 and seq = $2")
            .bind(room)
            .bind(seq)
            .fetch_optional(pool)
            .await)
    }

    /// The replies of a thread behind place `after`, oldest first: up to `limit`, and as many as fit into one answer; and whether
    /// there are more.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_replies(
        &self,
        room: RoomId,
        slug: &Arc<str>,
        thread: i64,
        after: i64,
        limit: i64,
    ) -> sqlx::Result<(Vec<Message>, bool)> {
        let mut rows = messages!(
            self,
            light,
            "where messages.room_id = $1 and thread = $2 and messages.seq > $3 order by messages.seq limit $4",
            room,
            thread,
            after,
            limit + 1
        );
        let more = rows.len() as i64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(0));
        let (messages, is_all) = self.complete(room, slug, rows, 0).await?;
        Ok((messages, more || !is_all))
    }

    /// How many replies a thread has, counted up to 1,000.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_replies(&self, room: RoomId, thread: i64) -> sqlx::Result<i64> {
        // In order, or Postgres takes the limit for a promise that any part of the table holds enough of them.
        read!(self, |pool| sqlx::query_scalar(
            "select count(*) from (select 1 from messages where room_id = $1 and thread = $2 order by seq limit $3) as replies",
        )
        .bind(room)
        .bind(thread)
        .bind(UNREAD_LIMIT)
        .fetch_one(pool)
        .await)
    }
}
