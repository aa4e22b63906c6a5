//! Protection against cross-site request forgery: forms and sockets of other origins are refused and recorded.
//!
//! Which origins are ours is decided by `http::origin`.

use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{Extensions, HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::errors;
use crate::error::Error;
use crate::realtime::handshake;
use crate::security_log::{Action, Event};
use crate::web::accept::Format;
use crate::web::bearer::Bearer;
use crate::web::source::source;
use crate::web::state::AppState;

/// How much of a foreign origin is recorded, in characters.
const ORIGIN_CHARS: usize = 200;

/// Refuses requests that could change something and come from another origin. No page can make a browser send an access token.
pub async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let has_token = request.extensions().get::<Bearer>().is_some();
    if is_safe || has_token || state.origins.allows(request.headers()) {
        return next.run(request).await;
    }
    record(&state, request.headers(), request.extensions(), "form");
    let error = Error::Forbidden("This request came from another site and was blocked.");
    errors::plain(error, Format::of(request.headers()))
}

/// Records a socket from another site in the security log; `handshake` refuses it.
pub fn record_foreign_socket<B>(request: &axum::http::Request<B>, state: &AppState) {
    if handshake::is_socket(request) && !handshake::is_allowed(request, &state.origins) {
        record(state, request.headers(), request.extensions(), "socket");
    }
}

fn record(state: &AppState, headers: &HeaderMap, extensions: &Extensions, what: &str) {
    let source = source(headers, extensions, &state.config.trusted_proxies);
    let origin = headers.get(ORIGIN).map_or("no origin", |origin| origin.to_str().unwrap_or("an origin that is no text"));
    let origin: String = origin.chars().take(ORIGIN_CHARS).collect();
    let event = Event::new(state.clock.now(), Action::OriginRefused, &source);
    state.accounts.reports().report_later(event.note(&format!("{what} from {origin}")));
}
