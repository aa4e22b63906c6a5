//! Which answers may be compressed, and how pages are sent.
//!
//! Owns the rule, which is about the request: where somebody else may have chosen words in it, such as a link to a search, the answer is sent as
//! it is. Words that are said twice compress well, so the size of a compressed answer would tell whether a guess stands in it
//! (docs/decisions/0040). And it owns the layer that gives a page its body: what a page is made of is `pieces`'.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request as Asking;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};

use crate::pieces::Paper;

/// An answer that is a page, and has no body yet.
#[must_use]
pub fn undelivered(status: StatusCode, paper: Paper) -> Response {
    let mut response = (status, [(CONTENT_TYPE, "text/html; charset=utf-8")]).into_response();
    response.extensions_mut().insert(Arc::new(paper));
    response
}

/// Gives pages their bodies: put together of what is compressed already, for whoever reads gzip.
pub async fn deliver(request: Asking, next: Next) -> Response {
    let is_packed = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    let Some(paper) = response.extensions_mut().remove::<Arc<Paper>>() else { return response };
    let headers = response.headers_mut();
    // That of the answer before it had a body.
    headers.remove(CONTENT_LENGTH);
    if !headers.contains_key(VARY) {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = if is_packed { Body::from(paper.gzip()) } else { Body::new(Parts(paper.text())) };
    response
}

/// A body in parts, whose length is known.
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

/// Takes the wish for compression off a request that carries words.
pub fn only_without_words<B>(mut request: Request<B>) -> Request<B> {
    if carries_words(request.method(), request.uri()) {
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    request
}

/// Whether whoever asks reads gzip (RFC 9110, section 12.5.3).
#[must_use]
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// Forms do, and links with parameters that are not numbers.
fn carries_words(method: &Method, uri: &Uri) -> bool {
    let is_number = |value: &str| value.bytes().all(|byte| byte.is_ascii_digit());
    let mut parameters = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    !matches!(*method, Method::GET | Method::HEAD) || parameters.any(|(_, value)| !is_number(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_reads_it() {
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
            assert_eq!(takes_gzip(&headers), expected, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

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
            assert_eq!(carries_words(&method, &uri.parse().unwrap()), expected, "{method} {uri}");
        }
    }
}
