//! Deletes the messages of deleted rooms, in steps.
//!
//! Owns that the search index forgets them in the same transaction, and that holds are respected. Whoever deletes a room has made it invisible before.

use sqlx::Connection;

use super::Step;
use super::statements::{LOCK_HOLDS, PURGE_FILES};
use crate::db::Db;
use crate::model::RoomId;

/// The condition that a room was deleted and nothing of it is under a hold. Whose messages are in it is not looked at: a hold on a person is
/// one on every deleted room.
macro_rules! is_due {
    () => {
        "removed_at is not null and not exists (select 1 from holds where holds.room_id is null or holds.room_id = rooms.id)"
    };
}

impl Step<'_> {
    /// Deletes up to `limit` messages of one deleted room, or the room itself if it has none. `false` if there is no such room.
    async fn purge(&mut self, limit: i64) -> sqlx::Result<bool> {
        let room: Option<RoomId> = match self {
            Step::Sqlite(db) => {
                sqlx::query_scalar(concat!("select id from rooms where ", is_due!(), " limit 1"))
                    .fetch_optional(&mut **db)
                    .await?
            }
            // Another node may purge it, or somebody's change wait for it, who will be refused.
            Step::Postgres(db) => {
                sqlx::query(LOCK_HOLDS).execute(&mut **db).await?;
                let statement = concat!("select id from rooms where ", is_due!(), " limit 1 for update skip locked");
                sqlx::query_scalar(statement).fetch_optional(&mut **db).await?
            }
        };
        let Some(room) = room else { return self.has_removed_rooms().await };
        const OLDEST: &str = "select seq from messages where room_id = $1 order by seq limit $2";
        const DELETE: &str = "delete from messages where room_id = $1 and seq <= $2";
        const FINISH: &str = "delete from rooms where id = $1";
        let seqs: Vec<i64> = match self {
            Step::Sqlite(db) => sqlx::query_scalar(OLDEST).bind(room).bind(limit).fetch_all(&mut **db).await?,
            Step::Postgres(db) => sqlx::query_scalar(OLDEST).bind(room).bind(limit).fetch_all(&mut **db).await?,
        };
        let keys: Vec<_> = seqs.iter().map(|seq| (room, *seq)).collect();
        self.unindex_keys(&keys).await?;
        if let Some(last) = seqs.last() {
            self.run(&PURGE_FILES, &[(room, *last)]).await?;
        }
        match (self, seqs.last()) {
            (Step::Sqlite(db), Some(last)) => sqlx::query(DELETE).bind(room).bind(last).execute(&mut **db).await.map(drop)?,
            (Step::Postgres(db), Some(last)) => sqlx::query(DELETE).bind(room).bind(last).execute(&mut **db).await.map(drop)?,
            (Step::Sqlite(db), None) => sqlx::query(FINISH).bind(room).execute(&mut **db).await.map(drop)?,
            (Step::Postgres(db), None) => sqlx::query(FINISH).bind(room).execute(&mut **db).await.map(drop)?,
        }
        Ok(true)
    }

    /// Whether there are deleted rooms that another transaction has locked.
    async fn has_removed_rooms(&mut self) -> sqlx::Result<bool> {
        match self {
            Step::Sqlite(_) => Ok(false),
            Step::Postgres(db) => {
                let statement = concat!("select exists (select 1 from rooms where ", is_due!(), ")");
                sqlx::query_scalar(statement).fetch_one(&mut **db).await
            }
        }
    }
}

impl Db {
    /// Deletes up to `limit` messages of a deleted room. `false` if nothing is left to delete.
    ///
    /// Call it only from a task that is never cancelled, as `commit_batch`.
    pub async fn purge_rooms(&self, limit: i64) -> sqlx::Result<bool> {
        match self {
            Self::Sqlite(sqlite) => {
                let mut guard = sqlite.write.acquire().await?;
                let mut tx = guard.begin_with("begin immediate").await?;
                let is_more = Step::Sqlite(&mut tx).purge(limit).await?;
                tx.commit().await?;
                guard.release();
                if is_more {
                    sqlite.checkpoints.note_deletion();
                }
                Ok(is_more)
            }
            Self::Postgres(postgres) => {
                let mut guard = postgres.write.acquire().await?;
                let mut tx = guard.begin().await?;
                let is_more = Step::Postgres(&mut tx).purge(limit).await?;
                tx.commit().await?;
                guard.release();
                Ok(is_more)
            }
        }
    }
}
