//! The time limit of a request.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use super::errors;
use crate::error::Error;
use crate::server::Deadline;
use crate::web::accept::Format;

/// Answers 503 when a request takes too long: the database does not answer, or the rest of the body does not come. Whoever reads a long body
/// moves the deadline.
pub async fn limit(request: Request, next: Next) -> Response {
    let (format, id) = (Format::of(request.headers()), errors::request_id(&request));
    // The server gives each request one.
    let Some(deadline) = request.extensions().get::<Deadline>().cloned() else { return next.run(request).await };
    tokio::select! {
        response = next.run(request) => response,
        () = deadline.nearly_passed() => errors::plain_of(Error::Unavailable, format, id),
    }
}
