//! How people want things: what they are notified about, and how pages look.
//!
//! Owns the few words that these choices have, in the database, in forms and in JSON.

use serde::{Deserialize, Serialize};

/// A notification level: what somebody hears of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum NotificationLevel {
    /// Every message counts.
    All,
    /// Only what addresses them counts.
    Mentions,
    /// Nothing counts.
    Muted,
}

/// Light or dark pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the device has it.
    #[default]
    Auto,
    /// Light, always.
    Light,
    /// Dark, always.
    Dark,
}

/// Reads a choice by its word.
macro_rules! choice {
    ($kind:ident: $($variant:ident = $word:literal),+) => {
        impl $kind {
            /// What it is called in forms and JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// The one that is called so.
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
