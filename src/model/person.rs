//! People, as the authors of messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::UserId;

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// Inside number, stable over renames.
    pub id: UserId,
    /// The unique name: 1–32 of `a-z 0-9 . _ -`.
    pub username: Arc<str>,
    /// The name to show; free text.
    pub name: Arc<str>,
    /// Whether somebody else's name looks the same: then the username is shown beside it.
    #[serde(rename = "alike", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_alike: bool,
}

impl Author {
    /// The name, so that it is nobody else's: with the username where it takes that.
    pub fn shown(&self) -> Arc<str> {
        if self.is_alike { format!("{} @{}", self.name, self.username).into() } else { self.name.clone() }
    }
}
