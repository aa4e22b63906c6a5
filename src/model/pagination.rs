//! Lists of people and of rooms, a page at a time.
//!
//! Owns how a page of one is asked for and where the next begins: for everybody here, the members of a room, the rooms that somebody
//! may see, and their own. It must not know who or what is in which list.

use std::fmt;

use super::Message;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::model::ListedRoom;
use crate::model::validate;

/// How many people a page holds.
const PEOPLE: usize = 50;
/// How long what is looked for may be, in characters: no name is longer.
const MAX_QUERY: usize = 64;

/// Whom a page of a list is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// What their name or username has in it; empty for everybody.
    pub text: String,
    /// Behind whose username the page begins; empty for the first page.
    pub after: String,
}

impl PageRequest {
    /// One more than a page holds: who is too many says that there is another.
    pub const LIMIT: i64 = PEOPLE as i64 + 1;

    /// What somebody asked for.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for `q` or `after`.
    pub fn parse(q: &str, after: &str) -> Result<Self> {
        let text = validate::line("q", q, MAX_QUERY)?;
        validate::no_nul("after", after)?;
        Ok(Self { text: text.trim_start_matches('@').to_owned(), after: after.trim().to_lowercase() })
    }
}

/// A page of a list of people.
#[derive(Clone, Debug)]
pub struct PeopleListPage<T> {
    /// The people, by name.
    pub people: Vec<T>,
    /// Behind whose username the next page begins, if there is one.
    pub next: Option<String>,
}

impl<T> PeopleListPage<T> {
    /// The page, of up to [`PageRequest::LIMIT`] who were found.
    pub fn new(mut people: Vec<T>, username: impl Fn(&T) -> &str) -> Self {
        let has_more = people.len() > PEOPLE;
        people.truncate(PEOPLE);
        let next = people.last().filter(|_| has_more).map(|last| username(last).to_owned());
        Self { people, next }
    }
}

/// How many rooms a page of the directory holds.
const ROOMS: usize = 50;
/// How many of their own rooms `watch` tells somebody at once. One has up to 3 KB (a conversation with eight others), so an answer stays
/// far below 1 MiB.
const WATCHED: usize = 200;

/// Of which rooms a page of the directory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// All that the reader may see.
    #[default]
    All,
    /// The reader's own.
    Own,
    /// Those that they can join.
    Others,
}

/// In which order a page of the directory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// Those with the most members first, then by name.
    Members,
    /// Those in which somebody wrote last first.
    Activity,
}

impl Order {
    /// Reads a field; nothing is by name.
    ///
    /// # Errors
    /// `invalid`, for `sort`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "" | "name" => Ok(Self::Name),
            "members" => Ok(Self::Members),
            "activity" => Ok(Self::Activity),
            _ => Err(Error::invalid("sort", "Sort by name, members or activity.")),
        }
    }

    /// As it stands in an address, and as the database knows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Members => "members",
            Self::Activity => "activity",
        }
    }
}

/// Which rooms a page of the directory is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomPageRequest {
    /// What their name or slug has in it; empty for all of them.
    pub text: String,
    /// Behind which place the page begins.
    pub after: Option<RoomCursor>,
    /// Of which rooms.
    pub whose: Whose,
    /// In which order.
    pub order: Order,
    /// Whether the reader's conversations are among them.
    pub with_direct: bool,
}

/// A place in an order. It is told as a text that holds all of it: to look up the room that a slug names would tell whether
/// there is one, and where it stands among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomCursor {
    /// What comes before the name: how many members, or when somebody wrote last; the largest first. By name alone, 0.
    pub rank: i64,
    /// The room's name, as the database orders it.
    pub name: String,
    /// Its slug.
    pub slug: String,
}

impl fmt::Display for RoomCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No slug has a `~`.
        match self.rank {
            0 => write!(f, "{}~{}", self.slug, self.name),
            rank => write!(f, "{}~{rank}~{}", self.slug, self.name),
        }
    }
}

impl RoomCursor {
    /// Reads what was told. Whether there is a number in it, the order says: a name may look like one.
    fn parse(text: &str, order: Order) -> Option<Self> {
        let (slug, rest) = text.split_once('~')?;
        let (rank, name) = match (order, rest.split_once('~')) {
            (Order::Name, _) => (0, rest),
            // Nobody is a member of some.
            (_, Some((rank, name))) if rank.parse::<i64>().is_ok() => (rank.parse().ok()?, name),
            _ => (0, rest),
        };
        Some(Self { rank, name: name.to_owned(), slug: slug.to_owned() })
    }
}

