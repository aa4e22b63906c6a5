//! Protection against forged requests, and the headers that every answer carries.
//!
//! Owns what a browser is told to refuse on our behalf, and the refusal of forms from other origins and of requests for other hosts.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::http::origin::Origins;
use crate::realtime::handshake;
use crate::security_log::{Action, Event};
use crate::web::assets;
use crate::web::respond::Asked;
use crate::web::source::source;
use crate::web::state::AppState;

/// How much of a foreign origin is noted, in characters.
const ORIGIN_NOTED: usize = 200;

/// Refuses whatever changes something and comes from another origin.
pub async fn refuse_foreign(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !state.origins.allows(request.headers()) {
        note_refusal(&state, request.headers(), request.extensions(), "form");
        let asked = Asked::of(request.headers(), request.uri());
        return asked.refuse(Error::Forbidden("This request came from another site and was blocked.")).into_response();
    }
    next.run(request).await
}

/// Refuses whatever was meant for another host, but for whoever asks how the server is.
pub async fn refuse_misdirected(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    if origins.is_meant(request.headers(), request.uri()) || request.uri().path() == "/healthz" {
        return next.run(request).await;
    }
    let asked = Asked::of(request.headers(), request.uri());
    let mut response =
        asked.refuse(Error::Forbidden("This server doesn’t answer to that address. Use its public one.")).into_response();
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response
}

/// Notes in the security log that a socket from another site will be refused.
pub fn note_foreign_socket<B>(request: &axum::http::Request<B>, state: &AppState) {
    if handshake::is_socket(request) && !handshake::is_allowed(request, &state.origins) {
        note_refusal(state, request.headers(), request.extensions(), "socket");
    }
}

/// Notes that a form or a socket from another site was refused, and from which.
fn note_refusal(state: &AppState, headers: &HeaderMap, extensions: &Extensions, what: &str) {
    let source = source(headers, extensions, &state.config.trusted_proxies);
    let origin = headers.get(ORIGIN).map_or("no origin", |origin| origin.to_str().unwrap_or("an origin that is no text"));
    let origin: String = origin.chars().take(ORIGIN_NOTED).collect();
    let event = Event::new(state.clock.now(), Action::OriginRefused, &source);
    state.accounts.security_log().note(event.detail(&format!("{what} from {origin}")));
}

/// Puts the headers of every answer on one; an answer that nobody said otherwise of is kept by nobody: after logging out, the way
/// back leads to no page of before.
#[must_use]
pub fn add_headers<B>(headers: &HeaderMap, mut response: Response<B>) -> Response<B> {
    let all = response.headers_mut();
    // At once, and not at every second header.
    all.reserve(headers.len() + 1);
    if !all.contains_key(CACHE_CONTROL) {
        all.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    for (name, value) in headers {
        all.insert(name, value.clone());
    }
    response
}

/// The headers of every answer: nothing inline but what is known by its hash, nothing from another host, no framing, no sniffing.
#[must_use]
pub fn headers(is_https: bool) -> Arc<HeaderMap> {
    let policy = format!(
        "default-src 'none'; script-src 'self' {}; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        assets::first_hash()
    );
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(&policy).expect("a policy of fixed words and a base64 hash is a header's value"),
    );
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    headers.into()
}
