//! Conditional requests: `ETag` and `If-None-Match` (RFC 9110, section 13.1.2).
//!
//! Owns how an ETag is computed, and the 304 response. It must be compared only after the permission check: an ETag grants nothing.

use std::convert::Infallible;
use std::hash::{Hash, Hasher};

use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::encoding::hex;

/// The build, so that a new release invalidates every ETag, and all nodes of one release have the same.
const BUILD: &str = env!("BUILD_DIGEST");

/// The entity tag of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The ETag of a response that is a function of `content` alone.
    pub fn of(content: &impl Hash) -> Self {
        let mut digest = DigestHasher(Sha256::new());
        (BUILD, content).hash(&mut digest);
        let digest = digest.0.finalize();
        // Weak: the encoding varies, and each page contains a random nonce.
        Self(format!("W/\"{}\"", hex(&digest[..16])))
    }

    /// The ETag of a response that is no such function, because what it shows changed meanwhile: no request has it.
    pub fn unique() -> Self {
        Self::of(&rand::random::<u128>())
    }

    /// Sets `ETag` and `Vary` on a response, unless it is an error, which must not be cached.
    pub fn on(&self, mut response: Response) -> Response {
        if !matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED) {
            return response;
        }
        let headers = response.headers_mut();
        headers.insert(ETAG, HeaderValue::from_str(&self.0).expect("hexadecimal digits are a header's value"));
        // The same URL has a page and JSON, which differ for each person.
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding, cookie"));
        response
    }

    /// A response without a body, for clients that have the current one.
    pub fn not_modified(&self) -> Response {
        self.on(StatusCode::NOT_MODIFIED.into_response())
    }
}

/// The request's `If-None-Match`: what the client has cached.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Option<HeaderValue>);

impl IfNoneMatch {
    /// Whether the list contains this ETag, or is `*`. The comparison is weak.
    pub fn contains(&self, etag: &ETag) -> bool {
        let Some(list) = &self.0 else { return false };
        let own = etag.0.trim_start_matches("W/");
        let mut etags = list.to_str().unwrap_or_default().split(',').map(str::trim);
        etags.any(|etag| etag == "*" || etag.trim_start_matches("W/") == own)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(IF_NONE_MATCH).cloned()))
    }
}

/// Lets a client cache a response, but revalidate it before each use.
pub fn revalidated(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Feeds `Hash` into a SHA-256 digest.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the whole digest is used")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_a_function_of_the_content() {
        assert_eq!(ETag::of(&("a", 1)), ETag::of(&("a", 1)));
        for other in [("a", 2), ("b", 1), ("", 1)] {
            assert_ne!(ETag::of(&("a", 1)), ETag::of(&other));
        }
        assert_ne!(ETag::of(&("ab", "c")), ETag::of(&("a", "bc")));
        assert_ne!(ETag::unique(), ETag::unique());
    }

    #[test]
    fn an_etag_is_found_in_what_clients_send() {
        let etag = ETag::of(&1);
        let has = |list: &str| IfNoneMatch(Some(HeaderValue::from_str(list).expect("ASCII"))).contains(&etag);
        let strong = etag.0.trim_start_matches("W/");
        for list in [etag.0.clone(), strong.to_owned(), format!("\"x\", {}", etag.0), format!("{strong} ,\"y\""), "*".to_owned()]
        {
            assert!(has(&list), "{list}");
        }
        for list in ["", "\"x\"", "W/\"\"", &strong[1..]] {
            assert!(!has(list), "{list}");
        }
    }
}
