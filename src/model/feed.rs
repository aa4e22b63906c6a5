//! What a feed has.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a feed of a room has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum FeedKind {
    /// Its latest messages.
    Messages,
    /// Its pinned messages.
    Pins,
}

impl FeedKind {
    /// Its value in forms, JSON and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Pins => "pins",
        }
    }

    /// Parses such a value.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Messages, Self::Pins].into_iter().find(|kind| kind.as_str() == text)
    }
}
