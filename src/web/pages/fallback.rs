//! Requests that no route answers.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::web::layers::session::CurrentUser;

/// An unknown path. Strangers must log in, as for any page, so that they cannot find out which paths exist.
pub async fn not_found(user: Option<CurrentUser>) -> Error {
    match user {
        Some(_) => Error::NotFound("page"),
        None => Error::Unauthenticated,
    }
}

/// A known path with a method that it does not have.
pub async fn wrong_method() -> Response {
    let mut response = Error::NotFound("page").into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
