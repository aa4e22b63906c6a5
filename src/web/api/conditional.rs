//! Conditional requests for every `GET` and `HEAD` of the API (`If-None-Match`), in one layer.
//!
//! Owns the `ETag` of JSON whose handler gives none: a digest of the body. It saves the transfer and not the work; a handler that knows
//! earlier what its answer depends on has a tag of its own. An answer is compared after its handler has made it, so whoever may not read
//! something is told that first. It must not touch what is no JSON, what waits for something to happen, or what is large.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::web::etag::{ETag, IfNoneMatch};

/// The largest answer that gets a tag, in bytes.
const MOST: usize = 4 << 20;

/// Answers a request; with 304 if the client has the answer already.
pub async fn answer(if_none_match: IfNoneMatch, request: Request, next: Next) -> Response {
    // Axum answers `HEAD` with the handler of `GET`, and drops the body only behind this layer.
    let is_conditional = matches!(*request.method(), Method::GET | Method::HEAD) && !waits(request.uri());
    let response = next.run(request).await;
    if !is_conditional || !has_whole_json(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MOST).await else {
        return Error::Internal("the body of an answer in memory ended early".into()).into_response();
    };
    let etag = ETag::of(&bytes);
    if if_none_match.contains(&etag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.remove(CONTENT_LENGTH);
        return etag.on(Response::from_parts(parts, Body::empty()));
    }
    etag.on(Response::from_parts(parts, Body::from(bytes)))
}

/// Whether a request is answered when something happens: with a tag of what it knows it would be told nothing.
fn waits(uri: &Uri) -> bool {
    uri.query().unwrap_or_default().split('&').any(|parameter| parameter.starts_with("wait="))
}

/// Whether a response is JSON in memory, without a tag.
fn has_whole_json(response: &Response) -> bool {
    let headers = response.headers();
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let size = response.body().size_hint().exact();
    let is_small = size.is_some_and(|size| size <= MOST as u64);
    response.status() == StatusCode::OK && is_json && is_small && !headers.contains_key(ETAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_found() {
        for (uri, expected) in [("/x", false), ("/x?after=1", false), ("/x?after=1&wait=3", true), ("/x?q=wait%3D", false)] {
            assert_eq!(waits(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
