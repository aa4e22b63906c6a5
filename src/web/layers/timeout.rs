//! The time limit of a request.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use super::errors;
use crate::error::Error;
use crate::web::accept::Format;

/// How long a request may take, its body included.
const LIMIT: Duration = Duration::from_secs(15);

/// Answers 503 when a request takes too long: the database does not answer, or the rest of the body does not come.
pub async fn limit(request: Request, next: Next) -> Response {
    let format = Format::of(request.headers());
    match tokio::time::timeout(LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => errors::plain(Error::Unavailable, format),
    }
}
