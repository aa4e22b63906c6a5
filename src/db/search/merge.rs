//! Merging the segments of SQLite's FTS5 index.
//!
//! Owns how much a transaction merges, and what waits until the server is idle. Each transaction adds a segment, a search reads
//! them all, and merging turns them into fewer, larger ones. FTS5 would merge by itself in large steps that delay a post
//! (docs/decisions/0025). Postgres needs none of this.

use sqlx::{Executor, Row, Sqlite, Transaction};

/// Merges some pages after every eighth message, by message id. More often, opening the segments would cost more than merging a
/// page; less often, FTS5 would merge everything at once when it reaches 16 segments of one level.
pub(in crate::db) const MERGE: &str =
    "insert into words (words, rank) select 'merge', ? where (select max(id) from messages) % 8 < ?";

/// How many segments of a level are merged at once under load: `usermerge`, as the schema sets it.
const AT_ONCE: u64 = 8;

/// Pages to merge for a number of messages and bytes: what arrives between two merges, several times over, because every word is
/// merged once per level.
pub(in crate::db) fn due(messages: usize, bytes: usize) -> i64 {
    const BYTES: usize = 1024;
    (4 + bytes * 8 / messages.clamp(1, 8) / BYTES) as i64
}

/// The segments of the index by level: their number, and how many of them are being merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts(Vec<(u64, u64)>);

impl Parts {
    /// Reads the current segments.
    pub(super) async fn of(tx: &mut Transaction<'_, Sqlite>) -> sqlx::Result<Self> {
        // FTS5 stores its structure record under this id.
        let row = tx.fetch_optional("select block from words_data where id = 10").await?;
        let block: Vec<u8> = row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
        Ok(Self::read(&block))
    }

    /// Parses FTS5's structure record: four bytes, then the numbers of levels, segments and writes; for each level the number of
    /// segments being merged, the number of segments, and three numbers per segment. An unreadable record counts as no segments,
    /// and nothing is merged.
    fn read(block: &[u8]) -> Self {
        Self::parse(block.get(4..).unwrap_or_default()).unwrap_or_else(|| Self(Vec::new()))
    }

    fn parse(mut rest: &[u8]) -> Option<Self> {
        let mut next = || number(&mut rest);
        let (sizes, _parts, _writes) = (next()?, next()?, next()?);
        let mut all = Vec::new();
        for _ in 0..sizes {
            let (merging, count) = (next()?, next()?);
            for _ in 0..count.checked_mul(3)? {
                next()?;
            }
            all.push((count, merging));
        }
        Some(Self(all))
    }

    /// Whether there is something to merge under load. A merge of fewer segments was started while idle and waits for the next
    /// idle time: it may cover most of the index. The current transaction's own segment, at the first level, is not counted yet.
    pub(super) fn are_many(&self) -> bool {
        let mut sizes = self.0.iter().enumerate();
        sizes.any(|(size, (count, merging))| match merging {
            0 => count + u64::from(size == 0) >= AT_ONCE,
            merging => *merging >= AT_ONCE,
        })
    }

    /// Whether any level has two segments.
    pub(super) fn can_be_fewer(&self) -> bool {
        self.0.iter().any(|(count, merging)| *merging > 0 || *count > 1)
    }
}

/// Reads a varint of SQLite: seven bits per byte, the highest first; the last byte has its high bit clear.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for _ in 0..8 {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Merges a few pages of any two segments of a level; returns whether there is more to do.
pub(super) async fn merge_further(tx: &mut Transaction<'_, Sqlite>) -> sqlx::Result<bool> {
    if !Parts::of(tx).await?.can_be_fewer() {
        return Ok(false);
    }
    // The setting is stored in the index and reset in the same transaction: under load, eight segments are merged at once.
    tx.execute(
        "insert into words (words, rank) values ('usermerge', 2);
         insert into words (words, rank) values ('merge', 32);
         insert into words (words, rank) values ('usermerge', 8)",
    )
    .await?;
    Ok(Parts::of(tx).await?.can_be_fewer())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_the_parts_is_read() {
        // Two levels: the first has two segments, the second three that are being merged; the last segment has many pages.
        let block = [0, 0, 0, 7, 2, 5, 9, 0, 2, 1, 1, 4, 2, 1, 1, 3, 3, 3, 1, 9, 4, 1, 9, 5, 1, 0x81, 0x00];
        assert_eq!(Parts::read(&block), Parts(vec![(2, 0), (3, 3)]));
        assert!(Parts::read(&block).can_be_fewer() && !Parts::read(&block).are_many());
        assert_eq!(Parts::read(&block[..20]), Parts(vec![]));
        assert_eq!(Parts::read(&[]), Parts(vec![]));
        assert!(Parts(vec![(7, 0)]).are_many() && Parts(vec![(1, 0), (9, 9)]).are_many());
        assert!(!Parts(vec![(6, 0), (9, 2)]).are_many() && !Parts(vec![(6, 0), (7, 0)]).are_many());
        assert!(!Parts(vec![(1, 0), (0, 0), (1, 0)]).can_be_fewer());
    }
}
