//! Row ids, each with its own type.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, sqlx::Type, ToSchema)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
id!(
    /// The id of a user; never reused.
    UserId
);
id!(
    /// The id of a room; never reused. Clients use the slug instead.
    RoomId
);

/// The id of a live connection, unique while the server runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub String);

/// The key of a session in the database: the hash of its id in hexadecimal.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// The key with these digits.
    pub fn from_digits(digits: String) -> Self {
        Self(digits.into())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first digits: they identify the session in lists and in the audit log, and are no secret.
    pub fn public_id(&self) -> &str {
        self.0.get(..16).unwrap_or(&self.0)
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKey({}…)", &self.0[..8])
    }
}

impl From<String> for SessionKey {
    fn from(digits: String) -> Self {
        Self(digits.into())
    }
}
