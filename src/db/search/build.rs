//! Indexes messages older than the index.
//!
//! Owns the progress: `search_before` in `meta` is the highest message id that is not indexed. The ledger does not index these
//! messages; their current state is indexed here. It works from the newest in transactions small enough not to delay posts, and
//! resumes after an interruption.

use serde::Deserialize;
use sqlx::FromRow;

use super::{MERGE, PUT, dialect, due};
use crate::db::messages::mentions_from;
use crate::db::{Db, read, transaction};
use crate::fulltext::document::{Document, Source};
use crate::fulltext::tokenizer::VERSION;
use crate::model::{RoomId, UserId};

/// Messages per transaction.
const BATCH: i64 = 300;

/// The content from which a document is built.
#[derive(FromRow, Deserialize)]
pub(in crate::db) struct SourceRow {
    /// The message's id.
    pub id: i64,
    room_id: RoomId,
    author_id: UserId,
    body: String,
    html: String,
    mentions: Option<String>,
}

impl SourceRow {
    /// The document of the message.
    pub(in crate::db) fn document(&self) -> Document {
        let mentions = mentions_from(self.mentions.as_deref());
        Document::of(&Source {
            room: self.room_id,
            author: self.author_id,
            body: &self.body,
            html: &self.html,
            mentions: &mentions,
        })
    }
}

/// The rows of [`PUT`]: message ids with their documents.
pub(super) fn given(rows: &[SourceRow], write: impl Fn(Document) -> String) -> String {
    let documents: Vec<_> = rows.iter().map(|row| (row.id, write(row.document()))).collect();
    serde_json::to_string(&documents).expect("numbers and texts always have a JSON form")
}

impl Db {
    /// Ensures that the index has this program's version; otherwise empties it, to be rebuilt.
    pub async fn prepare_index(&self) -> sqlx::Result<()> {
        let version = VERSION.to_string();
        let is_sqlite = matches!(self, Self::Sqlite(_));
        transaction!(self, |tx| {
            sqlx::query("insert into meta (key, value) values ('search_version', '0') on conflict (key) do nothing")
                .execute(&mut *tx)
                .await?;
            // Of several servers starting together, one empties it; on Postgres the others wait here for its commit.
            let changed = sqlx::query("update meta set value = $1 where key = 'search_version' and value <> $1")
                .bind(&version)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if changed > 0 {
                let empty = if is_sqlite { "insert into words (words) values ('delete-all')" } else { "truncate words" };
                sqlx::query(empty).execute(&mut *tx).await?;
                // Later messages are indexed by the follower (SQLite) or the ledger (Postgres).
                sqlx::query(
                    "insert into meta (key, value)
                     select key, cast(coalesce((select max(id) from messages), 0) as text)
                     from (select 'search_before' as key union all select 'search_after' where $1 = 1) as keys where true
                     on conflict (key) do update set value = excluded.value",
                )
                .bind(i64::from(is_sqlite))
                .execute(&mut *tx)
                .await?;
            }
        })
    }

    /// Whether every message is indexed.
    pub async fn is_index_whole(&self) -> sqlx::Result<bool> {
        let before: Option<String> = read!(self, |pool| sqlx::query_scalar("select value from meta where key = 'search_before'")
            .fetch_optional(pool)
            .await?);
        Ok(before.is_none_or(|before| before == "0"))
    }

    /// Indexes some older messages; `false` if there were none.
    pub async fn index_older(&self) -> sqlx::Result<bool> {
        let is_sqlite = matches!(self, Self::Sqlite(_));
        let (lock, insert) = if is_sqlite {
            ("select value from meta where key = 'search_before'", PUT)
        } else {
            (
                // Blocks the ledger's edits and deletions until the commit.
                "select value from meta where key = 'search_before' for update",
                "insert into words (message_id, words)
                 select cast(value->>0 as bigint), cast(value->>1 as tsvector) from json_array_elements(cast($1 as json)) as given(value)
                 on conflict (message_id) do nothing",
            )
        };
        transaction!(self, |tx| {
            let before: Option<String> = sqlx::query_scalar(lock).fetch_optional(&mut *tx).await?;
            let before = before.and_then(|before| before.parse::<i64>().ok()).unwrap_or(0);
            if before > 0 {
                let rows: Vec<SourceRow> = sqlx::query_as(
                    "select id, room_id, author_id, body, html, mentions from messages
                     where id <= $1 and id > $1 - $2 and kind = 'text' and deleted_at is null order by id",
                )
                .bind(before)
                .bind(BATCH)
                .fetch_all(&mut *tx)
                .await?;
                if !rows.is_empty() {
                    let count = rows.len();
                    let given =
                        given(&rows, |document| if is_sqlite { document.into_text() } else { dialect::tsvector(&document) });
                    let due = due(count, given.len());
                    sqlx::query(insert).bind(given).execute(&mut *tx).await?;
                    if is_sqlite {
                        sqlx::query(MERGE).bind(due).bind(BATCH).execute(&mut *tx).await?;
                    }
                }
                sqlx::query("update meta set value = $1 where key = 'search_before'")
                    .bind((before - BATCH).max(0).to_string())
                    .execute(&mut *tx)
                    .await?;
            }
            before > 0
        })
    }
}
