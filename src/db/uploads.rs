//! Statements on uploads: files before a message takes them.
//!
//! Owns that nobody has more than their share, counted in the statement that adds a file, and that a file is complete in one transaction
//! with all that follows from it.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;
use crate::model::UserId;

/// A new upload or file.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Its id.
    pub id: String,
    /// Who sends it.
    pub owner: UserId,
    /// `attachment`, `photo`, `icon` or `link`.
    pub purpose: &'static str,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: i64,
    /// What a picture shows.
    pub alt: String,
    /// When it is deleted unless something takes it.
    pub expires_at: Option<Millis>,
}

/// The most that one person may have.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Bytes of all their files.
    pub bytes: i64,
    /// Uploads that nothing has taken.
    pub open: i64,
}

/// What is known of a file once it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its size.
    pub bytes: i64,
    /// Its media type, by its content.
    pub media_type: String,
    /// The width of a picture as it is shown, in pixels.
    pub width: Option<i64>,
    /// The height of a picture as it is shown, in pixels.
    pub height: Option<i64>,
    /// A tiny picture of it, as a data URL.
    pub blur: Option<String>,
    /// The first lines of a text, as HTML.
    pub excerpt: Option<String>,
    /// Whether previews are to be made.
    pub has_preview: bool,
}

/// What became of an attempt to complete a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It is complete.
    Done,
    /// Its blob left meanwhile and must be stored again.
    BlobGone,
    /// There is no such upload any more.
    UploadGone,
    /// Its person has too much already.
    NoRoom,
}

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its sender said of its type.
    #[sqlx(rename = "type")]
    pub media_type: String,
    /// Its size.
    pub bytes: i64,
    /// How many bytes are here.
    pub received: i64,
    /// Whether it is complete.
    pub is_stored: bool,
    /// When it is deleted.
    pub expires_at: Option<Millis>,
}

/// How much somebody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Usage {
    /// Bytes.
    pub bytes: i64,
    /// Uploads that nothing has taken.
    pub open: i64,
}

const INSERT: &str = "insert into files (id, owner_id, purpose, name, type, bytes, alt, created_at, expires_at, hash, received,
        width, height, blur, excerpt, preview)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
     where (select coalesce(sum(bytes), 0) from files where owner_id = $2 and purpose <> 'export') <= $17
       and (select count(*) from files where owner_id = $2 and expires_at is not null and purpose <> 'export') < $18";

/// Adds a job.
const JOB: &str = "insert into jobs (kind, payload, created_at, due_at) values ($1, $2, $3, $3)";
/// Ends the hold of a blob; no row if it is gone or leaving.
const RELEASE: &str = "update blobs set held_until = 0 where hash = $1 and not is_leaving";

fn about(id: &str) -> String {
    serde_json::json!({ "file": id }).to_string()
}

/// Binds the columns of [`INSERT`] to a new file.
macro_rules! inserted {
    ($file:expr, $stored:expr, $received:expr, $share:expr, $now:expr) => {
        sqlx::query(INSERT)
            .bind(&$file.id)
            .bind($file.owner)
            .bind($file.purpose)
            .bind(&$file.name)
            .bind(&$stored.media_type)
            .bind($stored.bytes)
            .bind(&$file.alt)
            .bind($now)
            .bind($file.expires_at)
            .bind(Some(&$stored.hash).filter(|hash| !hash.is_empty()))
            .bind($received)
            .bind($stored.width)
            .bind($stored.height)
            .bind(&$stored.blur)
            .bind(&$stored.excerpt)
            .bind(if $stored.has_preview { "due" } else { "none" })
            .bind($share.bytes - $stored.bytes)
            .bind($share.open)
    };
}

