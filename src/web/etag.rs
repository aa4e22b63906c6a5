//! What an answer is known by: `ETag` and `If-None-Match` (RFC 9110, section 13.1.2).
//!
//! Owns how a tag is made of what an answer shows, and the answer to who has that already. It must not be asked before it is known
//! that the person may see the answer: a tag says nothing about permission.

use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, ETAG, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Another one at every start: a program that was changed shows the same things otherwise.
static START: LazyLock<u128> = LazyLock::new(rand::random);

/// The tag of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The tag of an answer that shows `what`, and nothing that does not follow from it.
    #[must_use]
    pub fn of(what: &impl Hash) -> Self {
        let mut digest = Writer(Sha256::new());
        (*START, what).hash(&mut digest);
        let digest = digest.0.finalize();
        // A weak one: it survives compression, and a page has a nonce that is another one each time.
        Self(format!("W/\"{:032x}\"", u128::from_le_bytes(std::array::from_fn(|at| digest[at]))))
    }

    /// Whether it is in a list of tags, or the list is of everything.
    #[must_use]
    pub fn is_among(&self, list: &HeaderValue) -> bool {
        let own = self.0.trim_start_matches("W/");
        let mut tags = list.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == own)
    }

    /// Puts it on an answer; on one that could not be made it would be kept for what could.
    #[must_use]
    pub fn on(&self, mut response: Response) -> Response {
        if !matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED) {
            return response;
        }
        let headers = response.headers_mut();
        headers.insert(ETAG, HeaderValue::from_str(&self.0).expect("hexadecimal digits are a header's value"));
        // Of the same address, everybody gets their own, and programs get data.
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding, cookie"));
        response
    }

    /// The answer to who has it.
    #[must_use]
    pub fn unchanged(&self) -> Response {
        self.on(StatusCode::NOT_MODIFIED.into_response())
    }
}

/// Says that an answer may be kept, and has to be asked for each time all the same.
#[must_use]
pub fn ask_again(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Gives a digest what is hashed into it.
struct Writer(Sha256);

impl Hasher for Writer {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the digest is taken whole")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_from_what_is_shown() {
        assert_eq!(Tag::of(&("a", 1)), Tag::of(&("a", 1)));
        for other in [("a", 2), ("b", 1), ("", 1)] {
            assert_ne!(Tag::of(&("a", 1)), Tag::of(&other));
        }
        assert_ne!(Tag::of(&("ab", "c")), Tag::of(&("a", "bc")));
    }

    #[test]
    fn a_tag_is_found_in_what_clients_send() {
        let tag = Tag::of(&1);
        let strong = tag.0.trim_start_matches("W/");
        for list in [tag.0.clone(), strong.to_owned(), format!("\"x\", {}", tag.0), format!("{strong} ,\"y\""), "*".to_owned()] {
            assert!(tag.is_among(&HeaderValue::from_str(&list).expect("ASCII")), "{list}");
        }
        for list in ["", "\"x\"", "W/\"\"", &strong[1..]] {
            assert!(!tag.is_among(&HeaderValue::from_str(list).expect("ASCII")), "{list}");
        }
    }
}
