//! Input from a socket: a packet, an event's name and payload, and its fields up to the queue.

use std::sync::LazyLock;

use parlor::chat::names::Names;
use parlor::chat::search::SearchOrder;
use parlor::chat::search::cursor::Cursor;
use parlor::chat::{Chat, direct, markdown};
use parlor::error::{Error, Result};
use parlor::model::username::Username;
use parlor::model::validate;
use parlor::realtime::inbound::payload::{Incoming, Payload};
use socketioxide_core::packet::PacketData;
use socketioxide_core::parser::{Parse, ParserState};
use socketioxide_core::{Str, Value};
use socketioxide_parser_common::CommonParser;

use crate::{bounded, html};

static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(["ada".into()], ["general".into()]));

/// Parses a packet as a socket does, and its event. Bytes that are not a packet are parsed as an event.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        let state = ParserState::default();
        // An attachment without an announcement.
        CommonParser.decode_bin(&Default::default(), &state, data.to_vec().into()).expect_err("it belongs to nothing");
        return;
    };
    let state = ParserState::default();
    let packet = CommonParser.decode_str(&Default::default(), &state, Str::from(text.to_owned()));
    match packet.map(|packet| packet.inner) {
        Ok(PacketData::Event(Value::Str(event, None), _)) => read(&event),
        Ok(_) => {}
        Err(_) => read(text),
    }
}

fn read(text: &str) {
    let incoming = bounded("reading an event", || Incoming::parse(text));
    match incoming.payload {
        Ok(payload) => fields(&payload),
        Err(error) => is_clear(&error, &["data"]),
    }
}

/// Parses every field that any event has.
fn fields(payload: &Payload) {
    for field in ["room", "body", "nonce", "emoji", "q", "before", "order", "level"] {
        let read = payload.text(field);
        assert_eq!(read.is_ok(), payload.optional_text(field).is_ok_and(|text| text.is_some()), "{field}");
        assert!(each(read, &[field]).is_none_or(|text| !text.contains('\0')), "{field}");
    }
    for field in ["after", "around", "before", "limit", "reply_to", "seq"] {
        let number = each(payload.number(field), &[field]);
        assert!(number.is_none_or(|number| number >= 0), "{field}");
        each(payload.optional_number(field), &[field]);
    }
    each(payload.flag("on"), &["on"]);
    if let Some(body) = payload.text("body").ok().and_then(|body| each(validate::body(body, 8_000), &["body"])) {
        assert!(!body.contains(['\0', '\r']) && body.chars().count() <= 8_000);
        html::check(&bounded("rendering", || markdown::render(&body, &NAMES)).html);
    }
    if let Some(nonce) = payload.text("nonce").ok().and_then(|nonce| each(validate::nonce(nonce), &["nonce"])) {
        assert!((1..=64).contains(&nonce.chars().count()) && !nonce.contains('\0'));
    }
    if let Some(emoji) = payload.text("emoji").ok().and_then(|emoji| each(validate::emoji(emoji), &["emoji"])) {
        assert!(emoji.len() <= 64 && !emoji.is_ascii(), "{emoji:?}");
    }
    if let Some(users) = each(payload.texts("users"), &["users"]) {
        for name in direct::usernames(&users) {
            each(Username::parse(name), &["username"]);
        }
    }
    if let Ok(level) = payload.optional_text("level") {
        each(Chat::level(level), &["level"]);
    }
    let order = payload.optional_text("order").ok().and_then(|order| each(SearchOrder::parse(order), &["order"]));
    if let (Some(order), Ok(before)) = (order, payload.text("before")) {
        each(Cursor::parse(before, order), &["before"]);
    }
}

/// The parsed value; an error must name the field.
fn each<T>(read: Result<T>, fields: &[&str]) -> Option<T> {
    read.inspect_err(|error| is_clear(error, fields)).ok()
}

/// An error is the client's, names its field, and is short even for long input.
fn is_clear(error: &Error, fields: &[&str]) {
    assert!(matches!(error.code(), "invalid" | "too_long"), "{error:?}");
    assert!(error.field().is_some_and(|field| fields.contains(&field)), "{error:?}");
    assert!(error.to_string().len() < 200, "{error:?}");
}
