//! Making the index of messages that are older than it.
//!
//! Owns how far that has come: `meta` keeps `search_before`, up to which number nothing is in the index yet. The ledger leaves those
//! messages alone, and whatever they have become by then is what gets indexed. Newest first, in transactions so small that no post
//! waits for long; interrupted, it goes on where it was.

use serde_json::json;
use sqlx::FromRow;

use super::{MERGE, dialect, due};
use crate::chat::search::entry::{Entry, Source};
use crate::chat::search::words::VERSION;
use crate::chat::types::{RoomId, UserId};
use crate::db::messages::mentions_from;
use crate::db::{Db, read, transaction};

/// How many messages one transaction indexes.
const BATCH: i64 = 300;

/// What a message's entry is made from.
#[derive(FromRow)]
pub(in crate::db) struct SourceRow {
    /// The message's number.
    pub id: i64,
    room_id: RoomId,
    author_id: UserId,
    body: String,
    html: String,
    mentions: Option<String>,
}

impl SourceRow {
    /// The entry that such a message has in the index.
    pub(in crate::db) fn entry(&self) -> Entry {
        let mentions = mentions_from(self.mentions.as_deref());
        Entry::of(&Source { room: self.room_id, author: self.author_id, body: &self.body, html: &self.html, mentions: &mentions })
    }
}

impl Db {
    /// Sees to it that the index is one of this program's: otherwise it is emptied, to be made anew.
    ///
    /// # Errors
    /// The database's.
    pub async fn prepare_index(&self) -> sqlx::Result<()> {
        let version = VERSION.to_string();
        let is_sqlite = matches!(self, Self::Sqlite(_));
        transaction!(self, tx => {
            sqlx::query("insert into meta (key, value) values ('search_version', '0') on conflict (key) do nothing").execute(&mut *tx).await?;
            // Of several servers that start together, one empties it: on Postgres this waits for the other's commit.
            let changed = sqlx::query("update meta set value = $1 where key = 'search_version' and value <> $1")
                .bind(&version)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if changed > 0 {
                let empty = if is_sqlite { "insert into words (words) values ('delete-all')" } else { "truncate words" };
                sqlx::query(empty).execute(&mut *tx).await?;
                sqlx::query(
                    "insert into meta (key, value) select 'search_before', cast(coalesce(max(id), 0) as text) from messages where true
                     on conflict (key) do update set value = excluded.value",
                )
                .execute(&mut *tx)
                .await?;
            }
        })
    }

    /// Whether every message is in the index.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_index_whole(&self) -> sqlx::Result<bool> {
        let before: Option<String> = read!(self, pool => sqlx::query_scalar("select value from meta where key = 'search_before'").fetch_optional(pool).await?);
        Ok(before.is_none_or(|before| before == "0"))
    }

    /// Indexes some of the messages that are not in the index yet; `false` when there were none.
    ///
    /// # Errors
    /// The database's.
    pub async fn index_older(&self) -> sqlx::Result<bool> {
        let is_sqlite = matches!(self, Self::Sqlite(_));
        let (lock, insert) = if is_sqlite {
            (
                "select value from meta where key = 'search_before'",
                "insert into words (rowid, body) select value->>'id', value->>'words' from jsonb_each($1)",
            )
        } else {
            (
                // The ledger's edits and deletions wait, and so nothing changes between the reading and the commit.
                "select value from meta where key = 'search_before' for update",
                "insert into words (message_id, words)
                 select id, cast(words as tsvector) from json_to_recordset(cast($1 as json)) as given(id bigint, words text)
                 on conflict (message_id) do nothing",
            )
        };
        transaction!(self, tx => {
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
                let entries: Vec<_> = rows
                    .iter()
                    .map(|row| {
                        let entry = row.entry();
                        let words = if is_sqlite { entry.into_text() } else { dialect::tsvector(&entry) };
                        json!({ "id": row.id, "words": words })
                    })
                    .collect();
                if !entries.is_empty() {
                    let given = json!(entries).to_string();
                    let due = due(entries.len(), given.len());
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
