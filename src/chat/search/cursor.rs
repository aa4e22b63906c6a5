//! Cursors between pages of search results.
//!
//! Owns their text form. A cursor names a result by room and `seq`, which its reader has seen; message ids would reveal the
//! activity of all rooms.

use std::fmt;

use super::SearchOrder;
use crate::db::search::Hit;
use crate::error::{Error, Result};

/// A message by room and `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRef {
    /// The room's slug.
    pub room: String,
    /// The `seq`.
    pub seq: i64,
}

impl MessageRef {
    /// The reference of a hit.
    pub fn of(hit: &Hit) -> Self {
        Self { room: hit.slug.to_string(), seq: hit.seq }
    }
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last result.
    pub last: MessageRef,
    /// In the order by score: the last result's score, and the newest match when the search began.
    pub best: Option<(i64, MessageRef)>,
}

impl Cursor {
    /// Parses a cursor.
    ///
    /// # Errors
    /// `invalid` for `before`.
    pub fn parse(text: &str, order: SearchOrder) -> Result<Self> {
        let cursor = read(text).filter(|cursor| cursor.best.is_some() == (order == SearchOrder::Best));
        cursor.ok_or_else(|| Error::invalid("before", "`before` must be the `next` of an earlier answer."))
    }
}

fn read(text: &str) -> Option<Cursor> {
    let mut parts = text.split('~');
    let spot = |room: Option<&str>, seq: Option<&str>| {
        Some(MessageRef { room: room.filter(|room| !room.is_empty())?.to_owned(), seq: seq?.parse().ok()? })
    };
    let last = spot(parts.next(), parts.next())?;
    let best = match parts.next() {
        None => None,
        Some(score) => Some((score.parse().ok()?, spot(parts.next(), parts.next())?)),
    };
    parts.next().is_none().then_some(Cursor { last, best })
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.last.room, self.last.seq)?;
        if let Some((score, top)) = &self.best {
            write!(f, "~{score}~{}~{}", top.room, top.seq)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let spot = |room: &str, seq| MessageRef { room: room.into(), seq };
        let newest = Cursor { last: spot("general", 7), best: None };
        let best = Cursor { last: spot("a-2", 9), best: Some((1234, spot("b", 11))) };
        assert_eq!((newest.to_string(), best.to_string()), ("general~7".into(), "a-2~9~1234~b~11".into()));
        assert_eq!(Cursor::parse("general~7", SearchOrder::Newest).unwrap(), newest);
        assert_eq!(Cursor::parse("a-2~9~1234~b~11", SearchOrder::Best).unwrap(), best);
        for wrong in ["7", "~7", "general~x", "general~7~1", "a~1~2~b~3~4", "a~1~2~b~3"] {
            assert_eq!(Cursor::parse(wrong, SearchOrder::Newest).unwrap_err().field(), Some("before"), "{wrong}");
        }
    }
}
