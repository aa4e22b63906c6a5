//! The payload of an event that a client sent.
//!
//! Owns the parsing of fields: every refusal names the field at fault, and no text has U+0000. It must not know what an event does.

use std::convert::Infallible;
use std::sync::Arc;

use serde_json::{Map, Value as Json, value::RawValue};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::FromMessageParts;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use crate::error::{Error, Result};
use crate::model::validate;

/// An event as it arrived: its name, and its one object or why there is none.
#[derive(Debug)]
pub struct Incoming {
    /// Its name.
    pub event: String,
    /// Its payload.
    pub payload: Result<Payload>,
}

/// The fields of an event.
#[derive(Debug, Default)]
pub struct Payload(Map<String, Json>);

impl FromMessageParts<LocalAdapter> for Incoming {
    type Error = Infallible;

    fn from_message_parts(
        _: &Arc<Socket<LocalAdapter>>,
        value: &mut Value,
        _: &Option<i64>,
    ) -> std::result::Result<Self, Infallible> {
        Ok(match value {
            Value::Str(text, None) => Self::parse(text.as_str()),
            _ => Self { event: String::new(), payload: Err(invalid("An event carries no binary data.")) },
        })
    }
}

fn invalid(message: &str) -> Error {
    Error::invalid("data", message)
}

impl Incoming {
    /// Parses `["event", {…}]`. Anything else becomes an event without a name whose payload is the refusal.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let Ok(parts) = serde_json::from_str::<Vec<&RawValue>>(text) else {
            return Self { event: String::new(), payload: Err(invalid("An event is a JSON array of its name and one object.")) };
        };
        let event = parts.first().and_then(|name| serde_json::from_str(name.get()).ok()).unwrap_or_default();
        let payload = match parts.get(1) {
            None => Ok(Payload::default()),
            Some(object) => serde_json::from_str::<Map<String, Json>>(object.get())
                .map(Payload)
                .map_err(|_not_an_object| invalid("An event carries one JSON object of valid Unicode text.")),
        };
        Self { event, payload }
    }
}

impl Payload {
    /// A required text.
    pub fn text(&self, field: &'static str) -> Result<&str> {
        self.optional_text(field)?.ok_or_else(|| Error::invalid(field, format!("`{field}` is missing.")))
    }

    /// An optional text; absent and null are the same.
    pub fn optional_text(&self, field: &'static str) -> Result<Option<&str>> {
        match self.0.get(field) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => validate::no_nul(field, text).map(|()| Some(text.as_str())),
            Some(_) => Err(Error::invalid(field, format!("`{field}` must be a text."))),
        }
    }

    /// A required list of texts.
    pub fn texts(&self, field: &'static str) -> Result<Vec<&str>> {
        let list = self.0.get(field).and_then(Json::as_array).map(|list| list.iter().map(Json::as_str).collect::<Option<_>>());
        let list: Vec<&str> =
            list.flatten().ok_or_else(|| Error::invalid(field, format!("`{field}` must be a list of texts.")))?;
        list.iter().try_for_each(|text| validate::no_nul(field, text))?;
        Ok(list)
    }

    /// An optional list of texts; absent and null are an empty one.
    pub fn optional_texts(&self, field: &'static str) -> Result<Vec<&str>> {
        match self.0.get(field) {
            None | Some(Json::Null) => Ok(Vec::new()),
            Some(_) => self.texts(field),
        }
    }

    /// A required whole number that is not negative.
    pub fn number(&self, field: &'static str) -> Result<i64> {
        self.optional_number(field)?.ok_or_else(|| Error::invalid(field, format!("`{field}` is missing.")))
    }

    /// An optional whole number that is not negative.
    pub fn optional_number(&self, field: &'static str) -> Result<Option<i64>> {
        match self.0.get(field) {
            None | Some(Json::Null) => Ok(None),
            Some(number) => match number.as_i64() {
                Some(number) if number >= 0 => Ok(Some(number)),
                _ => Err(Error::invalid(field, format!("`{field}` must be a whole number that is not negative."))),
            },
        }
    }

    /// An optional true or false.
    pub fn optional_flag(&self, field: &'static str) -> Result<Option<bool>> {
        match self.0.get(field) {
            None | Some(Json::Null) => Ok(None),
            Some(_) => self.flag(field).map(Some),
        }
    }

    /// A required true or false.
    pub fn flag(&self, field: &'static str) -> Result<bool> {
        self.0
            .get(field)
            .and_then(Json::as_bool)
            .ok_or_else(|| Error::invalid(field, format!("`{field}` must be true or false.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_names_its_field() {
        let payload = Incoming::parse(r#"["message",{"room":7,"after":-1,"on":"yes"}]"#).payload.unwrap();
        assert_eq!(payload.text("room").unwrap_err().field(), Some("room"));
        assert_eq!(payload.text("body").unwrap_err().field(), Some("body"));
        assert_eq!(payload.optional_number("after").unwrap_err().field(), Some("after"));
        assert_eq!(payload.flag("on").unwrap_err().field(), Some("on"));
        let payload = Incoming::parse(r#"["message",{"room":"a\u0000","users":["ada","\u0000"]}]"#).payload.unwrap();
        assert_eq!(payload.text("room").unwrap_err().field(), Some("room"));
        assert_eq!(payload.optional_text("room").unwrap_err().field(), Some("room"));
        assert_eq!(payload.optional_texts("users").unwrap_err().field(), Some("users"));
    }

    #[test]
    fn what_is_no_object_is_invalid() {
        for odd in [r#"["message",[]]"#, r#"["message",3]"#, r#"["message",{"body":"\ud800"}]"#, "{}", "", "[3,{}]extra"] {
            assert_eq!(Incoming::parse(odd).payload.unwrap_err().code(), "invalid", "{odd}");
        }
        assert!(Incoming::parse(r#"["typing"]"#).payload.is_ok());
        let deep = format!(r#"["message",{}{}]"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(Incoming::parse(&deep).payload.unwrap_err().code(), "invalid");
    }
}
