//! Authors of messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::UserId;

/// The author of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// The internal id, which survives renaming.
    pub id: UserId,
    /// The unique name: 1–32 of `a-z 0-9 . _ -`.
    pub username: Arc<str>,
    /// The name to show; free text.
    pub name: Arc<str>,
    /// Whether another user's name looks the same: then the username is shown as well.
    #[serde(rename = "alike", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_alike: bool,
}

impl Author {
    /// The name, with the username if it is ambiguous.
    pub fn shown(&self) -> Arc<str> {
        if self.is_alike { format!("{} @{}", self.name, self.username).into() } else { self.name.clone() }
    }
}
