//! Pagination of lists of people and rooms.
//!
//! Owns how a page is requested and where the next one starts: people, members, the room directory, a user's own rooms. It must
//! not know the content of a list.

use std::fmt;

use super::Message;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::model::ListedRoom;
use crate::model::validate;

/// People per page.
const PEOPLE: usize = 50;
/// Maximum length of a query in characters; no name is longer.
const MAX_QUERY: usize = 64;

/// A request for a page of people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Part of a name or username; empty for everybody.
    pub text: String,
    /// The page starts after this username; empty for the first page.
    pub after: String,
}

impl PageRequest {
    /// Fetch one extra row to know whether there is a next page.
    pub const LIMIT: i64 = PEOPLE as i64 + 1;

    /// Parses a request.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for `q` or `after`.
    pub fn parse(q: &str, after: &str) -> Result<Self> {
        let text = validate::line("q", q, MAX_QUERY)?;
        Ok(Self { text: text.trim_start_matches('@').to_owned(), after: after.trim().to_lowercase() })
    }
}

/// A page of people.
#[derive(Clone, Debug)]
pub struct PeopleListPage<T> {
    /// The people, by name.
    pub people: Vec<T>,
    /// The `after` of the next page.
    pub next: Option<String>,
}

impl<T> PeopleListPage<T> {
    /// The page from up to [`PageRequest::LIMIT`] rows.
    pub fn new(mut people: Vec<T>, username: impl Fn(&T) -> &str) -> Self {
        let has_more = people.len() > PEOPLE;
        people.truncate(PEOPLE);
        let next = people.last().filter(|_| has_more).map(|last| username(last).to_owned());
        Self { people, next }
    }
}

/// Rooms per page of the directory.
const ROOMS: usize = 50;
/// Rooms per answer to `watch`. A room has up to 3 KB (a conversation with eight others), so an answer stays far below 1 MiB.
const WATCHED: usize = 200;

/// Which rooms the directory lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomScope {
    /// All that the reader can see.
    #[default]
    All,
    /// The reader's own.
    Own,
    /// Those that the reader can join.
    Others,
    /// Archived ones; no other scope has them.
    Archived,
}

/// The order of the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomOrder {
    /// By name.
    #[default]
    Name,
    /// By number of members, then by name.
    Members,
    /// By last activity.
    Activity,
}

impl RoomOrder {
    /// Parses a form field; empty means by name.
    ///
    /// # Errors
    /// `invalid` for `sort`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "" | "name" => Ok(Self::Name),
            "members" => Ok(Self::Members),
            "activity" => Ok(Self::Activity),
            _ => Err(Error::invalid("sort", "Sort by name, members or activity.")),
        }
    }

    /// Its value in URLs and statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Members => "members",
            Self::Activity => "activity",
        }
    }
}

/// A request for a page of the room directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomPageRequest {
    /// Part of a name or slug; empty for all rooms.
    pub text: String,
    /// The page starts after this cursor.
    pub after: Option<RoomCursor>,
    /// Which rooms.
    pub scope: RoomScope,
    /// In which order.
    pub order: RoomOrder,
    /// Whether to include the reader's conversations.
    pub with_direct: bool,
}

/// A position in the directory. Its text form contains all values: looking up a slug would reveal whether the room exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomCursor {
    /// The primary sort key, descending: number of members, or time of last activity; 0 in the order by name.
    pub rank: i64,
    /// The room's name, as the database sorts it.
    pub name: String,
    /// The room's slug.
    pub slug: String,
}

impl fmt::Display for RoomCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No slug contains `~`.
        match self.rank {
            0 => write!(f, "{}~{}", self.slug, self.name),
            rank => write!(f, "{}~{rank}~{}", self.slug, self.name),
        }
    }
}

impl RoomCursor {
    /// Parses the text form. The order tells whether it contains a rank: a name may look like one.
    fn parse(text: &str, order: RoomOrder) -> Option<Self> {
        let (slug, rest) = text.split_once('~')?;
        let (rank, name) = match (order, rest.split_once('~')) {
            (RoomOrder::Name, _) => (0, rest),
            // A room without members has no rank in its text.
            (_, Some((rank, name))) if rank.parse::<i64>().is_ok() => (rank.parse().ok()?, name),
            _ => (0, rest),
        };
        Some(Self { rank, name: name.to_owned(), slug: slug.to_owned() })
    }
}

impl RoomPageRequest {
    /// Fetch one extra row to know whether there is a next page.
    pub const LIMIT: i64 = ROOMS as i64 + 1;

