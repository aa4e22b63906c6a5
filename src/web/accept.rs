//! What a request accepts (RFC 9110, section 12.5): JSON, a stream or a page, compressed or not.
//!
//! Owns the reading of `Accept` and `Accept-Encoding`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
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
    /// JSON if the request names it, and does not like HTML as much.
    pub fn of(headers: &HeaderMap) -> Self {
        if weight(headers, ACCEPT, "application/json") > weight(headers, ACCEPT, "text/html") { Self::Json } else { Self::Html }
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

/// Whether the client asks for a stream of events, and does not like JSON better.
pub fn wants_events(headers: &HeaderMap) -> bool {
    let wanted = weight(headers, ACCEPT, "text/event-stream");
    wanted > 0.0 && wanted >= weight(headers, ACCEPT, "application/json")
}

/// Whether the client accepts gzip (RFC 9110, section 12.5.3).
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    weight(headers, ACCEPT_ENCODING, "gzip") > 0.0
}

/// How much the client likes something that it names, 0 to 1 (RFC 9110, section 12.4.2); 0 for what it does not name. Wildcards name nothing.
fn weight(headers: &HeaderMap, list: HeaderName, name: &str) -> f32 {
    let lists = headers.get_all(list).iter().filter_map(|list| list.to_str().ok());
    let weights = lists.flat_map(|list| list.split(',')).filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next().filter(|named| named.eq_ignore_ascii_case(name))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        weight.map_or(Some(1.0), |weight| weight.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight)))
    });
    weights.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(accepted: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, accepted.parse().unwrap())])
    }

    #[test]
    fn json_is_for_those_who_name_it_and_do_not_prefer_a_page() {
        for (accepted, is_json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json, text/plain, */*", true),
            ("text/html;q=0, application/json;q=0.1", true),
            ("application/json, text/html;q=0.9", true),
            ("application/json, text/html", false),
            ("text/html,application/xhtml+xml,*/*;q=0.8", false),
            ("application/jsonlines", false),
            ("application/json;q=0", false),
            ("application/json;q=x", false),
            ("application/json;q=2", false),
            ("*/*", false),
            ("", false),
        ] {
            assert_eq!(Format::of(&accepting(accepted)).is_json(), is_json, "{accepted}");
        }
        assert!(!Format::of(&HeaderMap::new()).is_json());
        let mut two = accepting("text/plain");
        two.append(ACCEPT, "application/json".parse().unwrap());
        assert!(Format::of(&two).is_json());
    }

    #[test]
    fn a_stream_is_for_those_who_name_it_and_do_not_prefer_json() {
        for (accepted, is_stream) in [
            ("text/event-stream", true),
            ("TEXT/EVENT-STREAM", true),
            ("application/json, text/event-stream", true),
            ("text/event-stream;q=0.5, */*;q=0.1", true),
            ("application/json, text/event-stream;q=0.9", false),
            ("application/json, text/event-stream;q=0", false),
            ("text/event-stream;q=0.0", false),
            ("text/event-streamer", false),
            ("*/*", false),
        ] {
            assert_eq!(wants_events(&accepting(accepted)), is_stream, "{accepted}");
        }
    }

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
