//! Merging the parts of SQLite's index.
//!
//! Owns how much of that a transaction does, and what is left for times when nothing else happens. What one transaction adds to an FTS5
//! index is a part of its own, and a search reads them all, so they are merged into ever larger ones. Left to itself, FTS5 does that in
//! large lumps, for which some post would wait (decision 25). On Postgres there is nothing to do.

use sqlx::{Executor, Row, Sqlite, Transaction};

/// Merges so many pages after every eighth message: when a multiple of eight is among the last so many numbers. Not more often, since opening
/// the parts costs more than merging a page of them; and not less, since of 16 parts of one size FTS5 merges all in one go.
pub(in crate::db) const MERGE: &str =
    "insert into words (words, rank) select 'merge', ? where (select max(id) from messages) % 8 < ?";

/// How many parts of one size are merged at once while messages come: `usermerge`, as the schema sets it.
const AT_ONCE: u64 = 8;

/// How many pages are due when a transaction has indexed so many messages, whose words are so many bytes: as much as comes in between
/// two merges, several times over, because every word is merged once for each size of part.
pub(in crate::db) fn due(messages: usize, bytes: usize) -> i64 {
    const BYTES: usize = 1024;
    (4 + bytes * 8 / messages.clamp(1, 8) / BYTES) as i64
}

/// The parts of the index, by size: how many there are, and how many of those are being merged into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts(Vec<(u64, u64)>);

impl Parts {
    /// As they are now.
    pub(super) async fn of(tx: &mut Transaction<'_, Sqlite>) -> sqlx::Result<Self> {
        // FTS5 keeps them under this number.
        let row = tx.fetch_optional("select block from words_data where id = 10").await?;
        let block: Vec<u8> = row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
        Ok(Self::read(&block))
    }

    /// Reads FTS5's record: a number of four bytes, then how many sizes, parts and writes there were; for each size how many parts are being
    /// merged and how many there are, and three numbers about each part. What cannot be read is no parts, for which nothing is done.
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

    /// Whether there is something to merge while messages come. A merge of fewer parts is one that was begun in a quiet time, and waits
    /// for the next: it may be most of the index. What the transaction itself has added is not counted yet, and will be of the first size.
    pub(super) fn are_many(&self) -> bool {
        let mut sizes = self.0.iter().enumerate();
        sizes.any(|(size, (count, merging))| match merging {
            0 => count + u64::from(size == 0) >= AT_ONCE,
            merging => *merging >= AT_ONCE,
        })
    }

    /// Whether there are two of any size.
    pub(super) fn can_be_fewer(&self) -> bool {
        self.0.iter().any(|(count, merging)| *merging > 0 || *count > 1)
    }
}

/// Takes one of SQLite's numbers: seven bits a byte, the highest first, and the last one's eighth bit is off.
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

/// Merges a few pages of any two parts of one size, and says whether there is more to do.
pub(super) async fn merge_further(tx: &mut Transaction<'_, Sqlite>) -> sqlx::Result<bool> {
    if !Parts::of(tx).await?.can_be_fewer() {
        return Ok(false);
    }
    // The setting is the index's, and nobody else must see it changed: messages that come later are merged eight parts at once.
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
        // Two sizes: of the first two parts, of the second three that are being merged; the last part has many pages.
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
