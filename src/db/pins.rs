//! Statements on pinned messages. Callers must hold the room's `RoomView`.

use std::sync::Arc;

use super::messages::messages;
use super::{Db, read};
use crate::clock::Millis;
use crate::model::pagination::PinCursor;
use crate::model::{Message, RoomId};

/// Maximum number of pinned messages in an answer.
const PINS: i64 = 200;

impl Db {
    /// A page of pinned messages, the latest pin first, starting after `before`: as many as fit into one answer; and whether
    /// there are more.
    pub async fn list_pins(
        &self,
        room: RoomId,
        slug: &Arc<str>,
        before: Option<PinCursor>,
    ) -> sqlx::Result<(Vec<Message>, bool)> {
        let before = before.unwrap_or(PinCursor { at: Millis(i64::MAX), seq: i64::MAX });
        let mut rows = messages!(
            self,
            light,
            "where messages.room_id = $1 and pinned_at is not null and (pinned_at, messages.seq) < ($2, $3)
             order by pinned_at desc, messages.seq desc limit $4",
            room,
            before.at,
            before.seq,
            PINS + 1
        );
        let more = rows.len() as i64 > PINS;
        rows.truncate(PINS as usize);
        let (messages, is_all) = self.complete(room, slug, rows, 0).await?;
        Ok((messages, more || !is_all))
    }

    /// The number of pinned messages in a room.
    pub async fn count_pins(&self, room: RoomId) -> sqlx::Result<i64> {
        read!(self, |pool| sqlx::query_scalar("select count(*) from messages where room_id = $1 and pinned_at is not null")
            .bind(room)
            .fetch_one(pool)
            .await)
    }
}
