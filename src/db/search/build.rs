//! Indexes messages older than the index.
//!
//! Owns the progress: `search_before` in `meta` is the highest message id that is not indexed. The ledger does not index these
//! messages; their current state is indexed here. It works from the newest in transactions small enough not to delay posts, and
//! resumes after an interruption.
//!
//! On Postgres, nodes of several programs may run side by side. The index has one version (`search_version`), the highest of theirs, and
//! only nodes of that version write it. The ledger of the others lists its messages in `unindexed`, and they are indexed here.
//! Locks are taken in this order: `search_version`, `search_before`, `messages`, `words`.

use serde::Deserialize;
use sqlx::{AssertSqlSafe, FromRow};

use super::{MERGE, PUT, dialect, due};
use crate::db::messages::list_from;
use crate::db::{Db, read, transaction};
use crate::fulltext::document::{Document, Source};
use crate::fulltext::tokenizer::VERSION;
use crate::model::{Attachment, RoomId, UserId};

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
    attachments: Option<String>,
}

impl SourceRow {
    /// The document of the message.
    pub(in crate::db) fn document(&self) -> Document {
        let mentions: Vec<String> = list_from(self.mentions.as_deref());
        let attachments: Vec<Attachment> = list_from(self.attachments.as_deref());
        Document::of(&Source {
            room: self.room_id,
            author: self.author_id,
            body: &self.body,
            html: &self.html,
            mentions: &mentions,
            attachments: &attachments,
        })
    }
}

/// The rows of [`PUT`]: message ids with their documents.
pub(super) fn given(rows: &[SourceRow], write: impl Fn(Document) -> String) -> String {
    let documents: Vec<_> = rows.iter().map(|row| (row.id, write(row.document()))).collect();
    serde_json::to_string(&documents).expect("numbers and texts always have a JSON form")
}

/// How far the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexProgress {
    /// Every message is indexed.
    Whole,
    /// Some are not.
    Behind,
    /// Nodes of another program build it.
    OtherVersion,
}

/// A node whose row is older, in milliseconds, does not keep others from rebuilding the index.
const GONE: i64 = 30_000;

impl Db {
    /// The version of the index that this program writes.
    pub(in crate::db) fn search_version(&self) -> i64 {
        self.shared().map_or(VERSION, |postgres| postgres.search_version)
    }

    /// Acts as a program with another version of the index, as nodes do during an upgrade. Only on Postgres.
    #[must_use]
    pub fn with_search_version(mut self, version: i64) -> Self {
        if let Self::Postgres(postgres) = &mut self {
            postgres.search_version = version;
        }
        self
    }

    /// Ensures that the index has this program's version; otherwise empties it, to be rebuilt. An index of a newer version is left as it
    /// is while a node of such a version is running.
    pub async fn prepare_index(&self) -> sqlx::Result<()> {
        let version = self.search_version();
        let is_sqlite = matches!(self, Self::Sqlite(_));
        transaction!(self, |tx| {
            sqlx::query("insert into meta (key, value) values ('search_version', '0') on conflict (key) do nothing")
                .execute(&mut *tx)
                .await?;
            // Of several nodes at once, one empties it; on Postgres the others wait here for its commit.
            let lock = if is_sqlite { "" } else { " for update" };
            let stored: String = sqlx::query_scalar(AssertSqlSafe(format!("{SEARCH_VERSION}{lock}"))).fetch_one(&mut *tx).await?;
            let stored = stored.parse().unwrap_or(0);
            if stored == version {
                return Ok(());
            }
            if !is_sqlite {
                if stored > version {
                    let newer: bool = sqlx::query_scalar(HAS_NEWER_NODES).bind(version).bind(GONE).fetch_one(&mut *tx).await?;
                    if newer {
                        return Ok(());
                    }
                }
                // Whatever is being written is committed before this, or sees the new version.
                sqlx::query("select value from meta where key = 'search_before' for update").execute(&mut *tx).await?;
                sqlx::query("lock table messages in share mode").execute(&mut *tx).await?;
            }
            sqlx::query("update meta set value = $1 where key = 'search_version'")
                .bind(version.to_string())
                .execute(&mut *tx)
                .await?;
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
        })
    }

