//! What programs send: a JSON object, or a form with the same fields.
//!
//! Owns that every refusal names the field at fault, and how liberal the types are: a number may come as text, a list as one value. What a
//! field may contain is the use-case's to check, but for U+0000 (`nul`).

use std::borrow::Cow;

use axum::extract::FromRequest;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Error;
use crate::web::form::{Form, is_json, rejected};
use crate::web::nul;
use crate::web::query::yes_or_no;

/// The fields of all bodies.
const FIELDS: [&str; 56] = [
    "action",
    "alts",
    "archived",
    "attachments",
    "away_only",
    "body",
    "closed",
    "command",
    "confirm",
    "days",
    "default_rooms",
    "edit_body",
    "edit_seq",
    "events",
    "files",
    "hint",
    "inviters",
    "keywords",
    "kind",
    "level",
    "link_previews",
    "mass_mentions",
    "messages",
    "missed",
    "name",
    "new_slug",
    "nonce",
    "note",
    "notify",
    "on",
    "posting",
    "quiet_from",
    "quiet_until",
    "reason",
    "registration",
    "reply_to",
    "retention",
    "role",
    "room_creators",
    "rooms",
    "scope",
    "seq",
    "server_name",
    "silence",
    "slow_mode",
    "status",
    "target",
    "text",
    "theme",
    "time_zone",
    "topic",
    "url",
    "username",
    "users",
    "uses",
    "visibility",
];

/// How long something is kept, in the description: [`kept`].
pub enum Kept {}

impl PartialSchema for Kept {
    fn schema() -> RefOr<Schema> {
        let kinds = SchemaType::from_iter([Type::Integer, Type::String]);
        ObjectBuilder::new().schema_type(kinds).description(Some("Days, `default` or `forever`")).build().into()
    }
}

impl ToSchema for Kept {
    fn name() -> Cow<'static, str> {
        "Kept".into()
    }
}

/// Texts that are one of some words, in the description. What is sent is read by the use-case, whose refusal says more.
macro_rules! words {
    ($($(#[$about:meta])* $name:ident: $($word:literal),+;)+) => {
        $(
            $(#[$about])*
            pub enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([$($word),+])).build().into()
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

words! {
    /// Who may do something in a room.
    PolicyRole: "member", "moderator";
    /// How a report is closed.
    ReportAction: "dismiss", "delete", "ban";
    /// What a hold covers.
    HoldScope: "room", "person", "everything";
    /// When somebody is mailed about what they missed.
    MissedMails: "off", "soon", "daily", "weekly";
    /// Who may register.
    RegistrationMode: "open", "invite", "closed";
    /// Who may do something on the server.
    Circle: "admins", "everyone";
}

/// The fields of a request's body. An empty body is an object without fields.
pub struct Fields<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let is_form = !is_json(request.headers())
            && request
                .headers()
                .get("content-type")
                .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded"));
        let object = if is_form {
            let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state).await?;
            // curl says that of everything it sends with `-d`.
            match pairs.as_slice() {
                [(text, empty)] if empty.is_empty() && text.starts_with('{') => {
                    serde_json::from_str(text).map_err(|_| rejected(axum::http::StatusCode::UNPROCESSABLE_ENTITY))?
                }
                _ => object_of(pairs),
            }
        } else {
            let bytes = axum::body::Bytes::from_request(request, state).await;
            let bytes = bytes.map_err(|rejection| rejected(rejection.status()))?;
            match bytes.trim_ascii() {
                [] => Map::new(),
                text => serde_json::from_slice(text)
                    .map_err(|_| Error::invalid("body", "Send one JSON object of valid Unicode text.").into_response())?,
            }
        };
        nul::in_object(&object).and_then(|()| fields(object)).map(Self).map_err(IntoResponse::into_response)
    }
}

/// A form as an object: a field that comes several times is a list.
fn object_of(pairs: Vec<(String, String)>) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in pairs {
        match object.get_mut(&name) {
            None => drop(object.insert(name, value.into())),
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = Value::Array(vec![first.take(), value.into()]),
        }
    }
    object
}

fn fields<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Error> {
    let value = Value::Object(object);
    let Err(problem) = T::deserialize(&value) else {
        return T::deserialize(value).map_err(|error| Error::Internal(error.to_string()));
    };
    // No field is needed, so the first one that cannot be read alone is at fault.
    let problem_of = |field: &str| T::deserialize(json!({ field: value.get(field)? })).err();
    let at_fault = FIELDS.iter().find_map(|field| Some((*field, problem_of(field)?)));
    let (field, problem) = at_fault.unwrap_or(("body", problem));
    Err(Error::invalid(field, format!("`{field}` can’t be read: {problem}.")))
}

/// A whole number, or its digits.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_i64().map(Some).ok_or_else(|| D::Error::custom("it must be a whole number")),
        Some(Value::String(digits)) if digits.trim().is_empty() => Ok(None),
        Some(Value::String(digits)) => digits.trim().parse().map(Some).map_err(|_| D::Error::custom("it must be a whole number")),
        Some(_) => Err(D::Error::custom("it must be a whole number")),
    }
}

