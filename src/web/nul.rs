//! U+0000 in what clients send: Postgres cannot store it, SQLite could, and no name, place or text has it.
//!
//! Owns its refusal, once, where text comes in: in addresses by a layer, in bodies by those who read them. What is behind them need not ask;
//! sockets refuse it in `realtime::inbound::payload`. The layer refuses paths that are no text, too.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The longest name of a field that an answer repeats.
const LONGEST_NAME: usize = 64;

/// Refuses a path with it or of invalid UTF-8, which leads nowhere, and a query with it.
pub async fn refuse(request: Request, next: Next) -> Response {
    let uri = request.uri();
    if percent_decode_str(uri.path()).decode_utf8().map_or(true, |path| path.contains('\0')) {
        return Error::NotFound("page").into_response();
    }
    match in_pairs(uri.query().unwrap_or_default().as_bytes()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Refuses it in a query or a form, as it is encoded.
///
/// # Errors
/// `invalid` for the field.
pub fn in_pairs(encoded: &[u8]) -> Result<()> {
    match form_urlencoded::parse(encoded).find(|(name, value)| name.contains('\0') || value.contains('\0')) {
        Some((name, _)) => Err(of(&name)),
        None => Ok(()),
    }
}

/// Refuses it in an object, however deep.
///
/// # Errors
/// `invalid` for the field.
pub fn in_object(object: &Map<String, Value>) -> Result<()> {
    object.iter().try_for_each(|(name, value)| if name.contains('\0') { Err(of(name)) } else { in_value(name, value) })
}

/// Refuses it in a value with this name.
///
/// # Errors
/// `invalid` for the field.
pub fn in_value(name: &str, value: &Value) -> Result<()> {
    match value {
        Value::String(text) => in_text(name, text),
        Value::Array(values) => values.iter().try_for_each(|value| in_value(name, value)),
        Value::Object(object) => in_object(object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Refuses it in a text with this name.
///
/// # Errors
/// `invalid` for the field.
pub fn in_text(name: &str, text: &str) -> Result<()> {
    if text.contains('\0') { Err(of(name)) } else { Ok(()) }
}

/// The refusal of a field; of what is no name that a field has, of all of it.
fn of(name: &str) -> Error {
    let is_name = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|sign| sign.is_ascii_graphic());
    Error::HasNul { field: if is_name { name } else { "form" }.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(refused: Result<()>) -> Option<String> {
        refused.err().and_then(|error| error.field().map(str::to_owned))
    }

    #[test]
    fn the_field_of_a_pair_is_named() {
        for (encoded, expected) in [
            (&b""[..], None),
            (b"a=%2500&b=x", None),
            (b"a=1&b=%00", Some("b")),
            (b"a=x%00y", Some("a")),
            (b"a=\0", Some("a")),
            (b"a%00=1", Some("form")),
            (b"%00", Some("form")),
        ] {
            assert_eq!(field(in_pairs(encoded)).as_deref(), expected, "{}", String::from_utf8_lossy(encoded));
        }
        assert_eq!(field(in_pairs(format!("{}=%00", "a".repeat(65)).as_bytes())).as_deref(), Some("form"));
    }

    #[test]
    fn the_field_of_an_object_is_named() {
        for (value, expected) in [
            (json!({ "a": "x", "b": [1, null, true] }), None),
            (json!({ "a": "x\0" }), Some("a")),
            (json!({ "a": ["x", "\0"] }), Some("a")),
            (json!({ "a": { "b": [{ "c": "\0" }] } }), Some("c")),
            (json!({ "a": { "\0": 1 } }), Some("form")),
        ] {
            assert_eq!(field(in_value("form", &value)).as_deref(), expected, "{value}");
        }
    }
}
