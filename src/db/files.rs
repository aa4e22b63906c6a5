//! Statements on files as people read them.
//!
//! Owns that who asks and what they may read is decided in the statement that finds a file, so that it is what is true now. It is one
//! statement because a page may show hundreds of files.

use sqlx::FromRow;

use super::sessions::{SessionCheck, is_valid_session};
use super::tokens::administers;
use super::{Db, read, visible};
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

/// Where the conditions find everything: the session `$1`, its user, the token that it is, the file `$6` and its room.
macro_rules! session_and_file {
    () => {
        " from sessions join users on users.id = sessions.user_id left join tokens on tokens.session_key = sessions.key
          join files on files.id = $6
          left join rooms on rooms.id = files.room_id
          left join memberships on memberships.room_id = files.room_id and memberships.user_id = sessions.user_id "
    };
}

/// The condition that the session `$1` is valid, and its user may read the row of `files` now: a file of a message is for those who may
/// read its room, an upload for its maker, an archive of their data for its maker who has logged in, what a hold has kept for administrators.
macro_rules! is_readable {
    () => {
        concat!(
            "sessions.key = $1 and ",
            is_valid_session!(),
            " and files.hash is not null
              and (files.room_id is null and files.owner_id = sessions.user_id and files.expires_at > $2
                       and (files.purpose = 'attachment' or files.purpose = 'export' and tokens.session_key is null)
                   or files.room_id is not null and files.held_at is null and rooms.removed_at is null and ",
            visible!("sessions.user_id"),
            " or files.held_at is not null and users.is_admin and ",
            administers!(),
            ")"
        )
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
    /// The user of a session and a file that they may read now; `None` too if the session is not valid.
    pub async fn find_readable_file(&self, session: SessionCheck<'_>, id: &str) -> sqlx::Result<Option<(UserId, Readable)>> {
        const FIND: &str = concat!(
            "select files.hash, files.bytes, files.type, files.name, sessions.user_id",
            session_and_file!(),
            "where ",
            is_readable!()
        );
        let [admins, everyone] = session.required_of();
        let row: Option<(String, i64, String, String, UserId)> = read!(self, |pool| sqlx::query_as(FIND)
            .bind(session.key)
            .bind(session.now)
            .bind(session.idle_since)
            .bind(admins)
            .bind(everyone)
            .bind(id)
            .fetch_optional(pool)
            .await?);
        Ok(row.map(|(hash, bytes, media_type, name, reader)| (reader, Readable { hash, bytes, media_type, name })))
    }

    /// The user of a session, and a preview of a file that they may read now, of this size and density or the nearest to it; `None` too if
    /// the session is not valid.
    pub async fn find_readable_preview(
        &self,
        session: SessionCheck<'_>,
        id: &str,
        (size, density): (&str, i64),
    ) -> sqlx::Result<Option<(UserId, PreviewState)>> {
        const FIND: &str = concat!(
            "select previews.hash, previews.bytes, previews.type, files.name, files.preview, sessions.user_id",
            session_and_file!(),
            "left join previews on previews.file_id = files.id
             where ",
            is_readable!(),
            " order by case when previews.size = $7 then 0 else 1 end, abs(previews.density - $8) limit 1"
        );
        type Row = (Option<String>, Option<i64>, Option<String>, String, String, UserId);
        let [admins, everyone] = session.required_of();
        let row: Option<Row> = read!(self, |pool| sqlx::query_as(FIND)
            .bind(session.key)
            .bind(session.now)
            .bind(session.idle_since)
            .bind(admins)
            .bind(everyone)
            .bind(id)
            .bind(size)
            .bind(density)
            .fetch_optional(pool)
            .await?);
        let Some((hash, bytes, media_type, name, state, reader)) = row else { return Ok(None) };
        Ok(match (hash, bytes, media_type) {
            (Some(hash), Some(bytes), Some(media_type)) if state != "due" => {
                Some((reader, PreviewState::Ready(Readable { hash, bytes, media_type, name })))
            }
            _ => (state == "due").then_some((reader, PreviewState::Due)),
        })
    }
}