impl Db {
    /// Adds an upload without bytes; `false` if its person has too much already.
    pub async fn insert_upload(&self, file: &NewFile, share: Share, now: Millis) -> sqlx::Result<bool> {
        let nothing = Stored { media_type: file.media_type.clone(), bytes: file.bytes, ..Stored::default() };
        let added = write!(self, |pool| inserted!(file, nothing, 0i64, share, now).execute(pool).await?.rows_affected());
        Ok(added == 1)
    }

    /// Adds a file whose blob is held and in the storage.
    pub async fn insert_stored(&self, file: NewFile, stored: Stored, share: Share, now: Millis) -> sqlx::Result<Completion> {
        transaction!(self, |tx| {
            if sqlx::query(RELEASE).bind(&stored.hash).execute(&mut *tx).await?.rows_affected() == 0 {
                Completion::BlobGone
            } else if inserted!(file, stored, stored.bytes, share, now).execute(&mut *tx).await?.rows_affected() == 0 {
                sqlx::query(JOB)
                    .bind("delete_blob")
                    .bind(serde_json::json!({ "hash": stored.hash }).to_string())
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
                Completion::NoRoom
            } else {
                if stored.has_preview {
                    sqlx::query(JOB).bind("preview").bind(about(&file.id)).bind(now).execute(&mut *tx).await?;
                }
                Completion::Done
            }
        })
    }

    /// Completes an upload whose blob is held and in the storage: its parts are deleted, and previews are made.
    pub async fn complete_upload(&self, id: &str, stored: Stored, now: Millis) -> sqlx::Result<Completion> {
        const COMPLETE: &str = "update files set hash = $2, bytes = $3, received = $3, type = $4, width = $5, height = $6, blur = $7, excerpt = $8, preview = $9
             where id = $1 and hash is null";
        let id = id.to_owned();
        transaction!(self, |tx| {
            if sqlx::query(RELEASE).bind(&stored.hash).execute(&mut *tx).await?.rows_affected() == 0 {
                Completion::BlobGone
            } else {
                let done = sqlx::query(COMPLETE)
                    .bind(&id)
                    .bind(&stored.hash)
                    .bind(stored.bytes)
                    .bind(&stored.media_type)
                    .bind(stored.width)
                    .bind(stored.height)
                    .bind(&stored.blur)
                    .bind(&stored.excerpt)
                    .bind(if stored.has_preview { "due" } else { "none" })
                    .execute(&mut *tx)
                    .await?
                    .rows_affected();
                if done == 0 {
                    // Given up, or completed by somebody else: then their blob has the same content, and is used.
                    let payload = serde_json::json!({ "hash": stored.hash }).to_string();
                    sqlx::query(JOB).bind("delete_blob").bind(payload).bind(now).execute(&mut *tx).await?;
                    Completion::UploadGone
                } else {
                    sqlx::query("delete from chunks where file_id = $1").bind(&id).execute(&mut *tx).await?;
                    sqlx::query(JOB).bind("delete_chunks").bind(about(&id)).bind(now).execute(&mut *tx).await?;
                    if stored.has_preview {
                        sqlx::query(JOB).bind("preview").bind(about(&id)).bind(now).execute(&mut *tx).await?;
                    }
                    Completion::Done
                }
            }
        })
    }

    /// Adds a part of an upload that is in the storage; `false` if the upload is gone, or is not as long as the part's place any more.
    pub async fn add_chunk(&self, id: &str, start: i64, bytes: i64, expires_at: Millis) -> sqlx::Result<bool> {
        let id = id.to_owned();
        transaction!(self, |tx| {
            let moved = sqlx::query(
                "update files set received = received + $3, expires_at = $4 where id = $1 and received = $2 and hash is null",
            )
            .bind(&id)
            .bind(start)
            .bind(bytes)
            .bind(expires_at)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if moved == 1 {
                sqlx::query("insert into chunks (file_id, start, bytes) values ($1, $2, $3)")
                    .bind(&id)
                    .bind(start)
                    .bind(bytes)
                    .execute(&mut *tx)
                    .await?;
            }
            moved == 1
        })
    }

