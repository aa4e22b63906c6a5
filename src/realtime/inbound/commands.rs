//! `message` with a slash command: something is done, and there is no message.
//!
//! Owns the reply, `{notice}`.

use serde::Serialize;

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::commands::{self, Act, Input};
use crate::error::{Error, Result};
use crate::realtime::Realtime;
use crate::realtime::connection::{Connection, Ticket};

/// What the sender is told.
#[derive(Debug, Serialize)]
pub struct Notice {
    notice: String,
}

impl Reply for Notice {}

/// What a message asks for, if it is a command. One with files is a message.
pub fn act_of(event: &str, payload: &Payload) -> Option<Act> {
    let body = payload.optional_text("body").ok().flatten().filter(|body| event == "message" && body.starts_with('/'))?;
    if !payload.optional_texts("attachments").ok()?.is_empty() {
        return None;
    }
    match commands::read(body) {
        Input::Act(act) => Some(act),
        Input::Text(_) | Input::Said(_) => None,
    }
}

/// Does it once what the connection sent before is queued.
pub async fn handle(
    realtime: &Realtime,
    connection: &Connection,
    mut ticket: Ticket,
    payload: &Payload,
    act: Act,
) -> Result<Notice> {
    ticket.ready().await;
    if connection.is_revoked() {
        return Err(Error::Unauthenticated);
    }
    let (room, nonce) = (payload.text("room")?, payload.text("nonce")?);
    let notice = realtime.chat.act(connection.caller(), room, act, Some(nonce), &connection.source()).await?;
    drop(ticket);
    Ok(Notice { notice })
}
