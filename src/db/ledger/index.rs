//! The index of search, written with what it is of: in the ledger's transaction, so that neither is ever ahead of the other.
//!
//! Owns what a batch does to the index. What is in it of one message follows from that message alone, so an edit and a deletion take
//! out exactly what was put in. Messages that the index does not hold yet (`search_before`) are left to `db::search`, which makes it.

use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;

use super::statements::{INDEXED, UNINDEX};
use super::{Snapshot, Step, Writes};
use crate::chat::search::entry::{Entry, Source};
use crate::chat::types::{Kind, Message, RoomId};
use crate::db::search::{SourceRow, dialect};

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
        let entries: Vec<_> = rows.iter().map(|row| (row.id, self.write_entry(row.entry()))).collect();
        self.run(&UNINDEX, &entries).await
    }

    /// What the index is to hold of messages that are new or whose words changed: where they stand, and their words.
    pub(super) fn entries(&self, known: &Snapshot, writes: &Writes) -> Vec<(RoomId, i64, String)> {
        let mut entries = Vec::new();
        for (key, is_new) in &writes.messages {
            let message = &known.messages[key];
            if message.kind == Kind::Text && message.deleted_at.is_none() && (*is_new || has_new_words(writes, *key)) {
                entries.push((key.0, key.1, self.write_entry(entry_of(key.0, message))));
            }
        }
        entries
    }

    fn write_entry(&self, entry: Entry) -> String {
        match self {
            Step::Sqlite(_) => entry.into_text(),
            Step::Postgres(_) => dialect::tsvector(&entry),
        }
    }
}

/// Whether a message that was there before was edited or deleted, and not only reacted to or pinned.
fn has_new_words(writes: &Writes, key: (RoomId, i64)) -> bool {
    let (room, seq) = key;
    writes.forgotten.contains(&key) || writes.revisions.range((room, seq, i64::MIN)..=(room, seq, i64::MAX)).next().is_some()
}

/// A row for `INDEX` on SQLite.
pub(super) fn add_entry(row: &mut SqliteArguments, (room, seq, words): (RoomId, i64, String)) -> Result<(), BoxDynError> {
    row.add(room)?;
    row.add(seq)?;
    row.add(words)
}

fn entry_of(room: RoomId, message: &Message) -> Entry {
    Entry::of(&Source { room, author: message.author.id, body: &message.body, html: &message.html, mentions: &message.mentions })
}