impl RoomPageRequest {
    /// One more than a page holds: it says that there is another.
    pub const LIMIT: i64 = ROOMS as i64 + 1;

    /// What somebody asked for.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for `q` or `after`.
    pub fn parse(q: &str, after: &str, whose: Whose, order: Order) -> Result<Self> {
        let text = validate::line("q", q, MAX_QUERY)?;
        validate::no_nul("after", after)?;
        let wrong = || Error::invalid("after", "`after` must be the `next` of an earlier answer.");
        let after = if after.is_empty() { None } else { Some(RoomCursor::parse(after, order).ok_or_else(wrong)?) };
        Ok(Self { text: text.trim_start_matches('#').to_owned(), after, whose, order, with_direct: false })
    }
}

/// A page of a list of rooms.
#[derive(Clone, Debug)]
pub struct RoomListPage {
    /// The rooms.
    pub rooms: Vec<ListedRoom>,
    /// What to ask for the next page with, if there is one.
    pub next: Option<String>,
}

impl RoomListPage {
    /// A page of the directory, of up to [`RoomPageRequest::LIMIT`] rooms that were found.
    pub fn of_cursors(mut found: Vec<(RoomCursor, ListedRoom)>) -> Self {
        let has_more = found.len() > ROOMS;
        found.truncate(ROOMS);
        let next = found.last().filter(|_| has_more).map(|(place, _)| place.to_string());
        Self { rooms: found.into_iter().map(|(_, listed)| listed).collect(), next }
    }

    /// What `watch` tells, of up to [`Self::WATCHED`] rooms that were found in the order of their slugs.
    pub fn of_slugs(mut rooms: Vec<ListedRoom>) -> Self {
        let has_more = rooms.len() > WATCHED;
        rooms.truncate(WATCHED);
        let next = rooms.last().filter(|_| has_more).map(|last| last.room.slug.to_string());
        Self { rooms, next }
    }

    /// One more than `watch` tells at once.
    pub const WATCHED: i64 = WATCHED as i64 + 1;
}

/// Where a page of revisions lies. The revision with this number is not in it.
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
    /// The place that these two parameters name.
    ///
    /// # Errors
    /// `invalid` when both are given.
    pub fn new(before: Option<i64>, after: Option<i64>) -> Result<Self> {
        match (before, after) {
            (None, None) => Ok(Self::Newest),
            (Some(rev), None) => Ok(Self::Before(rev)),
            (None, Some(rev)) => Ok(Self::After(rev)),
            _ => Err(Error::invalid("before", "Give one of `before` and `after`.")),
        }
    }
}

/// A place in the list of what is pinned: when a message was pinned, and its `seq`. As text, `TIME-SEQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinCursor {
    /// When the message was pinned.
    pub at: Millis,
    /// Its place in the room.
    pub seq: i64,
}

impl PinCursor {
    /// The place of a pinned message; none where it is not pinned.
    pub fn of(message: &Message) -> Option<Self> {
        message.pinned.as_ref().map(|pin| Self { at: pin.at, seq: message.seq })
    }

    /// Reads a cursor.
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
            for (rank, order) in
                [(0, Order::Name), (0, Order::Members), (12, Order::Members), (1_790_000_000_000, Order::Activity)]
            {
                let place = RoomCursor { rank, name: name.to_owned(), slug: "tea-7k3fqx".to_owned() };
                let request = RoomPageRequest::parse("", &place.to_string(), Whose::All, order).unwrap();
                assert_eq!(request.after, Some(place));
            }
        }
        assert_eq!(
            RoomPageRequest::parse("#tea", "", Whose::Own, Order::Name).unwrap(),
            RoomPageRequest { text: "tea".to_owned(), whose: Whose::Own, ..RoomPageRequest::default() }
        );
        assert_eq!(RoomPageRequest::parse("", "tea", Whose::All, Order::Name).unwrap_err().field(), Some("after"));
        assert_eq!(RoomPageRequest::parse("", "te\0a~", Whose::All, Order::Name).unwrap_err().field(), Some("after"));
    }
}