    /// The parts of an upload, as start and size, in their order.
    pub async fn list_chunks(&self, id: &str) -> sqlx::Result<Vec<(i64, i64)>> {
        let statement = "select start, bytes from chunks where file_id = $1 order by start";
        read!(self, |pool| sqlx::query_as(statement).bind(id).fetch_all(pool).await)
    }

    /// Whether there is an upload that is not complete.
    pub async fn has_open_upload(&self, id: &str) -> sqlx::Result<bool> {
        let statement = "select exists (select 1 from files where id = $1 and hash is null)";
        read!(self, |pool| sqlx::query_scalar(statement).bind(id).fetch_one(pool).await)
    }

    /// The parts of all uploads, as upload, start and size.
    pub async fn list_all_chunks(&self) -> sqlx::Result<Vec<(String, i64, i64)>> {
        let statement = "select file_id, start, bytes from chunks order by file_id, start";
        read!(self, |pool| sqlx::query_as(statement).fetch_all(pool).await)
    }

    /// Somebody's upload, unless something has taken it or it has expired.
    pub async fn find_upload(&self, id: &str, owner: UserId, now: Millis) -> sqlx::Result<Option<Upload>> {
        let statement = "select id, name, type, bytes, received, hash is not null as is_stored, expires_at from files
             where id = $1 and owner_id = $2 and purpose = 'attachment' and expires_at > $3";
        read!(self, |pool| sqlx::query_as(statement).bind(id).bind(owner).bind(now).fetch_optional(pool).await)
    }

    /// Deletes those of somebody's uploads that nothing has taken. Their bytes follow by a job. Returns how many there were.
    pub async fn delete_uploads(&self, ids: &[String], owner: UserId) -> sqlx::Result<u64> {
        let ids = ids.to_vec();
        transaction!(self, |tx| {
            let mut deleted = 0;
            for id in &ids {
                let statement =
                    "delete from files where id = $1 and owner_id = $2 and expires_at is not null and purpose <> 'export'";
                deleted += sqlx::query(statement).bind(id).bind(owner).execute(&mut *tx).await?.rows_affected();
            }
            deleted
        })
    }

    /// Deletes up to `limit` uploads that have expired. Returns how many.
    pub async fn delete_expired_uploads(&self, now: Millis, limit: i64) -> sqlx::Result<u64> {
        let statement = "delete from files where id in (select id from files where expires_at <= $1 order by expires_at limit $2)
             and expires_at <= $1";
        Ok(write!(self, |pool| sqlx::query(statement).bind(now).bind(limit).execute(pool).await?.rows_affected()))
    }

    /// How much somebody has, archives of their data aside.
    pub async fn file_usage(&self, owner: UserId) -> sqlx::Result<Usage> {
        let statement = "select cast(coalesce(sum(bytes), 0) as bigint) as bytes,
                count(case when expires_at is not null then 1 end) as open from files
             where owner_id = $1 and purpose <> 'export'";
        read!(self, |pool| sqlx::query_as(statement).bind(owner).fetch_one(pool).await)
    }

    /// The size of everything that somebody has sent, each content once, and that of the largest.
    pub async fn own_file_bytes(&self, owner: UserId) -> sqlx::Result<(i64, i64)> {
        let statement = "select cast(coalesce(sum(bytes), 0) as bigint), cast(coalesce(max(bytes), 0) as bigint) from (
                select distinct hash, bytes from files where owner_id = $1 and hash is not null and purpose <> 'export') as own";
        read!(self, |pool| sqlx::query_as(statement).bind(owner).fetch_one(pool).await)
    }

    /// The size of all files and open uploads together.
    pub async fn all_file_bytes(&self) -> sqlx::Result<i64> {
        let statement = "select cast(coalesce(sum(bytes), 0) as bigint) from files";
        read!(self, |pool| sqlx::query_scalar(statement).fetch_one(pool).await)
    }
}
