//! `message`, `edit`, `delete`, `react`, `pin` and `links`: the events that go through the ledger in their sender's order.
//!
//! Owns the reading of their payloads and their reply, `{message}`.

use std::sync::Arc;

use serde::Serialize;

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::Chat;
use crate::chat::commands;
use crate::chat::ledger::Pending;
use crate::chat::ledger::change::NewAttachment;
use crate::chat::messages::NewMessage;
use crate::error::{Error, Result};
use crate::model::{Logged, RoomId};
use crate::realtime::connection::Connection;

/// These events.
pub const NAMES: [&str; 6] = ["message", "edit", "delete", "react", "pin", "links"];

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
    let caller = connection.caller();
    match event {
        "message" => {
            let attachments = attachments(payload)?;
            let message = NewMessage {
                body: commands::text(payload.text("body")?, !attachments.is_empty()).into_owned(),
                nonce: Some(payload.text("nonce")?.to_owned()),
                reply_to: payload.optional_number("reply_to")?,
                attachments,
                ..NewMessage::default()
            };
            chat.post(caller, room, message)
        }
        "edit" => chat.edit(caller, room, payload.number("seq")?, payload.text("body")?),
        "delete" => chat.delete(caller, room, payload.number("seq")?, &connection.source()),
        "pin" => chat.pin(caller, room, payload.number("seq")?, payload.flag("on")?),
        // What was removed does not come back.
        "links" if payload.flag("on")? => Err(Error::invalid("on", "Link previews can only be removed.")),
        "links" => chat.hide_links(caller, room, payload.number("seq")?),
        _ => chat.react(caller, room, payload.number("seq")?, payload.text("emoji")?, payload.flag("on")?),
    }
}

/// The uploads in `attachments`, and their alternative texts in `alts`.
fn attachments(payload: &Payload) -> Result<Vec<NewAttachment>> {
    let ids = payload.optional_texts("attachments")?;
    let mut alts = payload.optional_texts("alts")?.into_iter();
    Ok(ids.into_iter().map(|id| NewAttachment { id: id.to_owned(), alt: alts.next().map(ToOwned::to_owned) }).collect())
}

/// Waits for the commit.
pub async fn kept(pending: Pending) -> Result<Kept> {
    Ok(Kept { message: pending.message().await? })
}
