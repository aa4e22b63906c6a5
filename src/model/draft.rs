//! A draft: what somebody has content to write in a room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// New words for one of one's messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DraftEdit {
    /// The message.
    pub seq: i64,
    /// Its new words.
    pub body: String,
}

/// What somebody has content to write in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DraftContent {
    /// A new message; may be empty.
    pub body: String,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// A message that they edit as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<DraftEdit>,
}

impl DraftContent {
    /// How many bytes its texts have.
    pub fn bytes(&self) -> i64 {
        (self.body.len() + self.edit.as_ref().map_or(0, |edit| edit.body.len())) as i64
    }

    /// Nothing content is no draft.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A draft as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// The room's slug.
    pub room: Arc<str>,
    /// What was content.
    #[serde(flatten)]
    pub content: DraftContent,
    /// When.
    pub written_at: Millis,
}
