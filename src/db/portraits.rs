//! Statements on photos of people, and on what is sent of photos and icons.
//!
//! Owns that a person has one photo, and that its file stays as long as they have it. The ledger gives rooms their icons, except those
//! that an import makes.

use super::files::Readable;
use super::{Db, read, transaction};
use crate::model::{RoomId, UserId};

impl Db {
    /// Gives somebody the photo in a file of theirs that was stored for it, or none; the file of the one before is deleted. `false` if their
    /// account is closed, or the file is gone.
    pub async fn set_photo(&self, user: UserId, file: Option<String>) -> sqlx::Result<bool> {
        const TAKE: &str = "update files set expires_at = null
             where id = $1 and owner_id = $2 and purpose = 'photo' and expires_at is not null";
        let find = match self {
            Self::Sqlite(_) => "select photo from users where id = $1 and banned_at is null",
            Self::Postgres(_) => "select photo from users where id = $1 and banned_at is null for update",
        };
        transaction!(self, |tx| {
            let found: Option<Option<String>> = sqlx::query_scalar(find).bind(user).fetch_optional(&mut *tx).await?;
            let Some(before) = found else { return Ok(false) };
            if let Some(file) = &file
                && sqlx::query(TAKE).bind(file).bind(user).execute(&mut *tx).await?.rows_affected() == 0
            {
                return Ok(false);
            }
            sqlx::query("update users set photo = $2 where id = $1").bind(user).bind(&file).execute(&mut *tx).await?;
            if let Some(before) = before {
                sqlx::query("delete from files where id = $1").bind(before).execute(&mut *tx).await?;
            }
            true
        })
    }

    /// Gives a room that an import has just made its icon, a file that was stored for it. Nobody has seen the room yet: nothing is told.
    pub async fn set_imported_icon(&self, room: RoomId, file: String) -> sqlx::Result<()> {
        transaction!(self, |tx| {
            let taken = "update files set expires_at = null where id = $1 and purpose = 'icon'";
            sqlx::query(taken).bind(&file).execute(&mut *tx).await?;
            sqlx::query("update rooms set icon = $2 where id = $1 and icon is null")
                .bind(room)
                .bind(&file)
                .execute(&mut *tx)
                .await?;
        })
    }

    /// The square picture of a photo or an icon, of this size or the nearest to it. Whether somebody may see it is asked before.
    pub async fn find_portrait(&self, file: &str, size: &str) -> sqlx::Result<Option<Readable>> {
        let statement = "select previews.hash, previews.bytes, previews.type, files.name
             from files join previews on previews.file_id = files.id
             where files.id = $1 and files.purpose in ('photo', 'icon')
             order by case when previews.size = $2 then 0 else 1 end, previews.density desc limit 1";
        read!(self, |pool| sqlx::query_as(statement).bind(file).bind(size).fetch_optional(pool).await)
    }
}
