//! Tags of answers: whether what a browser keeps is still what it would get (RFC 9110, sections 8.8.3 and 13.1.2).
//!
//! Owns making and comparing them. A tag is of everything that an answer is made from, so it spares the making and the sending, and never a
//! look at who asks and what they may.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Another one in each process: a new program's pages may differ, and nobody can make two states of a page look the same.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The tag of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u64);

impl Tag {
    /// The tag of what is made from `inputs` and nothing else.
    pub fn of(inputs: &impl Hash) -> Self {
        Self(KEY.hash_one(inputs))
    }

    /// The answer: 304 when whoever asks has it already, else what `make` makes. Either way it is theirs alone, and to be asked for anew
    /// each time.
    pub fn answer(self, asked: &HeaderMap, make: impl FnOnce() -> Response) -> Response {
        let mut response = if self.is_in(asked) { StatusCode::NOT_MODIFIED.into_response() } else { make() };
        // A page that could not be made must not be kept for one that could.
        if matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED) {
            let headers = response.headers_mut();
            headers.reserve(3);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            headers.insert(VARY, HeaderValue::from_static("accept"));
            headers.insert(ETAG, HeaderValue::from_str(&self.text()).expect("hexadecimal digits are a header's value"));
        }
        response
    }

    /// Weak: the same page may be sent compressed or not.
    fn text(self) -> String {
        format!("W/\"{:016x}\"", self.0)
    }

    fn is_in(self, asked: &HeaderMap) -> bool {
        let own = self.text();
        let own = opaque(&own);
        let lists = asked.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|known| opaque(known.trim()) == own)
    }
}

/// The tag without its sign of weakness, which does not count here.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(known: &str, tag: Tag) -> StatusCode {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, known.parse().expect("a header's value"));
        tag.answer(&headers, || "made".into_response()).status()
    }

    #[test]
    fn only_what_is_known_is_not_made() {
        let (tag, other) = (Tag::of(&"a page"), Tag::of(&"another"));
        assert_eq!(status(&tag.text(), tag), StatusCode::NOT_MODIFIED);
        assert_eq!(status(tag.text().trim_start_matches("W/"), tag), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&format!("{}, {}", other.text(), tag.text()), tag), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&other.text(), tag), StatusCode::OK);
        assert_eq!(status("nonsense", tag), StatusCode::OK);
    }

    #[test]
    fn a_page_that_could_not_be_made_has_no_tag() {
        let response = Tag::of(&1).answer(&HeaderMap::new(), || StatusCode::INTERNAL_SERVER_ERROR.into_response());
        assert!(!response.headers().contains_key(ETAG));
    }
}
