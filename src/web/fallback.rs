//! What answers when nothing else does.

use std::any::Any;
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::respond::{Answer, Asked, Refused};
use super::session::CurrentUser;
use super::views::ErrorPage;
use crate::error::Error;

/// How long a request may take, its body included.
const PATIENCE: Duration = Duration::from_secs(15);

/// Gives a request up that takes too long: the database does not answer, or the rest of a body does not come.
pub async fn in_time(asked: Asked, request: Request, next: Next) -> Answer {
    tokio::time::timeout(PATIENCE, next.run(request)).await.map_err(|_| asked.refuse(Error::Unavailable))
}

/// A path that is nobody's. Strangers are sent to log in, as from any page: what exists is not told to them.
pub async fn not_found(asked: Asked, user: Option<CurrentUser>) -> Refused {
    asked.refuse(match user {
        Some(_) => Error::NotFound("page"),
        None => Error::Unauthenticated,
    })
}

/// A path that is somebody's, asked in a way that it does not answer.
pub async fn wrong_method(asked: Asked) -> Answer {
    let mut response = asked.refuse(Error::NotFound("page")).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    Ok(response)
}

/// A fault in a handler, which was logged where it happened (`log`).
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, ErrorPage::of_fault().message().to_owned()).into_response();
    response.extensions_mut().insert(ErrorPage::of_fault());
    response
}
