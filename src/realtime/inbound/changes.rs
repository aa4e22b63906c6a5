//! `message`, `edit`, `delete`, `react` and `pin`: the events that go through the ledger in their sender's order.
//!
//! Owns the reading of their payloads and their reply, `{message}`.

use std::sync::Arc;

use serde::Serialize;

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::Chat;
use crate::chat::ledger::Pending;
use crate::chat::messages::NewMessage;
use crate::error::Result;
use crate::model::{Logged, RoomId};
use crate::realtime::connection::Connection;

/// These events.
pub const NAMES: [&str; 5] = ["message", "edit", "delete", "react", "pin"];

/// The message in its present state.
#[derive(Debug, Serialize)]
pub struct Kept {
    message: Arc<Logged>,
}

impl Reply for Kept {
    fn weight(&self) -> usize {
        self.message.json().get().len()
    }
}

/// Checks and queues one of [`NAMES`], without waiting.
pub fn queue(chat: &Chat, connection: &Connection, room: RoomId, event: &str, payload: &Payload) -> Result<Pending> {
    let user = connection.user;
    match event {
        "message" => {
            let message = NewMessage {
                body: payload.text("body")?.to_owned(),
                nonce: Some(payload.text("nonce")?.to_owned()),
                reply_to: payload.optional_number("reply_to")?,
            };
            chat.post(user, room, message)
        }
        "edit" => chat.edit(user, room, payload.number("seq")?, payload.text("body")?),
        "delete" => chat.delete(user, room, payload.number("seq")?, &connection.source()),
        "pin" => chat.pin(user, room, payload.number("seq")?, payload.flag("on")?),
        _ => chat.react(user, room, payload.number("seq")?, payload.text("emoji")?, payload.flag("on")?),
    }
}

/// Waits for the commit.
pub async fn kept(pending: Pending) -> Result<Kept> {
    Ok(Kept { message: pending.message().await? })
}
