//! What a batch does to the index of search.
//!
//! Owns that an edit and a deletion change the index in their own transaction: what is in it of one message follows from that message alone,
//! so it is taken out exactly as it was put in. New messages are put in here on Postgres only; on SQLite the index follows them
//! (`db::search`). Messages that it does not hold yet (`search_before`, `search_after`) are left to `db::search`.

use super::statements::{INDEX, INDEXED, UNINDEX};
use super::{Snapshot, Step, Writes};
use crate::db::search::{MERGE, SourceRow, dialect, due};
use crate::fulltext::document::{Document, Source};
use crate::model::{Kind, Message, RoomId};

impl Step<'_> {
    /// Takes messages out of the index whose words are about to change; before they do.
    pub(super) async fn unindex(&mut self, writes: &Writes) -> sqlx::Result<()> {
        let changed: Vec<_> = writes
            .messages
            .iter()
            .filter(|(key, is_new)| !**is_new && has_new_words(writes, **key))
            .map(|(key, _)| key)
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        if let Step::Postgres(db) = self {
            // Until this is committed, nobody indexes older messages: one of them may be among these.
            sqlx::query("select value from meta where key = 'search_before' for share").execute(&mut **db).await?;
        }
        let rows: Vec<SourceRow> = self.rows(&INDEXED, &changed).await?;
        let documents: Vec<_> = rows.iter().map(|row| (row.id, self.write_document(row.document()))).collect();
        self.run(&UNINDEX, &documents).await
    }

    /// Puts messages into the index that are new or whose words changed; after they did.
    pub(super) async fn index(&mut self, known: &Snapshot, writes: &Writes) -> sqlx::Result<()> {
        let mut documents: Vec<(RoomId, i64, String)> = Vec::new();
        for (key, is_new) in &writes.messages {
            let message = &known.messages[key];
            let is_due = if *is_new { matches!(self, Step::Postgres(_)) } else { has_new_words(writes, *key) };
            if is_due && message.kind == Kind::Text && message.deleted_at.is_none() {
                documents.push((key.0, key.1, self.write_document(document_of(key.0, message))));
            }
        }
        self.run(&INDEX, &documents).await?;
        if let Step::Sqlite(db) = self
            && !documents.is_empty()
        {
            let due = due(documents.len(), documents.iter().map(|(_, _, words)| words.len()).sum());
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

/// Whether a message that was there before was edited or deleted, and not only reacted to or pinned.
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
    })
}
