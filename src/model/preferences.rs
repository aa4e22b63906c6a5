//! Preferences: notification levels and themes.
//!
//! Owns their values in the database, in forms and in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A notification level: which messages notify a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum NotificationLevel {
    /// All messages.
    All,
    /// Only mentions.
    Mentions,
    /// None.
    Muted,
}

/// The color theme of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the device prefers.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// Implements conversions from and to the value's name.
macro_rules! choice {
    ($kind:ident: $($variant:ident = $word:literal),+) => {
        impl $kind {
            /// Its value in forms and JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Parses a value.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

choice!(NotificationLevel: All = "all", Mentions = "mentions", Muted = "muted");
choice!(Theme: Auto = "auto", Light = "light", Dark = "dark");
