//! A draft: what somebody has begun to write in a room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// New words for one of one's messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EditedWords {
    /// The message.
    pub seq: i64,
    /// Its new words.
    pub body: String,
}

/// What somebody has begun to write in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Begun {
    /// A new message; may be empty.
    pub body: String,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// A message that they edit as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// The room's slug.
    pub room: Arc<str>,
    /// What was begun.
    #[serde(flatten)]
    pub begun: Begun,
    /// When.
    pub written_at: Millis,
}
