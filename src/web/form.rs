//! A form's fields, read with refusals that name what is wrong.

use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;

use super::respond::{Asked, Refused};
use crate::error::Error;

/// The fields of an `application/x-www-form-urlencoded` body.
pub struct Form<T>(pub T);

impl<S, T> FromRequest<S> for Form<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let asked = Asked::of(request.headers(), request.uri());
        match axum::Form::<T>::from_request(request, state).await {
            Ok(axum::Form(fields)) => Ok(Self(fields)),
            Err(rejection) => Err(refusal(&asked, &rejection)),
        }
    }
}

fn refusal(asked: &Asked, rejection: &FormRejection) -> axum::response::Response {
    let status = rejection.status();
    let message = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "This form is larger than the server takes.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the form as application/x-www-form-urlencoded.",
        _ => "This form could not be read: its fields must be valid text.",
    };
    let refused: Refused = asked.refuse(Error::invalid("form", message));
    let mut response = refused.into_response();
    // What is left of the body is not read, so nothing else can come over this connection.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    *response.status_mut() = if status.is_client_error() { status } else { StatusCode::UNPROCESSABLE_ENTITY };
    response
}