/// A text that null empties, where one that is not sent stays.
pub fn some_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| Some(text.unwrap_or_default()))
}

/// How long something is kept, as it is typed: days, or a word. What is read of a room can be sent back: null is what the server says, and 0 for
/// ever.
pub fn kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok("default".to_owned()),
        Some(Value::Number(number)) if number.as_i64() == Some(0) => Ok("forever".to_owned()),
        Some(Value::Number(number)) if number.is_i64() => Ok(number.to_string()),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(D::Error::custom("it must be a number of days, default, forever or null")),
    }
}

/// Yes or no, also as a word.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(is_on)) => Ok(Some(is_on)),
        Some(Value::String(word)) => yes_or_no("", &word).map_err(|_| D::Error::custom("it must be true or false")),
        Some(_) => Err(D::Error::custom("it must be true or false")),
    }
}

/// Texts, or one text.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(all)) => all
            .into_iter()
            .map(|one| match one {
                Value::String(text) => Ok(text),
                _ => Err(D::Error::custom("it must be a list of texts")),
            })
            .collect(),
        Some(_) => Err(D::Error::custom("it must be a list of texts")),
    }
}

/// As [`texts`], where no list is another thing than an empty one.
pub fn some_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    texts(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Post {
        body: String,
        #[serde(deserialize_with = "number")]
        reply_to: Option<i64>,
        #[serde(deserialize_with = "texts")]
        attachments: Vec<String>,
        #[serde(deserialize_with = "flag")]
        archived: Option<bool>,
    }

    fn read(value: Value) -> Result<Post, Error> {
        fields(value.as_object().unwrap().clone())
    }

    /// A refusal that did not know a field would blame another one.
    #[test]
    fn the_fields_are_those_of_the_description() {
        let document = serde_json::to_value(super::super::document()).unwrap();
        let mut described = BTreeSet::new();
        for operation in document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()) {
            let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
            let reference = schema["$ref"].as_str().expect("a body has a schema of its own");
            let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
            described.extend(schema["properties"].as_object().expect(reference).keys().cloned());
        }
        assert_eq!(described, FIELDS.map(str::to_owned).into());
    }

    #[test]
    fn the_field_at_fault_is_named() {
        for (value, field) in [
            (json!({ "body": 7 }), "body"),
            (json!({ "body": "x", "reply_to": "one" }), "reply_to"),
            (json!({ "body": "x", "reply_to": 1.5 }), "reply_to"),
            (json!({ "body": "x", "attachments": [1] }), "attachments"),
            (json!({ "body": "x", "reply_to": "one", "attachments": [1] }), "attachments"),
            (json!({ "body": "x", "archived": "perhaps" }), "archived"),
        ] {
            assert_eq!(read(value.clone()).unwrap_err().field(), Some(field), "{value}");
        }
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Keeping {
        #[serde(deserialize_with = "kept")]
        messages: String,
        #[serde(deserialize_with = "kept")]
        files: String,
    }

    #[test]
    fn how_long_a_room_keeps_is_sent_back_as_it_is_read() {
        for (value, messages) in [
            (json!({}), ""),
            (json!({ "messages": "" }), ""),
            (json!({ "messages": null }), "default"),
            (json!({ "messages": 0 }), "forever"),
            (json!({ "messages": 30 }), "30"),
            (json!({ "messages": "forever" }), "forever"),
        ] {
            let read: Keeping = fields(value.as_object().unwrap().clone()).unwrap();
            assert_eq!(read, Keeping { messages: messages.to_owned(), files: String::new() }, "{value}");
        }
        let wrong = json!({ "messages": 1, "files": true });
        assert_eq!(fields::<Keeping>(wrong.as_object().unwrap().clone()).unwrap_err().field(), Some("files"));
    }

    #[test]
    fn numbers_lists_and_flags_are_read_from_forms() {
        let pairs = [("body", "x"), ("reply_to", "7"), ("attachments", "a"), ("attachments", "b"), ("archived", "on")];
        let object = object_of(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let read: Post = fields(object).unwrap();
        let attachments = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(read, Post { body: "x".into(), reply_to: Some(7), attachments, archived: Some(true) });
        let one: Post = fields(object_of(vec![("attachments".into(), "a".into())])).unwrap();
        assert_eq!(one.attachments, ["a"]);
        assert_eq!(super::super::body::fields::<Post>(Map::new()).unwrap(), Post::default());
    }
}
