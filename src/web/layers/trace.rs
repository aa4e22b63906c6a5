//! The log of requests.
//!
//! Owns the span of a request: its id, which the server always generates, its method and route; never its query, cookies or body.

use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Request, Response};
use tracing::Span;
#[cfg(feature = "opentelemetry")]
use tracing::field::Empty;

/// Removes a client's request id, so that ids in the log are unique.
pub fn forget_id<B>(mut request: Request<B>) -> Request<B> {
    request.headers_mut().remove("x-request-id");
    request
}

/// The span of one request, with the route instead of the path, so that no slug or token is logged.
pub fn span<B>(request: &Request<B>) -> Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>().map_or("-", |path| path.as_str());
    let method = request.method();
    // For traces, which are grouped by their names; a log without them has no such fields.
    #[cfg(feature = "opentelemetry")]
    let span = tracing::info_span!("request", id, %method, route, otel.name = format!("{method} {route}"), otel.kind = "server", otel.status_code = Empty, status = Empty);
    #[cfg(not(feature = "opentelemetry"))]
    let span = tracing::info_span!("request", id, %method, route);
    span
}

/// Logs a response.
pub fn answered<B>(response: &Response<B>, took: Duration, span: &Span) {
    let status = response.status().as_u16();
    // Nothing without the feature `opentelemetry`: then there are no such fields.
    span.record("status", status);
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let ms = took.as_millis() as u64;
    if response.status().is_server_error() {
        tracing::warn!(status, ms, "answered");
    } else {
        tracing::debug!(status, ms, "answered");
    }
}
