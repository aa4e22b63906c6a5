//! The check of `Host`, against DNS rebinding. Which hosts are ours is decided by `http::origin`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::errors;
use crate::error::Error;
use crate::http::origin::Origins;
use crate::web::accept::Format;

/// Answers 421 to requests for another host, but for health checks and Prometheus, which name the machine.
pub async fn check(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    if origins.is_meant(request.headers(), request.uri())
        || ["/livez", "/healthz", "/readyz", "/metrics"].contains(&request.uri().path())
    {
        return next.run(request).await;
    }
    let error = Error::Forbidden("This server doesn’t answer to that address. Use its public one.");
    let mut response = errors::plain(error, Format::of(request.headers()));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response
}
