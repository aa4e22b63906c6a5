//! Which responses are compressed, and the bodies of pages.
//!
//! Owns the rule, which is about the request: if somebody else may have chosen words in it, such as in a link to a search, the response is
//! not compressed. Repeated words compress well, so the size of a compressed response would reveal whether a guess is in it
//! (docs/decisions/0040). It also owns the layer that gives a page its body; `pieces` splices it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use axum::http::{HeaderValue, Method, Request, Uri};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use crate::pieces::Paper;
use crate::web::accept::accepts_gzip;

/// Gives pages their bodies: spliced from compressed pieces, for clients that accept gzip.
pub async fn deliver(request: axum::extract::Request, next: Next) -> Response {
    let is_gzip = accepts_gzip(request.headers());
    let mut response = next.run(request).await;
    let Some(paper) = response.extensions_mut().remove::<Arc<Paper>>() else { return response };
    let headers = response.headers_mut();
    // It counted the empty body.
    headers.remove(CONTENT_LENGTH);
    if !headers.contains_key(VARY) {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = if is_gzip { Body::from(paper.gzip()) } else { Body::new(Parts(paper.text())) };
    response
}

/// A body in parts, of known length.
struct Parts(VecDeque<Bytes>);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|part| part.len() as u64).sum())
    }
}

/// Removes `Accept-Encoding` from a request with words in it, and from one for a file: its ranges and its ETag are of its own bytes.
pub fn not_with_words<B>(mut request: Request<B>) -> Request<B> {
    if request.uri().path().starts_with("/files/") || has_words(request.method(), request.uri()) {
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    request
}

/// Forms have words, and so have links with parameters that are not numbers.
fn has_words(method: &Method, uri: &Uri) -> bool {
    let is_number = |value: &str| value.bytes().all(|byte| byte.is_ascii_digit());
    let mut parameters = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    !matches!(*method, Method::GET | Method::HEAD) || parameters.any(|(_, value)| !is_number(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_words() {
        for (method, uri, expected) in [
            (Method::GET, "/rooms/general", false),
            (Method::HEAD, "/rooms/general?before=12&limit=50", false),
            (Method::GET, "/settings?saved", false),
            (Method::GET, "/search?q=vault", true),
            (Method::GET, "/search?q=12&order=best", true),
            (Method::GET, "/login?next=%2Frooms", true),
            (Method::POST, "/preview", true),
        ] {
            assert_eq!(has_words(&method, &uri.parse().unwrap()), expected, "{method} {uri}");
        }
    }
}
