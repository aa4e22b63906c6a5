//! What an import writes beside its messages.
//!
//! Owns that it is in their transaction: a message and the note that it is here are never without each other.

use super::statements::{IMPORTED, KEEP_READ, UNORDERED};
use super::{Step, Writes};
use crate::model::RoomId;

/// Where an imported message has come from.
#[derive(Clone, Debug)]
pub struct ImportedMessage {
    /// The source.
    pub source: String,
    /// The key of its room there.
    pub room_key: String,
    /// Its key there.
    pub key: String,
    /// Its room here.
    pub room: RoomId,
    /// Its place here.
    pub seq: i64,
}

impl Step<'_> {
    /// Notes where messages have come from, that their ids do not follow the clock, and that nobody has them to read.
    pub(super) async fn note_imported(&mut self, writes: &Writes) -> sqlx::Result<()> {
        if writes.imported.is_empty() {
            return Ok(());
        }
        let rows = writes.imported.iter();
        let rows: Vec<_> = rows.map(|one| (&one.source, &one.room_key, &one.key, one.room, one.seq)).collect();
        self.run(&IMPORTED, &rows).await?;
        let read: Vec<_> = writes.kept_read.iter().map(|(room, (before, after))| (room, before, after)).collect();
        self.run(&KEEP_READ, &read).await?;
        match self {
            Step::Sqlite(db) => sqlx::query(UNORDERED).execute(&mut **db).await.map(drop),
            Step::Postgres(db) => sqlx::query(UNORDERED).execute(&mut **db).await.map(drop),
        }
    }
}
