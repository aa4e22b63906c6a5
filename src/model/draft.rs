//! Drafts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Millis;

/// An unfinished edit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct DraftEdit {
    /// The message.
    pub seq: i64,
    /// The new text.
    pub body: String,
}

/// The content of a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct DraftContent {
    /// A new message; may be empty.
    pub body: String,
    /// The message that it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<i64>,
    /// An unfinished edit of another message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<DraftEdit>,
}

impl DraftContent {
    /// Size of its texts in bytes.
    pub fn bytes(&self) -> i64 {
        (self.body.len() + self.edit.as_ref().map_or(0, |edit| edit.body.len())) as i64
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A stored draft.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Draft {
    /// The room's slug.
    #[schema(value_type = String)]
    pub room: Arc<str>,
    /// Its content.
    #[serde(flatten)]
    pub content: DraftContent,
    /// When it was last changed.
    pub written_at: Millis,
}
