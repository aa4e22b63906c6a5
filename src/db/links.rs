//! Statements on the links of messages.

use sqlx::FromRow;

use super::{Db, read};
use crate::model::{RoomId, UserId};

/// A message whose links may get previews.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Linking {
    /// Who wrote it.
    #[sqlx(rename = "author_id")]
    pub author: UserId,
    /// Its text.
    pub body: String,
}

impl Db {
    /// A message whose links may get previews: it is there, has none, nobody has removed them, and its room shows them.
    pub async fn find_linking(&self, room: RoomId, seq: i64) -> sqlx::Result<Option<Linking>> {
        read!(self, |pool| {
            sqlx::query_as(
                "select author_id, body from messages join rooms on rooms.id = messages.room_id
                 where messages.room_id = $1 and messages.seq = $2 and messages.kind = 'text' and messages.deleted_at is null
                   and messages.links is null and rooms.link_previews and rooms.removed_at is null",
            )
            .bind(room)
            .bind(seq)
            .fetch_optional(pool)
            .await
        })
    }
}
