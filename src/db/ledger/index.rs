//! Updates of the search index by the ledger.
//!
//! Edits and deletions update the index in their own transaction. A document is a function of its message alone, so it is removed
//! exactly as it was added. New messages are added here on Postgres only; on SQLite `db::search` adds them later, as it does all
//! messages that are not indexed yet (`search_before`, `search_after`). A node adds nothing to an index of another version: it lists
//! the messages in `unindexed` instead.

use serde::Serialize;

use super::statements::{INDEX, INDEXED, UNINDEX};
use super::{Snapshot, Step, Writes};
use crate::db::search::{MERGE, SourceRow, dialect, due};
use crate::fulltext::document::{Document, Source};
use crate::model::{Kind, Message, RoomId};

impl Step<'_> {
    /// Removes messages from the index whose text is about to change. Call it before the change.
    pub(super) async fn unindex(&mut self, writes: &Writes) -> sqlx::Result<()> {
        let changed: Vec<_> = writes
            .messages
            .iter()
            .filter(|(key, is_new)| !**is_new && has_new_words(writes, **key))
            .map(|(key, _)| key)
            .collect();
        self.unindex_keys(&changed).await
    }

    /// Removes these messages from the index.
    pub(super) async fn unindex_keys(&mut self, keys: &[impl Serialize]) -> sqlx::Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        if let Step::Postgres(db) = self {
            // Blocks the indexing of older messages until the commit: one of them may be among these.
            sqlx::query("select value from meta where key = 'search_before' for share").execute(&mut **db).await?;
        }
        let rows: Vec<SourceRow> = self.rows(&INDEXED, keys).await?;
        let documents: Vec<_> = rows.iter().map(|row| (row.id, self.write_document(row.document()))).collect();
        self.run(&UNINDEX, &documents).await
    }

    /// Adds new and changed messages to the index, as a program with this version of it. Call it after the change.
    pub(super) async fn index(&mut self, known: &Snapshot, writes: &Writes, version: i64) -> sqlx::Result<()> {
        let mut documents: Vec<(RoomId, i64, String, i64)> = Vec::new();
        for (key, is_new) in &writes.messages {
            let message = &known.messages[key];
            let is_due = if *is_new { matches!(self, Step::Postgres(_)) } else { has_new_words(writes, *key) };
            if is_due && message.kind == Kind::Text && message.deleted_at.is_none() {
                documents.push((key.0, key.1, self.write_document(document_of(key.0, message)), version));
            }
        }
        self.run(&INDEX, &documents).await?;
        if let Step::Sqlite(db) = self
            && !documents.is_empty()
        {
            let due = due(documents.len(), documents.iter().map(|(_, _, words, _)| words.len()).sum());
            sqlx::query(MERGE).bind(due).bind(documents.len() as i64).execute(&mut **db).await?;
        }
        Ok(())
    }

    fn write_document(&self, document: Document) -> String {
        match self {
            Step::Sqlite(_) => document.into_text(),
            Step::Postgres(_) => dialect::tsvector(&document),
        }
    }
}

/// Whether an existing message was edited or deleted, rather than only reacted to or pinned.
fn has_new_words(writes: &Writes, key: (RoomId, i64)) -> bool {
    let (room, seq) = key;
    writes.forgotten.contains(&key) || writes.revisions.range((room, seq, i64::MIN)..=(room, seq, i64::MAX)).next().is_some()
}

fn document_of(room: RoomId, message: &Message) -> Document {
    Document::of(&Source {
        room,
        author: message.author.id,
        body: &message.body,
        html: &message.html,
        mentions: &message.mentions,
        attachments: &message.attachments,
    })
}
