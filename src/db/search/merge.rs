//! Merging the parts of SQLite's index.
//!
//! Owns how much of that a transaction does. What one transaction adds to an FTS5 index is a part of its own, and a search reads them
//! all, so they are merged into ever larger ones. Left to itself, FTS5 does that in large lumps, for which some post would wait
//! (decision 25). On Postgres there is nothing to do.

/// Merges so many pages after every eighth message: when a multiple of eight is among the last so many numbers. Not more often, since opening
/// the parts costs more than merging a page of them; and not less, since of 16 parts of one size FTS5 merges all in one go.
pub(in crate::db) const MERGE: &str =
    "insert into words (words, rank) select 'merge', ? where (select max(id) from messages) % 8 < ?";

/// How many pages are due when a transaction has indexed so many messages, whose words are so many bytes: as much as comes in between
/// two merges, several times over, because every word is merged once for each size of part.
pub(in crate::db) fn due(messages: usize, bytes: usize) -> i64 {
    const BYTES: usize = 1024;
    (4 + bytes * 8 / messages.clamp(1, 8) / BYTES) as i64
}
