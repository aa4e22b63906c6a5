//! A form's fields, read with refusals that name what is wrong.

use axum::body::Body;
use axum::extract::{FromRequest, RawForm, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
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
        let RawForm(body) = RawForm::from_request(request, state).await.map_err(|refused| refusal(&asked, refused.status()))?;
        // A reader of forms puts a sign for what is no text, and somebody's words would be others without a word of it.
        if !is_text(&body) {
            return Err(refusal(&asked, StatusCode::UNPROCESSABLE_ENTITY));
        }
        let form = Request::post("/").header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body));
        let form = form.map_err(|_| refusal(&asked, StatusCode::UNPROCESSABLE_ENTITY))?;
        match axum::Form::<T>::from_request(form, state).await {
            Ok(axum::Form(fields)) => Ok(Self(fields)),
            Err(refused) => Err(refusal(&asked, refused.status())),
        }
    }
}

/// The whole number in a field.
///
/// # Errors
/// `invalid`, for the field, where there is none or a negative one.
pub fn whole_number(field: &'static str, text: &str) -> Result<i64, Error> {
    match text.parse::<i64>() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(Error::invalid(field, format!("`{field}` must be a whole number that is not negative."))),
    }
}

/// What was typed into a field of several lines that holds one: its lines, one behind the other.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a body is UTF-8 once its `%` are decoded. What separates fields is ASCII, so no character can reach over it.
fn is_text(body: &[u8]) -> bool {
    let digit = |at: usize| body.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(body.len());
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        // One that no two digits follow stands for itself (URL Standard, percent-decode).
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}

fn refusal(asked: &Asked, status: StatusCode) -> axum::response::Response {
    let message = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "That’s too large to send.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the form as application/x-www-form-urlencoded.",
        _ => "Couldn’t read the form. Please try again.",
    };
    let refused: Refused = asked.refuse(Error::invalid("form", message));
    let mut response = refused.into_response();
    // What is left of the body is not read, so nothing else can come over this connection.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    *response.status_mut() = if status.is_client_error() { status } else { StatusCode::UNPROCESSABLE_ENTITY };
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_one() {
        for (typed, one) in [("", ""), ("one", "one"), ("two \r\n lines\n", "two lines"), ("a\n\n\nb", "a b"), (" \n ", "")] {
            assert_eq!(one_line(typed), one, "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_told_from_what_is() {
        for text in ["", "a=b&c=d", "body=%C3%A9+%f0%9F%91%8D", "body=é", "100%=%zz%", "a=%00", "%"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        for odd in
            [&b"a=%ff"[..], b"a=\xff", b"a=%c3&b=%a9", b"a=%c3", b"a=%ed%a0%80", b"a=%c0%80", b"a=%f4%90%80%80", b"\xc3%28"]
        {
            assert!(!is_text(odd), "{odd:?}");
        }
    }
}
