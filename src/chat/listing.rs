//! Lists of people, by name and a page at a time.
//!
//! Owns how a page of one is asked for and where the next begins, for everybody here and for the members of a room alike. It must
//! not know who is in which list.

use super::text;
use crate::error::Result;

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
