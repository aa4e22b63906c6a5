//! Statements on files as people read them.
//!
//! Owns that access is decided in the statement that finds a file, so that it is what is true now.

use sqlx::FromRow;

use super::{Db, read, visible};
use crate::clock::Millis;
use crate::model::UserId;

/// A file, or one of its previews, that somebody may read.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Readable {
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its size.
    pub bytes: i64,
    /// Its media type.
    #[sqlx(rename = "type")]
    pub media_type: String,
    /// The file's name.
    pub name: String,
}

/// The condition that `$2` may read the row of `files` now: a file of a message is for those who may read its room, an upload for its
/// maker.
macro_rules! readable {
    () => {
        concat!(
            "(files.room_id is null and files.owner_id = $2 and files.purpose = 'attachment' and files.expires_at > $3
              or files.room_id is not null and rooms.removed_at is null and ",
            visible!("$2"),
            ")"
        )
    };
}

/// Where the condition finds the room.
macro_rules! with_room {
    () => {
        " left join rooms on rooms.id = files.room_id
          left join memberships on memberships.room_id = files.room_id and memberships.user_id = $2 "
    };
}

/// A preview that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviewState {
    /// It is there.
    Ready(Readable),
    /// It is being made.
    Due,
}

impl Db {
    /// A file that `reader` may read now.
    pub async fn find_readable_file(&self, id: &str, reader: UserId, now: Millis) -> sqlx::Result<Option<Readable>> {
        const FIND: &str = concat!(
            "select files.hash, files.bytes, files.type, files.name from files",
            with_room!(),
            "where files.id = $1 and files.hash is not null and ",
            readable!()
        );
        read!(self, |pool| sqlx::query_as(FIND).bind(id).bind(reader).bind(now).fetch_optional(pool).await)
    }

    /// A preview of a file that `reader` may read now, of this size and density or the nearest to it.
    pub async fn find_readable_preview(
        &self,
        id: &str,
        reader: UserId,
        (size, density): (&str, i64),
        now: Millis,
    ) -> sqlx::Result<Option<PreviewState>> {
        const FIND: &str = concat!(
            "select previews.hash, previews.bytes, previews.type, files.name, files.preview from files",
            with_room!(),
            "left join previews on previews.file_id = files.id
             where files.id = $1 and files.hash is not null and ",
            readable!(),
            " order by case when previews.size = $4 then 0 else 1 end, abs(previews.density - $5) limit 1"
        );
        type Row = (Option<String>, Option<i64>, Option<String>, String, String);
        let row: Option<Row> = read!(self, |pool| {
            sqlx::query_as(FIND).bind(id).bind(reader).bind(now).bind(size).bind(density).fetch_optional(pool).await?
        });
        let Some((hash, bytes, media_type, name, state)) = row else { return Ok(None) };
        Ok(match (hash, bytes, media_type) {
            (Some(hash), Some(bytes), Some(media_type)) if state != "due" => {
                Some(PreviewState::Ready(Readable { hash, bytes, media_type, name }))
            }
            _ => (state == "due").then_some(PreviewState::Due),
        })
    }
}
