//! The query strings of lists: read from a request, and written into links to further pages.

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::pagination::{PageRequest, RoomOrder, RoomPageRequest, RoomScope};

/// Behind this place: the `next` of the page before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    /// The place; empty: from the beginning.
    pub after: String,
}

/// Before this place: the `next` of the page before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Before {
    /// The place; empty: from the newest.
    pub before: String,
}

impl Before {
    /// The place as a number.
    ///
    /// # Errors
    /// `invalid` for `before`.
    pub fn id(&self) -> Result<Option<i64>> {
        match self.before.trim() {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| Error::invalid("before", "This is not a place in the list.")),
        }
    }
}

/// A page of a list of people.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PeopleQuery {
    /// A part of their name.
    pub q: String,
    /// The cursor: the page begins behind this person.
    pub after: String,
}

impl PeopleQuery {
    /// The validated request; `invalid` or `too_long`, for the field.
    pub fn sought(&self) -> Result<PageRequest> {
        PageRequest::parse(&self.q, &self.after)
    }

    /// The query string of the page behind `after`; empty for the first page without a filter.
    pub fn query(&self, after: &str) -> String {
        query_string(&[("q", self.q.trim()), ("after", after)])
    }
}

/// A page of the list of rooms.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RoomsQuery {
    /// A part of their name.
    pub q: String,
    /// The cursor: the page begins behind this room.
    pub after: String,
    /// Whether to list only rooms that the reader is a member of.
    mine: String,
    /// `no` to list only rooms that the reader is not a member of.
    joined: String,
    /// Whether to list archived rooms instead.
    archived: String,
    /// The order.
    sort: String,
}

impl RoomsQuery {
    /// The first page of the reader's own rooms.
    pub fn own() -> Self {
        Self { mine: "yes".to_owned(), ..Self::default() }
    }

    /// Whose rooms are listed.
    pub fn scope(&self) -> RoomScope {
        if !matches!(self.archived.as_str(), "" | "no" | "false" | "0") {
            return RoomScope::Archived;
        }
        match (self.mine.as_str(), self.joined.as_str()) {
            ("" | "no" | "false" | "0", "no" | "false" | "0") => RoomScope::Others,
            ("" | "no" | "false" | "0", _) => RoomScope::All,
            _ => RoomScope::Own,
        }
    }

    /// The validated request; `invalid` or `too_long`, for the field.
    pub fn sought(&self) -> Result<RoomPageRequest> {
        RoomPageRequest::parse(&self.q, &self.after, self.scope(), RoomOrder::parse(&self.sort)?)
    }

    /// The query string of the page behind `after`; empty for the first page without a filter.
    pub fn query(&self, after: &str) -> String {
        self.with(self.scope(), &self.sort, after)
    }

    /// The query string of the first page of another selection or order.
    pub fn other(&self, scope: RoomScope, sort: &str) -> String {
        self.with(scope, sort, "")
    }

    fn with(&self, scope: RoomScope, sort: &str, after: &str) -> String {
        let mine = if scope == RoomScope::Own { "yes" } else { "" };
        let joined = if scope == RoomScope::Others { "no" } else { "" };
        let archived = if scope == RoomScope::Archived { "yes" } else { "" };
        let sort = if sort == "name" { "" } else { sort };
        query_string(&[
            ("mine", mine),
            ("joined", joined),
            ("archived", archived),
            ("q", self.q.trim()),
            ("sort", sort),
            ("after", after),
        ])
    }
}

/// `?name=value&…` of the parameters that have a value; empty if none has.
pub fn query_string(parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}
