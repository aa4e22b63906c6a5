//! `draft {room, body, reply_to?, edit_seq?, edit_body?}` and `drafts {}`: store a draft, and list all of one's own.

use serde::Serialize;

use super::payload::Payload;
use super::reply::{Reply, SMALL};
use crate::error::Result;
use crate::model::{Draft, DraftContent, DraftEdit};
use crate::realtime::Realtime;
use crate::realtime::connection::Connected;

/// The draft as it is stored.
#[derive(Debug, Serialize)]
pub struct Saved {
    draft: Draft,
}

impl Reply for Saved {
    fn weight(&self) -> usize {
        SMALL + self.draft.content.bytes() as usize
    }
}

/// All of the person's drafts, the latest first.
#[derive(Debug, Serialize)]
pub struct Drafts {
    drafts: Vec<Draft>,
}

impl Reply for Drafts {
    fn weight(&self) -> usize {
        self.drafts.iter().map(|draft| SMALL + draft.content.bytes() as usize).sum()
    }
}

/// Answers `draft`.
pub async fn save(realtime: &Realtime, connected: &Connected, payload: &Payload) -> Result<Saved> {
    let user = connected.connection.user;
    let view = realtime.chat.view(user, payload.text("room")?).await?;
    let edit = match payload.optional_number("edit_seq")? {
        Some(seq) => Some(DraftEdit { seq, body: payload.text("edit_body")?.to_owned() }),
        None => None,
    };
    let content = DraftContent { body: payload.text("body")?.to_owned(), reply_to: payload.optional_number("reply_to")?, edit };
    Ok(Saved { draft: realtime.chat.set_draft(&view, user, content, Some(&connected.id())).await? })
}

/// Answers `drafts`.
pub async fn list(realtime: &Realtime, connected: &Connected) -> Result<Drafts> {
    Ok(Drafts { drafts: realtime.chat.drafts(connected.connection.user).await? })
}
