//! Drafts over a socket: stored, listed, and told to the person's other sockets.

use serde::Serialize;

use super::Realtime;
use super::outgoing::{Answer, Outgoing};
use super::payload::Payload;
use super::seat::Seated;
use crate::chat::drafts::{Begun, Draft, EditedWords};
use crate::chat::types::{RoomId, UserId};
use crate::db::rooms::RoomView;
use crate::error::Result;

/// What `draft` answers.
#[derive(Debug, Serialize)]
pub struct Saved {
    /// The draft as it is stored.
    pub draft: Draft,
}

/// What `drafts` answers.
#[derive(Debug, Serialize)]
pub struct Drafts {
    /// All of the person's, the latest first.
    pub drafts: Vec<Draft>,
}

/// At the person's other sockets: what they have begun to write in a room now.
impl Outgoing for Draft {
    const NAME: &'static str = "draft";
}

impl Realtime {
    /// Answers `draft {room, body, reply_to?, edit_seq?, edit_body?}`.
    pub(super) async fn draft(&self, seated: &Seated, slug: &str, payload: &Payload) -> Result<Answer> {
        let view = self.chat.view(seated.seat.user, slug).await?;
        let edit = match payload.optional_number("edit_seq")? {
            Some(seq) => Some(EditedWords { seq, body: payload.text("edit_body")?.to_owned() }),
            None => None,
        };
        let begun = Begun { body: payload.text("body")?.to_owned(), reply_to: payload.optional_number("reply_to")?, edit };
        Ok(Answer::Drafted(Saved { draft: self.set_draft(seated.seat.user, &view, begun, Some(seated)).await? }))
    }

    /// Answers `drafts {}`.
    pub(super) async fn drafts(&self, seated: &Seated) -> Result<Answer> {
        Ok(Answer::Drafts(Drafts { drafts: self.chat.drafts(seated.seat.user).await? }))
    }

    /// Stores somebody's draft, and tells their other sockets.
    ///
    /// # Errors
    /// What `chat::drafts` refuses.
    pub async fn set_draft(&self, user: UserId, view: &RoomView, begun: Begun, by: Option<&Seated>) -> Result<Draft> {
        let draft = self.chat.set_draft(view, user, begun).await?;
        self.tell_others(user, by, &draft);
        Ok(draft)
    }

    /// Takes somebody's draft in a room away, because it was sent by a form, and tells their sockets.
    ///
    /// # Errors
    /// The database's.
    pub async fn draft_was_sent(&self, user: UserId, room: RoomId) -> Result<()> {
        if let Some(draft) = self.chat.draft_was_sent(room, user).await? {
            self.tell_others(user, None, &draft);
        }
        Ok(())
    }
}
