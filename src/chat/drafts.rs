//! Drafts: what people have begun to write, one for each person and room, so that it follows them from browser to browser.
//!
//! Owns how large drafts may be, one and all of a person's, and who may keep one: the room's members. A draft is no message: it does not
//! go through the ledger, has no place in the room's log, and nobody but its person hears of it.

use std::sync::Arc;

use serde::Serialize;

use super::Chat;
use super::rates::Act;
use super::text;
use super::types::UserId;
use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};

/// How many drafts somebody may have.
const COUNT: i64 = 100;
/// How many bytes they may have together.
const BYTES: i64 = 256 * 1024;

/// New words for one of one's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EditedWords {
    /// The message.
    pub seq: i64,
    /// Its new words.
    pub body: String,
}

/// What somebody has begun to write in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Begun {
    /// A new message; may be empty.
    pub body: String,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// A message that they edit as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditedWords>,
}

impl Begun {
    /// How many bytes its texts have.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        (self.body.len() + self.edit.as_ref().map_or(0, |edit| edit.body.len())) as i64
    }

    /// Nothing begun is no draft.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A draft as it is stored.
#[derive(Clone, Debug, Serialize)]
pub struct Draft {
    /// The room's slug.
    pub room: Arc<str>,
    /// What was begun.
    #[serde(flatten)]
    pub begun: Begun,
    /// When.
    pub written_at: Millis,
}

impl Chat {
    /// Stores what a member has begun to write in a room, in the place of what was stored before; nothing begun takes it away.
    ///
    /// # Errors
    /// `forbidden` for who is no member, `rate_limited`, `too_long`, `invalid` for a text that cannot be stored or where there is too much.
    pub async fn set_draft(&self, view: &RoomView, user: UserId, begun: Begun) -> Result<Draft> {
        if view.membership.is_none() {
            return Err(Error::Forbidden("Join the room first."));
        }
        self.allow(user, Act::Draft)?;
        for (field, text) in [("body", Some(&begun.body)), ("edit_body", begun.edit.as_ref().map(|edit| &edit.body))] {
            let Some(text) = text else { continue };
            text::no_nul(field, text)?;
            if text.len() > self.max_chars && text.chars().count() > self.max_chars {
                return Err(Error::TooLong { field, limit: self.max_chars });
            }
        }
        let at = self.clock.now();
        if begun.is_nothing() {
            self.db.drop_draft(view.room.id, user).await?;
        } else if !self.db.set_draft(view.room.id, user, &begun, at, (COUNT, BYTES)).await? {
            let why = format!("You can have up to {COUNT} drafts of {} KB in all. Send or delete some first.", BYTES / 1024);
            return Err(Error::invalid("body", why));
        }
        Ok(Draft { room: view.room.slug.clone(), begun, written_at: at })
    }

    /// All of somebody's drafts, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn drafts(&self, user: UserId) -> Result<Vec<Draft>> {
        Ok(self.db.list_drafts(user).await?)
    }
}
