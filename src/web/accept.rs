//! What a request accepts (RFC 9110, section 12.5): JSON or a page, compressed or not.
//!
//! Owns the reading of `Accept` and `Accept-Encoding`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde_json::Value;

/// The format of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A page, for browsers.
    Html,
    /// Data, for programs.
    Json,
}

impl Format {
    /// JSON if the request names it and does not name HTML.
    pub fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if accepted.contains("application/json") && !accepted.contains("text/html") { Self::Json } else { Self::Html }
    }

    /// Whether it is JSON.
    pub fn is_json(self) -> bool {
        self == Self::Json
    }

    /// The response to a form that succeeded: this JSON, or a redirect to a page.
    pub fn json_or_redirect(self, json: Value, page: &str) -> Response {
        match self {
            Self::Json => Json(json).into_response(),
            Self::Html => Redirect::to(page).into_response(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// Whether the client accepts gzip (RFC 9110, section 12.5.3).
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_by_name_and_weight() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip ; q=1.0, identity", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip;q=x", false),
            ("gzipped", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, accepted.parse().unwrap())]);
            assert_eq!(accepts_gzip(&headers), expected, "{accepted}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
