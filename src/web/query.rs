//! Query strings: read from a request, and written into links to further pages of lists.
//!
//! Owns the refusal of a query that cannot be read. U+0000 in it is refused before (`nul`).

use std::collections::HashSet;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::model::pagination::{PageRequest, RoomOrder, RoomPageRequest, RoomScope};

/// The longest name of a parameter that an answer repeats.
const LONGEST_NAME: usize = 64;

/// Of how many parameters of a query that cannot be read it is tried which one is at fault.
const MOST_TRIED: usize = 32;

/// The parameters of a request.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        // The deserializer would replace invalid UTF-8, and look for something else.
        if let Some(pair) = query.split('&').find(|pair| percent_decode(pair.as_bytes()).decode_utf8().is_err()) {
            let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name.into_owned());
            return Err(unreadable(name.as_deref(), "It must be valid UTF-8."));
        }
        read(&parts.uri).map(Self)
    }
}

/// The parameters of a request that another server has put together, in whatever encoding: what is no UTF-8 is replaced.
#[derive(Debug)]
pub struct ForeignQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ForeignQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        read(&parts.uri).map(Self)
    }
}

fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T> {
    let read = axum::extract::Query::<T>::try_from_uri(uri);
    read.map(|axum::extract::Query(read)| read).map_err(|problem| match at_fault::<T>(uri.query().unwrap_or_default()) {
        Some((name, 1)) => unreadable(Some(&name), "It has no value of the kind that it must have."),
        Some((name, _)) => unreadable(Some(&name), "Send it once."),
        None => unreadable(None, &problem.body_text()),
    })
}

/// The first parameter without which the others can be read, and how often it is there.
fn at_fault<T: DeserializeOwned>(query: &str) -> Option<(String, usize)> {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let mut seen = HashSet::new();
    let mut names = pairs.iter().map(|(name, _)| name).filter(|name| seen.insert((*name).clone())).take(MOST_TRIED);
    let name = names.find(|name| {
        let mut others = form_urlencoded::Serializer::for_suffix("/?".to_owned(), 2);
        others.extend_pairs(pairs.iter().filter(|(other, _)| other != *name));
        others.finish().parse::<Uri>().is_ok_and(|uri| axum::extract::Query::<T>::try_from_uri(&uri).is_ok())
    })?;
    Some((name.to_string(), pairs.iter().filter(|(other, _)| other == name).count()))
}

/// The refusal of a parameter, or of all of them.
fn unreadable(name: Option<&str>, problem: &str) -> Error {
    let is_name = |name: &&str| (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|sign| sign.is_ascii_graphic());
    match name.filter(is_name) {
        Some(name) => Error::BadParameter { field: name.to_owned(), message: format!("`{name}` can’t be read. {problem}") },
        None => Error::invalid("query", format!("The address can’t be read. {problem}")),
    }
}

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

    /// Whose rooms are listed; `invalid` for what is neither yes nor no.
    fn scope(&self) -> Result<RoomScope> {
        let (mine, joined) = (yes_or_no("mine", &self.mine)?, yes_or_no("joined", &self.joined)?);
        Ok(match (yes_or_no("archived", &self.archived)?, mine, joined) {
            (Some(true), ..) => RoomScope::Archived,
            (_, Some(true), _) => RoomScope::Own,
            (_, _, Some(false)) => RoomScope::Others,
            _ => RoomScope::All,
        })
    }

    /// The validated request; `invalid` or `too_long`, for the field.
    pub fn sought(&self) -> Result<RoomPageRequest> {
        RoomPageRequest::parse(&self.q, &self.after, self.scope()?, RoomOrder::parse(&self.sort)?)
    }

    /// The query string of the page behind `after`; empty for the first page without a filter.
    pub fn query(&self, scope: RoomScope, after: &str) -> String {
        self.with(scope, &self.sort, after)
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

/// Whether the results of a search are to be counted.
///
/// # Errors
/// `invalid` for `count`.
pub fn counted(count: &str) -> Result<bool> {
    Ok(yes_or_no("count", count)?.unwrap_or(false))
}

/// What the word in a field says; none if there is none.
///
/// # Errors
/// `invalid` for the field: it says neither yes nor no.
pub fn yes_or_no(field: &'static str, word: &str) -> Result<Option<bool>> {
    match &*word.trim().to_ascii_lowercase() {
        "" => Ok(None),
        "true" | "on" | "yes" | "1" => Ok(Some(true)),
        "false" | "off" | "no" | "0" => Ok(Some(false)),
        _ => Err(Error::invalid(field, format!("`{field}` is `yes` or `no`."))),
    }
}

/// `?name=value&…` of the parameters that have a value; empty if none has.
pub fn query_string(parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Place {
        q: String,
        limit: Option<i64>,
    }

    async fn parameters<T: DeserializeOwned>(query: &str) -> Result<T> {
        let request = Request::get(format!("/list?{query}")).body(()).unwrap();
        Query::from_request_parts(&mut request.into_parts().0, &()).await.map(|Query(read)| read)
    }

    #[tokio::test]
    async fn the_parameter_at_fault_is_named() {
        for (query, field) in [
            ("q=a&q=b", "q"),
            ("q=a&q=b&q=c&limit=1", "q"),
            ("q=a&limit=x", "limit"),
            ("other=1&other=2&limit=", "limit"),
            ("q=%ff", "q"),
            ("q=a&x%ff=1", "query"),
            ("q=a&q=b&limit=x", "query"),
        ] {
            let error = parameters::<Place>(query).await.unwrap_err();
            assert_eq!((error.code(), error.field()), ("invalid", Some(field)), "{query}");
        }
        let place = parameters::<Place>("q=%C3%A9+1&limit=7&other=1&other=2").await.unwrap();
        assert_eq!((&*place.q, place.limit), ("é 1", Some(7)));
        let pairs = parameters::<Vec<(String, String)>>("users=a&users=b").await.unwrap();
        assert_eq!(pairs.len(), 2);
    }
}
