//! Answers: pages for browsers, JSON for programs, and what a refusal looks like to each.
//!
//! Owns the mapping from an error to an HTTP answer. It must not decide anything.

use std::time::Duration;

use askama::Template;
use axum::http::header::{ACCEPT, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde_json::{Value, json};

use super::views::ErrorPage;
use crate::error::Error;
use crate::pieces::Paper;
use crate::web::etag::Tag;
use crate::web::layers::compression;

/// What a handler gives: an answer, or a refusal that knows how to look.
pub type Answer = Result<Response, Refused>;

/// How a request wants its answer, and where it came to.
#[derive(Clone, Debug)]
pub struct Asked {
    is_json: bool,
    uri: Uri,
    /// What it has already, by tags.
    known: Option<HeaderValue>,
}

impl Asked {
    /// Reads it off a request.
    #[must_use]
    pub fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        Self { is_json: wants_json(headers), uri: uri.clone(), known: headers.get(IF_NONE_MATCH).cloned() }
    }

    /// Whether whoever asks has what this tag names.
    #[must_use]
    pub fn knows(&self, tag: &Tag) -> bool {
        self.known.as_ref().is_some_and(|known| tag.is_among(known))
    }

    /// Whether it asked for JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// That something is done: this JSON, or the way to a page.
    #[must_use]
    pub fn done(&self, json: Value, page: &str) -> Response {
        if self.is_json { Json(json).into_response() } else { Redirect::to(page).into_response() }
    }

    /// A refusal in the form that was asked for.
    #[must_use]
    pub fn refuse(&self, error: Error) -> Refused {
        Refused { error, asked: self.clone() }
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers, &parts.uri))
    }
}

/// Whether a request prefers JSON: it names it, and does not name HTML.
#[must_use]
pub fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accepted.contains("application/json") && !accepted.contains("text/html")
}

/// An error on its way to whoever asked.
#[derive(Debug)]
pub struct Refused {
    error: Error,
    asked: Asked,
}

impl Refused {
    /// A refusal of the request that `parts` are of.
    #[must_use]
    pub fn new(error: Error, parts: &Parts) -> Self {
        Asked::of(&parts.headers, &parts.uri).refuse(error)
    }

    /// Whether it is only that nobody is signed in.
    #[must_use]
    pub fn is_of_a_stranger(&self) -> bool {
        matches!(self.error, Error::Unauthenticated)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { error, asked } = self;
        if let Error::Internal(fault) = &error {
            tracing::error!(fault, "a request failed");
        }
        if matches!(error, Error::Unauthenticated) && !asked.is_json {
            let here = asked.uri.path_and_query().map_or("/", |path| path.as_str());
            return Redirect::to(&format!("/login?next={}", encode(here))).into_response();
        }
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = if asked.is_json {
            (status, Json(json!({ "error": error.to_json() }))).into_response()
        } else {
            let page = ErrorPage::new(&error);
            let mut response = page_with(status, &page);
            response.extensions_mut().insert(page);
            response
        };
        retry_after(&mut response, error.retry_after());
        response
    }
}

/// Says when trying again may help, in whole seconds.
pub fn retry_after(response: &mut Response, wait: Option<Duration>) {
    if let Some(wait) = wait {
        let seconds = wait.as_secs_f64().ceil().max(1.0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds as u64));
    }
}

/// A query parameter's value, percent-encoded (RFC 3986, section 2.1).
fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A page.
pub fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// A page with another status than 200. It has no body before [`compression::deliver`] knows how it may be sent.
pub fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match Paper::new(template) {
        Ok(paper) => compression::undelivered(status, paper),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong. Please try again.").into_response()
        }
    }
}

/// Only a path of our own: `next` must not lead anybody elsewhere. Browsers read `//host` and `/\host` as other hosts, and drop
/// tabs and line ends before they look.
#[must_use]
pub fn own_path(next: &str) -> Option<&str> {
    let rest = next.strip_prefix('/')?;
    let is_own = !rest.starts_with(['/', '\\']) && !next.chars().any(|c| c.is_control() || c == '\\');
    is_own.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_leads_only_to_our_own_pages() {
        assert_eq!(own_path("/rooms/general?before=3"), Some("/rooms/general?before=3"));
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x",
        ] {
            assert_eq!(own_path(foreign), None, "{foreign:?}");
        }
    }
}
