//! What has expired, and what is known of its deletion.
//!
//! Owns the statements that find what is old, by the age of messages and in bounded steps. The ledger deletes messages and files. It must not
//! decide how long anything is kept.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;

use super::{Db, read, transaction};
use crate::clock::Millis;
use crate::model::{RoomId, UserId};

/// Where the state is.
const KEY: &str = "retention";

/// How the deletion of what has expired goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RetentionState {
    /// Who does it, and until when nobody else does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// When everything that had expired was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Millis>,
    /// What goes on now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// The last time when something was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Run>,
}

/// The right to delete, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RetentionClaim)]
pub struct Claim {
    /// Whose it is: random, for each process.
    pub by: String,
    /// Until when, unless it is renewed.
    pub until: Millis,
}

/// A run through everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RetentionRun)]
pub struct Run {
    /// When it began; of the last run, when it ended.
    pub at: Millis,
    /// How many messages and files had expired and are not deleted yet.
    pub waiting: u64,
    /// What was deleted.
    #[serde(flatten)]
    pub deleted: Deleted,
}

/// How much was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = RetentionDeleted)]
pub struct Deleted {
    /// Messages and notices.
    pub messages: u64,
    /// Files of messages that stay.
    pub files: u64,
    /// Entries of the audit log.
    pub audit: u64,
    /// Sessions.
    pub sessions: u64,
}

impl Deleted {
    /// All together.
    pub fn total(&self) -> u64 {
        self.messages + self.files + self.audit + self.sessions
    }
}

/// A room, and for how many days it keeps its messages and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct KeptRoom {
    /// The room.
    pub id: RoomId,
    /// See [`crate::model::Keep`].
    pub keep_messages: Option<i64>,
    /// See [`crate::model::Keep`].
    pub keep_files: Option<i64>,
}

/// A message by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct Aged {
    /// Its place.
    pub seq: i64,
    /// When it was posted.
    pub created_at: Millis,
    /// Who posted it.
    pub author_id: UserId,
    /// Whether it was deleted, or has nothing to be deleted.
    pub is_gone: bool,
}

impl Db {
    /// How the deletion of what has expired goes.
    pub async fn retention_state(&self) -> sqlx::Result<RetentionState> {
        self.state(KEY).await
    }

    /// Changes it in a transaction. `change` gets the present state, and returns whether it changed it; so does this.
    pub async fn change_retention_state(
        &self,
        change: impl Fn(&mut RetentionState) -> bool + Send + 'static,
    ) -> sqlx::Result<bool> {
        self.change_state(KEY, change).await
    }

    /// Up to `limit` rooms behind this one, without those that no message can be deleted of.
    pub async fn list_kept_rooms(&self, after: RoomId, limit: i64) -> sqlx::Result<Vec<KeptRoom>> {
        let statement = "select id, keep_messages, keep_files from rooms where id > $1 and removed_at is null and seq > 0
             and not exists (select 1 from holds where holds.room_id = rooms.id) order by id limit $2";
        read!(self, |pool| sqlx::query_as(statement).bind(after).bind(limit).fetch_all(pool).await)
    }

    /// Up to `limit` messages of a room behind a moment and a place, the oldest first, deleted ones too.
    pub async fn list_by_age(&self, room: RoomId, (from, seq): (Millis, i64), limit: i64) -> sqlx::Result<Vec<Aged>> {
        let statement = "select seq, created_at, author_id, deleted_at is not null as is_gone from messages
             where room_id = $1 and (created_at, seq) > ($2, $3) order by created_at, seq limit $4";
        read!(self, |pool| sqlx::query_as(statement).bind(room).bind(from).bind(seq).bind(limit).fetch_all(pool).await)
    }

    /// The same, where those without files that can be deleted are gone. All are listed, so that a window costs the same however few have
    /// files: by the age of their messages, files have no index.
    pub async fn list_files_by_age(&self, room: RoomId, (from, seq): (Millis, i64), limit: i64) -> sqlx::Result<Vec<Aged>> {
        let statement = "select seq, created_at, author_id, not exists (select 1 from files
                 where files.room_id = messages.room_id and files.seq = messages.seq and files.held_at is null) as is_gone
             from messages where room_id = $1 and (created_at, seq) > ($2, $3) order by created_at, seq limit $4";
        read!(self, |pool| sqlx::query_as(statement).bind(room).bind(from).bind(seq).bind(limit).fetch_all(pool).await)
    }

    /// How many messages of a room there are between two moments, deleted and held ones left out; counts at most `most`.
    pub async fn count_aged(&self, room: RoomId, from: Millis, until: Millis, most: i64) -> sqlx::Result<i64> {
        let statement = "select count(*) from (
                select 1 from messages where room_id = $1 and created_at >= $2 and created_at < $3 and deleted_at is null
                and not exists (select 1 from holds where holds.user_id = messages.author_id) limit $4) as aged";
        read!(self, |pool| sqlx::query_scalar(statement).bind(room).bind(from).bind(until).bind(most).fetch_one(pool).await)
    }

    /// Deletes up to `limit` sessions that began before a moment; returns their keys. Tokens have an expiry of their own.
    pub async fn delete_old_sessions(&self, began_before: Millis, limit: i64) -> sqlx::Result<Vec<String>> {
        let has_nodes = self.shared().is_some();
        transaction!(self, |tx| {
            if has_nodes {
                // The trigger of migration 59 reads the reason.
                sqlx::query("select set_config('parlor.session_end', 'expired:*', true)").execute(&mut *tx).await?;
            }
            let statement = "delete from sessions where key in (
                    select key from sessions where created_at < $1 and not exists (select 1 from tokens where session_key = key)
                    order by created_at limit $2) returning key";
            sqlx::query_scalar(statement).bind(began_before).bind(limit).fetch_all(&mut *tx).await?
        })
    }
}
