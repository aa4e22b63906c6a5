//! Statements on threads. Callers must hold the room's `RoomView`.

use std::sync::Arc;

use super::messages::{UNREAD_LIMIT, messages};
use super::{Db, read};
use crate::model::{Message, RoomId};

impl Db {
    /// The `seq` of the message that starts a message's thread, possibly its own; `None` if there is no such message.
    pub async fn thread_of(&self, room: RoomId, seq: i64) -> sqlx::Result<Option<i64>> {
        read!(self, |pool| sqlx::query_scalar("select coalesce(thread, seq) from messages where room_id = $1 and seq = $2")
            .bind(room)
            .bind(seq)
            .fetch_optional(pool)
            .await)
    }

    /// A page of a thread's replies after `after`, oldest first: at most `limit`, and as many as fit into one answer; and whether
    /// there are more.
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

    /// The number of replies, at most 1,000.
    pub async fn count_replies(&self, room: RoomId, thread: i64) -> sqlx::Result<i64> {
        // Ordered: otherwise Postgres assumes that any part of the table satisfies the limit.
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
