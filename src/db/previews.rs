//! Statements on the previews of files.
//!
//! Owns that all previews of a file appear at once, together with what was found out while they were made.

use sqlx::FromRow;

use super::uploads::Completion;
use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::{RoomId, UserId};

/// A preview whose blob is held and in the storage.
#[derive(Clone, Debug)]
pub struct NewPreview {
    /// `small` or `large`.
    pub size: &'static str,
    /// For screens with one or two pixels for each CSS pixel.
    pub density: i64,
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its media type.
    pub media_type: String,
    /// Its size, in bytes.
    pub bytes: i64,
    /// Its width, in pixels.
    pub width: i64,
    /// Its height, in pixels.
    pub height: i64,
}

/// A file that is stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct StoredFile {
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its media type.
    #[sqlx(rename = "type")]
    pub media_type: String,
}

/// A stored file, as far as its previews are concerned.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct PreviewedFile {
    /// Who made it.
    pub owner_id: UserId,
    /// Its media type.
    #[sqlx(rename = "type")]
    pub media_type: String,
    /// The width of what it shows, in pixels.
    pub width: Option<i64>,
    /// The height of what it shows, in pixels.
    pub height: Option<i64>,
    /// A tiny picture of it, as a data URL.
    pub blur: Option<String>,
    /// The room of the message that has it.
    pub room_id: Option<RoomId>,
    /// That message.
    pub seq: Option<i64>,
    /// Whether previews are to be made.
    pub is_due: bool,
    /// Whether they are there.
    pub is_ready: bool,
}

impl Db {
    /// A stored file, as far as its previews are concerned.
    pub async fn find_previewed_file(&self, id: &str) -> sqlx::Result<Option<PreviewedFile>> {
        let statement = "select owner_id, type, width, height, blur, room_id, seq, preview = 'due' as is_due,
                preview = 'ready' as is_ready from files where id = $1 and hash is not null";
        read!(self, |pool| sqlx::query_as(statement).bind(id).fetch_optional(pool).await)
    }

    /// A file that is stored.
    pub async fn find_stored_file(&self, id: &str) -> sqlx::Result<Option<StoredFile>> {
        let statement = "select hash, type from files where id = $1 and hash is not null";
        read!(self, |pool| sqlx::query_as(statement).bind(id).fetch_optional(pool).await)
    }

    /// Sets the previews of a file and what is not known of it yet: its width, its height, and a tiny picture.
    pub async fn set_previews(
        &self,
        file: &str,
        previews: Vec<NewPreview>,
        (width, height, blur): (Option<i64>, Option<i64>, Option<String>),
        now: Millis,
    ) -> sqlx::Result<Completion> {
        const RELEASE: &str = "update blobs set held_until = 0 where hash = $1 and not is_leaving";
        const FOUND: &str = "update files set preview = $2, width = coalesce(width, $3), height = coalesce(height, $4),
                blur = coalesce(blur, $5) where id = $1 and hash is not null";
        const INSERT: &str = "insert into previews (file_id, size, density, hash, type, bytes, width, height)
             values ($1, $2, $3, $4, $5, $6, $7, $8)";
        const LEAVE: &str = "insert into jobs (kind, payload, created_at, due_at) values ('delete_blob', $1, $2, $2)";
        let file = file.to_owned();
        transaction!(self, |tx| {
            let mut hashes: Vec<_> = previews.iter().map(|preview| preview.hash.clone()).collect();
            // In one order, so that two transactions do not wait for each other.
            hashes.sort_unstable();
            hashes.dedup();
            let mut released = 0;
            for hash in &hashes {
                released += sqlx::query(RELEASE).bind(hash).execute(&mut *tx).await?.rows_affected();
            }
            let state = if previews.is_empty() { "none" } else { "ready" };
            if released < hashes.len() as u64 {
                Completion::BlobGone
            } else if sqlx::query(FOUND)
                .bind(&file)
                .bind(state)
                .bind(width)
                .bind(height)
                .bind(&blur)
                .execute(&mut *tx)
                .await?
                .rows_affected()
                == 0
            {
                for hash in &hashes {
                    let payload = serde_json::json!({ "hash": hash }).to_string();
                    sqlx::query(LEAVE).bind(payload).bind(now).execute(&mut *tx).await?;
                }
                Completion::UploadGone
            } else {
                sqlx::query("delete from previews where file_id = $1").bind(&file).execute(&mut *tx).await?;
                for preview in &previews {
                    sqlx::query(INSERT)
                        .bind(&file)
                        .bind(preview.size)
                        .bind(preview.density)
                        .bind(&preview.hash)
                        .bind(&preview.media_type)
                        .bind(preview.bytes)
                        .bind(preview.width)
                        .bind(preview.height)
                        .execute(&mut *tx)
                        .await?;
                }
                Completion::Done
            }
        })
    }
}
