//! `direct {users}`: finds or starts a conversation.

use serde::Serialize;

use super::payload::Payload;
use super::reply::Reply;
use crate::chat::direct::usernames;
use crate::error::Result;
use crate::model::Room;
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

/// The conversation's room, as the asker sees it.
#[derive(Debug, Serialize)]
pub struct Conversation {
    room: Room,
}

impl Reply for Conversation {}

/// Answers `direct`.
pub async fn handle(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Conversation> {
    let (chat, user) = (&realtime.chat, connected.connection.user);
    let users = payload.texts("users")?;
    let opened = chat.direct(user, &usernames(&users)).await?;
    Ok(Conversation { room: chat.view(user, &opened.slug).await?.room })
}