    /// Parses a request.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for `q` or `after`.
    pub fn parse(q: &str, after: &str, scope: RoomScope, order: RoomOrder) -> Result<Self> {
        let text = validate::line("q", q, MAX_QUERY)?;
        let wrong = || Error::invalid("after", "`after` must be the `next` of an earlier answer.");
        let after = if after.is_empty() { None } else { Some(RoomCursor::parse(after, order).ok_or_else(wrong)?) };
        Ok(Self { text: text.trim_start_matches('#').to_owned(), after, scope, order, with_direct: false })
    }
}

/// A page of rooms.
#[derive(Clone, Debug)]
pub struct RoomListPage {
    /// The rooms.
    pub rooms: Vec<ListedRoom>,
    /// The `after` of the next page.
    pub next: Option<String>,
}

impl RoomListPage {
    /// A page of the directory from up to [`RoomPageRequest::LIMIT`] rows.
    pub fn of_cursors(mut found: Vec<(RoomCursor, ListedRoom)>) -> Self {
        let has_more = found.len() > ROOMS;
        found.truncate(ROOMS);
        let next = found.last().filter(|_| has_more).map(|(place, _)| place.to_string());
        Self { rooms: found.into_iter().map(|(_, listed)| listed).collect(), next }
    }

    /// An answer to `watch` from up to [`Self::WATCHED`] rooms, ordered by slug.
    pub fn of_slugs(mut rooms: Vec<ListedRoom>) -> Self {
        let has_more = rooms.len() > WATCHED;
        rooms.truncate(WATCHED);
        let next = rooms.last().filter(|_| has_more).map(|last| last.room.slug.to_string());
        Self { rooms, next }
    }

    /// Fetch one extra row to know whether there is a next page.
    pub const WATCHED: i64 = WATCHED as i64 + 1;
}

/// The requested part of an edit history. The given revision is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionWindow {
    /// The newest ones.
    Newest,
    /// Those just older than this one.
    Before(i64),
    /// Those just newer than this one.
    After(i64),
}

impl RevisionWindow {
    /// Builds a window from two parameters.
    ///
    /// # Errors
    /// `invalid` if both are given.
    pub fn new(before: Option<i64>, after: Option<i64>) -> Result<Self> {
        match (before, after) {
            (None, None) => Ok(Self::Newest),
            (Some(rev), None) => Ok(Self::Before(rev)),
            (None, Some(rev)) => Ok(Self::After(rev)),
            _ => Err(Error::invalid("before", "Give one of `before` and `after`.")),
        }
    }
}

/// A position in the list of pins: when a message was pinned, and its `seq`. Its text form is `TIME-SEQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinCursor {
    /// When the message was pinned.
    pub at: Millis,
    /// Its `seq`.
    pub seq: i64,
}

impl PinCursor {
    /// The position of a message; `None` if it is not pinned.
    pub fn of(message: &Message) -> Option<Self> {
        message.pinned.as_ref().map(|pin| Self { at: pin.at, seq: message.seq })
    }

    /// Parses a cursor.
    ///
    /// # Errors
    /// Refused with `field: "before"`.
    pub fn parse(text: &str) -> Result<Self> {
        let parse = || {
            let (at, seq) = text.split_once('-')?;
            Some(Self { at: Millis(at.parse().ok()?), seq: seq.parse().ok()? })
        };
        parse().ok_or_else(|| Error::invalid("before", "`before` must be the `next` of an earlier answer."))
    }
}

impl std::fmt::Display for PinCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.0, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was_told() {
        for name in ["tea", "a ~ b~c", "東京"] {
            for (rank, order) in [
                (0, RoomOrder::Name),
                (0, RoomOrder::Members),
                (12, RoomOrder::Members),
                (1_790_000_000_000, RoomOrder::Activity),
            ] {
                let place = RoomCursor { rank, name: name.to_owned(), slug: "tea-7k3fqx".to_owned() };
                let request = RoomPageRequest::parse("", &place.to_string(), RoomScope::All, order).unwrap();
                assert_eq!(request.after, Some(place));
            }
        }
        assert_eq!(
            RoomPageRequest::parse("#tea", "", RoomScope::Own, RoomOrder::Name).unwrap(),
            RoomPageRequest { text: "tea".to_owned(), scope: RoomScope::Own, ..RoomPageRequest::default() }
        );
        assert_eq!(RoomPageRequest::parse("", "tea", RoomScope::All, RoomOrder::Name).unwrap_err().field(), Some("after"));
    }
}
