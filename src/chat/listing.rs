//! Lists of people and of rooms, a page at a time.
//!
//! Owns how a page of one is asked for and where the next begins: for everybody here, the members of a room, the rooms that somebody
//! may see, and their own. It must not know who or what is in which list.

use std::fmt;

use super::text;
use super::types::ListedRoom;
use crate::error::{Error, Result};

/// How many people a page holds.
const PEOPLE: usize = 50;
/// How long what is looked for may be, in characters: no name is longer.
const SOUGHT: usize = 64;

/// Whom a page of a list is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// What their name or username has in it; empty for everybody.
    pub text: String,
    /// Behind whose username the page begins; empty for the first page.
    pub after: String,
}

impl Sought {
    /// One more than a page holds: who is too many says that there is another.
    pub const LIMIT: i64 = PEOPLE as i64 + 1;

    /// What somebody asked for.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for `q` or `after`.
    pub fn parse(q: &str, after: &str) -> Result<Self> {
        let text = text::line("q", q, SOUGHT)?;
        text::no_nul("after", after)?;
        Ok(Self { text: text.trim_start_matches('@').to_owned(), after: after.trim().to_lowercase() })
    }
}

/// A page of a list of people.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// The people, by name.
    pub people: Vec<T>,
    /// Behind whose username the next page begins, if there is one.
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// The page, of up to [`Sought::LIMIT`] who were found.
    #[must_use]
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

/// Which rooms a page of the directory is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoughtRooms {
    /// What their name or slug has in it; empty for all of them.
    pub text: String,
    /// Behind which place the page begins.
    pub after: Option<Place>,
    /// Whether only the reader's own are meant.
    pub is_own: bool,
    /// Whether the reader's conversations are among them.
    pub with_direct: bool,
}

/// A place in the order by name. It is told as a text that holds all of it: to look up the room that a slug names would tell whether
/// there is one, and where it stands among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The room's name, as the database orders it.
    pub name: String,
    /// Its slug.
    pub slug: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No slug has a `~`.
        write!(f, "{}~{}", self.slug, self.name)
    }
}

impl SoughtRooms {
    /// One more than a page holds: it says that there is another.
    pub const LIMIT: i64 = ROOMS as i64 + 1;

    /// What somebody asked for.
    ///
    /// # Errors
    /// `invalid` or `too_long`, for `q` or `after`.
    pub fn parse(q: &str, after: &str, is_own: bool) -> Result<Self> {
        let text = text::line("q", q, SOUGHT)?;
        text::no_nul("after", after)?;
        let after = match after.split_once('~') {
            _ if after.is_empty() => None,
            Some((slug, name)) => Some(Place { name: name.to_owned(), slug: slug.to_owned() }),
            None => return Err(Error::invalid("after", "`after` must be the `next` of an earlier answer.")),
        };
        Ok(Self { text: text.trim_start_matches('#').to_owned(), after, is_own, with_direct: false })
    }
}

/// A page of a list of rooms.
#[derive(Clone, Debug)]
pub struct RoomListing {
    /// The rooms.
    pub rooms: Vec<ListedRoom>,
    /// What to ask for the next page with, if there is one.
    pub next: Option<String>,
}

impl RoomListing {
    /// A page of the directory, of up to [`SoughtRooms::LIMIT`] rooms that were found.
    #[must_use]
    pub fn of_places(mut found: Vec<(Place, ListedRoom)>) -> Self {
        let has_more = found.len() > ROOMS;
        found.truncate(ROOMS);
        let next = found.last().filter(|_| has_more).map(|(place, _)| place.to_string());
        Self { rooms: found.into_iter().map(|(_, listed)| listed).collect(), next }
    }

    /// What `watch` tells, of up to [`Self::WATCHED`] rooms that were found in the order of their slugs.
    #[must_use]
    pub fn of_slugs(mut rooms: Vec<ListedRoom>) -> Self {
        let has_more = rooms.len() > WATCHED;
        rooms.truncate(WATCHED);
        let next = rooms.last().filter(|_| has_more).map(|last| last.room.slug.to_string());
        Self { rooms, next }
    }

    /// One more than `watch` tells at once.
    pub const WATCHED: i64 = WATCHED as i64 + 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was_told() {
        for name in ["tea", "a ~ b~c", "東京"] {
            let place = Place { name: name.to_owned(), slug: "tea-7k3fqx".to_owned() };
            let sought = SoughtRooms::parse("", &place.to_string(), false).unwrap();
            assert_eq!(sought.after, Some(place));
        }
        assert_eq!(
            SoughtRooms::parse("#tea", "", true).unwrap(),
            SoughtRooms { text: "tea".to_owned(), is_own: true, ..SoughtRooms::default() }
        );
        assert_eq!(SoughtRooms::parse("", "tea", false).unwrap_err().field(), Some("after"));
        assert_eq!(SoughtRooms::parse("", "te\0a~", false).unwrap_err().field(), Some("after"));
    }
}
