//! Form bodies and their fields.
//!
//! Owns the limits of a form's size, and the errors of a body that is not a form. What a field may contain is the use-case's to check, but
//! for U+0000 (`nul`), which no form has but those that keep to themselves what is wrong with a field.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, RawForm, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::web::nul;

/// The largest form, in bytes: the longest message, with every character percent-encoded.
pub const MAX_FORM: usize = 256 * 1024;

/// The largest form of somebody who is not signed in, in bytes: names, a password and a link, percent-encoded. Anybody can hold as many
/// of them half-sent as they have connections.
pub const MAX_ANONYMOUS_FORM: usize = 16 * 1024;

/// The fields of an `application/x-www-form-urlencoded` body.
pub struct Form<T>(pub T);

impl<S, T> FromRequest<S> for Form<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        read(request, state, nul::in_pairs).await.map(Self)
    }
}

/// The same of a form whose answer is the same whatever is wrong with what was typed: a name or a secret that may have U+0000. What takes them
/// asks the database for nothing that has it.
pub struct SecretiveForm<T>(pub T);

impl<S, T> FromRequest<S> for SecretiveForm<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        read(request, state, |_| Ok(())).await.map(Self)
    }
}

/// The fields of a form, unless it is refused as it is encoded.
async fn read<S, T>(request: Request, state: &S, check: fn(&[u8]) -> Result<(), Error>) -> Result<T, Response>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    let RawForm(body) = RawForm::from_request(request, state).await.map_err(|rejection| rejected(rejection.status()))?;
    // The deserializer would replace invalid UTF-8, and change what somebody wrote without an error.
    if !is_text(&body) {
        return Err(rejected(StatusCode::UNPROCESSABLE_ENTITY));
    }
    check(&body).map_err(IntoResponse::into_response)?;
    let form = Request::post("/").header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body));
    let form = form.map_err(|_| rejected(StatusCode::UNPROCESSABLE_ENTITY))?;
    match axum::Form::<T>::from_request(form, state).await {
        Ok(axum::Form(fields)) => Ok(fields),
        Err(rejection) => Err(rejected(rejection.status())),
    }
}

/// The fields of a form or of a JSON object, in their order: for forms that programs send as well. A list is a field that comes several
/// times; what is null is left out.
pub struct Fields(pub Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            return Form::from_request(request, state).await.map(|Form(fields)| Self(fields));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| rejected(rejection.status()))?;
        let object: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| rejected(StatusCode::UNPROCESSABLE_ENTITY))?;
        nul::in_object(&object).map_err(IntoResponse::into_response)?;
        let mut fields = Vec::new();
        for (name, value) in object {
            let values = match value {
                Value::Array(values) => values,
                value => vec![value],
            };
            for value in values {
                match value {
                    Value::Null => {}
                    Value::String(text) => fields.push((name.clone(), text)),
                    value => fields.push((name.clone(), value.to_string())),
                }
            }
        }
        Ok(Self(fields))
    }
}

/// Refuses multipart bodies, where no route takes one: what they hold would be stored as it is, or not be found.
pub async fn refuse_multipart(request: Request, next: Next) -> Response {
    let kind = request.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase()).unwrap_or_default();
    if !kind.starts_with(b"multipart/") {
        return next.run(request).await;
    }
    let message = "Nothing here takes multipart/form-data. Send fields as JSON or as application/x-www-form-urlencoded, and a file as \
                   its bytes alone.";
    let mut response = Error::invalid("Content-Type", message).into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Whether a request's body is JSON.
pub(in crate::web) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// An error about the body as a whole, with a status of its own.
pub(in crate::web) fn rejected(status: StatusCode) -> Response {
    let message = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "That’s too large to send.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the form as application/x-www-form-urlencoded.",
        _ => "Couldn’t read the form. Please try again.",
    };
    let mut response = Error::invalid("form", message).into_response();
    // The rest of the body is not read, so the connection cannot be used again.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    *response.status_mut() = if status.is_client_error() { status } else { StatusCode::UNPROCESSABLE_ENTITY };
    response
}

/// The whole number in a field; `invalid`, for the field, if there is none or a negative one.
pub fn whole_number(field: &'static str, text: &str) -> Result<i64, Error> {
    match text.parse::<i64>() {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(Error::invalid(field, format!("`{field}` must be a whole number that is not negative."))),
    }
}

/// The text of a multi-line field as one line.
pub fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a percent-encoded body is UTF-8. Separators are ASCII, so no character spans two fields.
fn is_text(body: &[u8]) -> bool {
    let digit = |at: usize| body.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(body.len());
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        // A `%` without two digits behind it is itself (URL Standard, percent-decode).
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
    fn invalid_utf_8_is_found() {
        for text in ["", "a=b&c=d", "body=%C3%A9+%f0%9F%91%8D", "body=é", "100%=%zz%", "a=%00", "%"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        for invalid in
            [&b"a=%ff"[..], b"a=\xff", b"a=%c3&b=%a9", b"a=%c3", b"a=%ed%a0%80", b"a=%c0%80", b"a=%f4%90%80%80", b"\xc3%28"]
        {
            assert!(!is_text(invalid), "{invalid:?}");
        }
    }
}