    /// How far the index is.
    pub async fn index_progress(&self) -> sqlx::Result<IndexProgress> {
        let (is_own, is_whole): (bool, bool) = match self {
            Self::Sqlite(sqlite) => {
                let statement = "select true, not exists (select 1 from meta where key = 'search_before' and value <> '0')";
                sqlx::query_as(statement).fetch_one(&sqlite.read).await?
            }
            Self::Postgres(postgres) => {
                let statement = "select exists (select 1 from meta where key = 'search_version' and value = $1),
                    not exists (select 1 from meta where key = 'search_before' and value <> '0')
                        and not exists (select 1 from unindexed)";
                sqlx::query_as(statement).bind(postgres.search_version.to_string()).fetch_one(&postgres.read).await?
            }
        };
        Ok(match (is_own, is_whole) {
            (false, _) => IndexProgress::OtherVersion,
            (true, true) => IndexProgress::Whole,
            (true, false) => IndexProgress::Behind,
        })
    }

    /// The highest id of an older message that is still to be indexed; 0 if there is none.
    pub async fn index_left(&self) -> sqlx::Result<u64> {
        let statement = "select value from meta where key = 'search_before'";
        let left: Option<String> = read!(self, |pool| sqlx::query_scalar(statement).fetch_optional(pool).await)?;
        Ok(left.and_then(|left| left.parse().ok()).unwrap_or_default())
    }

    /// Indexes some messages that are not; `false` if there were none, or the index is another program's.
    pub async fn index_older(&self) -> sqlx::Result<bool> {
        let is_sqlite = matches!(self, Self::Sqlite(_));
        let version = self.search_version();
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
            if !is_sqlite {
                let stored: String = sqlx::query_scalar(SEARCH_VERSION).fetch_one(&mut *tx).await?;
                if stored != version.to_string() {
                    return Ok(false);
                }
            }
            let (rows, has_more): (Vec<SourceRow>, bool) = if before > 0 {
                let statement = "select id, room_id, author_id, body, html, mentions, attachments from messages
                     where id <= $1 and id > $1 - $2 and kind = 'text' and deleted_at is null order by id";
                (sqlx::query_as(statement).bind(before).bind(BATCH).fetch_all(&mut *tx).await?, true)
            } else if is_sqlite {
                (Vec::new(), false)
            } else {
                let taken: Vec<i64> = sqlx::query_scalar(TAKE_UNINDEXED).bind(BATCH).fetch_all(&mut *tx).await?;
                let statement = "select id, room_id, author_id, body, html, mentions, attachments from messages
                     where id in (select value::bigint from json_array_elements_text($1::json)) and kind = 'text' and deleted_at is null
                     order by id";
                let has_more = !taken.is_empty();
                let taken = serde_json::to_string(&taken).expect("numbers always have a JSON form");
                (sqlx::query_as(statement).bind(taken).fetch_all(&mut *tx).await?, has_more)
            };
            if !rows.is_empty() {
                let count = rows.len();
                let given = given(&rows, |document| if is_sqlite { document.into_text() } else { dialect::tsvector(&document) });
                let due = due(count, given.len());
                sqlx::query(insert).bind(given).execute(&mut *tx).await?;
                if is_sqlite {
                    sqlx::query(MERGE).bind(due).bind(BATCH).execute(&mut *tx).await?;
                }
            }
            if before > 0 {
                sqlx::query("update meta set value = $1 where key = 'search_before'")
                    .bind((before - BATCH).max(0).to_string())
                    .execute(&mut *tx)
                    .await?;
            }
            has_more
        })
    }
}

/// The version of the index.
const SEARCH_VERSION: &str = "select value from meta where key = 'search_version'";

/// Whether a node has lately written that it has a higher version than this one.
const HAS_NEWER_NODES: &str = "select exists (
    select 1 from nodes where (status::jsonb->>'search_version')::bigint > $1
    and seen_at > (extract(epoch from clock_timestamp()) * 1000)::bigint - $2)";

/// Takes some messages that were written while the index had another version.
const TAKE_UNINDEXED: &str = "delete from unindexed
    where message_id in (select message_id from unindexed order by message_id desc limit $1) returning message_id";
