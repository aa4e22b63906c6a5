//! Statements on blobs: what is in the storage of files, by its content.
//!
//! Owns the order of storing and deleting, so that neither misses the other: a blob is held while it is stored, and is leaving while its
//! object is deleted. Every decision is made by a row that both change.

use sqlx::FromRow;

use super::{Db, read, transaction, write};
use crate::clock::Millis;

/// Whether anything refers to the blob `$1`.
macro_rules! is_used {
    () => {
        "(exists (select 1 from files where files.hash = $1) or exists (select 1 from previews where previews.hash = $1))"
    };
}

/// What became of an attempt to make a blob leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Its object must be deleted now, and then [`Db::blob_left`] be called.
    Begun,
    /// It is not there, or something refers to it.
    Not,
    /// Somebody stores it, or deletes it, until then.
    HeldUntil(Millis),
}

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Blob {
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its size.
    pub bytes: i64,
}

impl Db {
    /// Holds a blob until then, because it is being stored; `false` while it is leaving.
    pub async fn hold_blob(&self, hash: &str, bytes: i64, until: Millis) -> sqlx::Result<bool> {
        let statement = "insert into blobs (hash, bytes, held_until) values ($1, $2, $3)
             on conflict (hash) do update set held_until = excluded.held_until where not blobs.is_leaving";
        let held =
            write!(self, |pool| sqlx::query(statement).bind(hash).bind(bytes).bind(until).execute(pool).await?.rows_affected());
        Ok(held == 1)
    }

    /// Makes a blob leave to which nothing refers and that nobody holds. Whoever is told [`Leaving::Begun`] has until `until` for its object;
    /// then somebody else may begin.
    pub async fn begin_leaving(&self, hash: &str, now: Millis, until: Millis) -> sqlx::Result<Leaving> {
        // On Postgres the row is locked by a statement of its own: the next one sees whatever was committed before.
        let find = match self {
            Self::Sqlite(_) => "select held_until from blobs where hash = $1",
            Self::Postgres(_) => "select held_until from blobs where hash = $1 for update",
        };
        const LEAVE: &str = "update blobs set is_leaving = true, held_until = $2 where hash = $1";
        let hash = hash.to_owned();
        transaction!(self, |tx| {
            let held: Option<Millis> = sqlx::query_scalar(find).bind(&hash).fetch_optional(&mut *tx).await?;
            let used: bool = sqlx::query_scalar(concat!("select ", is_used!())).bind(&hash).fetch_one(&mut *tx).await?;
            match held {
                None => Leaving::Not,
                Some(_) if used => Leaving::Not,
                Some(held) if held > now => Leaving::HeldUntil(held),
                Some(_) => {
                    sqlx::query(LEAVE).bind(&hash).bind(until).execute(&mut *tx).await?;
                    Leaving::Begun
                }
            }
        })
    }

    /// Forgets a blob whose object was deleted by whoever had until `until` for it.
    pub async fn blob_left(&self, hash: &str, until: Millis) -> sqlx::Result<()> {
        let statement = "delete from blobs where hash = $1 and is_leaving and held_until = $2";
        write!(self, |pool| sqlx::query(statement).bind(hash).bind(until).execute(pool).await.map(drop))
    }

    /// Ends all holds, on SQLite, where only a process that is gone can have them. Call it before anything is stored.
    pub async fn end_holds(&self) -> sqlx::Result<()> {
        if let Self::Sqlite(sqlite) = self {
            // Not 0: they are looked at.
            sqlx::query("update blobs set held_until = 1 where held_until > 1").execute(&sqlite.write).await?;
        }
        Ok(())
    }

    /// Has blobs deleted that were held for too long: whoever stored them has died before anything referred to them. Returns how many.
    pub async fn release_blobs(&self, now: Millis) -> sqlx::Result<u64> {
        transaction!(self, |tx| {
            let stale: Vec<String> =
                sqlx::query_scalar("select hash from blobs where held_until > 0 and held_until <= $1 order by hash limit 1000")
                    .bind(now)
                    .fetch_all(&mut *tx)
                    .await?;
            for hash in &stale {
                sqlx::query("update blobs set held_until = 0 where hash = $1").bind(hash).execute(&mut *tx).await?;
                sqlx::query("insert into jobs (kind, payload, created_at, due_at) values ('delete_blob', $1, $2, $2)")
                    .bind(serde_json::json!({ "hash": hash }).to_string())
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
            }
            stale.len() as u64
        })
    }

    /// Up to `limit` blobs that stay, after the one with this hash, in the order of their hashes.
    pub async fn list_blobs(&self, after: &str, limit: i64) -> sqlx::Result<Vec<Blob>> {
        let statement = "select hash, bytes from blobs where hash > $1 and not is_leaving order by hash limit $2";
        read!(self, |pool| sqlx::query_as(statement).bind(after).bind(limit).fetch_all(pool).await)
    }

    /// Whether a blob must be in the storage: it is neither being stored nor leaving.
    pub async fn blob_stays(&self, hash: &str) -> sqlx::Result<bool> {
        let statement =
            concat!("select exists (select 1 from blobs where hash = $1 and held_until = 0 and not is_leaving) and ", is_used!());
        read!(self, |pool| sqlx::query_scalar(statement).bind(hash).fetch_one(pool).await)
    }

    /// Whether there is a blob.
    pub async fn has_blob(&self, hash: &str) -> sqlx::Result<bool> {
        let statement = "select exists (select 1 from blobs where hash = $1)";
        read!(self, |pool| sqlx::query_scalar(statement).bind(hash).fetch_one(pool).await)
    }
}
