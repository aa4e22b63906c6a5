//! Authors of messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::UserId;

/// The author of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Author {
    /// The internal id, which survives renaming.
    pub id: UserId,
    /// The unique name: 1–32 of `a-z 0-9 . _ -`.
    #[schema(value_type = String)]
    pub username: Arc<str>,
    /// The name to show; free text.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// Whether another user's name looks the same: then the username is shown as well.
    #[serde(rename = "alike", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_alike: bool,
    /// Whether it is a bot, which it stays.
    #[serde(rename = "bot", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_bot: bool,
    /// The file of their photo, which [`photo_path`] makes an address of. Each photo has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub photo: Option<Arc<str>>,
}

/// The address of somebody's photo, which never shows another one.
pub fn photo_path(username: &str, photo: &str) -> String {
    format!("/people/{username}/photo?v={photo}")
}

impl Author {
    /// The name, with the username if it is ambiguous.
    pub fn shown(&self) -> Arc<str> {
        if self.is_alike { format!("{} @{}", self.name, self.username).into() } else { self.name.clone() }
    }
}

/// What a person is on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerRole {
    /// Administers the server.
    Admin,
    /// Sees public rooms, and creates rooms.
    Member,
    /// Sees only the rooms that they were added to.
    Guest,
}

impl ServerRole {
    /// The role that the database's two columns say.
    pub const fn of(is_admin: bool, is_guest: bool) -> Self {
        match (is_admin, is_guest) {
            (true, _) => Self::Admin,
            (false, true) => Self::Guest,
            (false, false) => Self::Member,
        }
    }

    /// Its value in forms, JSON and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Guest => "guest",
        }
    }

    /// Parses such a value.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Member, Self::Guest].into_iter().find(|role| role.as_str() == text)
    }
}
