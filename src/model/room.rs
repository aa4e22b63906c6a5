//! Rooms and memberships.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Author, NotificationLevel, RoomId, UserId};
use crate::clock::Millis;

/// Who can find and join a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody who is signed in.
    Public,
    /// Only members know that it exists.
    Private,
}

impl Visibility {
    /// Its value in forms, JSON and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// What a member may do in a room. Later ones may do all that earlier ones may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum RoomRole {
    /// Takes part.
    #[default]
    Member,
    /// Keeps order: deletes messages, removes and bans members.
    Moderator,
    /// Decides about the room.
    Owner,
}

impl RoomRole {
    /// Its value in forms, JSON and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }
}

/// Who may post in a room, and who may mention everybody in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct RoomPolicy {
    /// The lowest role that may post.
    #[serde(default)]
    pub posting: RoomRole,
    /// The lowest role that may mention `@room` and `@here`.
    #[serde(default)]
    pub mass_mentions: RoomRole,
}

impl RoomPolicy {
    /// Every member may do everything.
    pub const OPEN: Self = Self { posting: RoomRole::Member, mass_mentions: RoomRole::Member };
}

/// How long a room keeps its messages or its files. Its number, in the database and in JSON, is that of days; 0 is for ever, and none is as
/// the server keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Option<i64>", into = "Option<i64>")]
pub enum Keep {
    /// As the server.
    #[default]
    AsServer,
    /// For ever.
    Forever,
    /// For so many days.
    Days(i64),
}

impl Keep {
    /// The most days.
    pub const MOST_DAYS: i64 = 36_500;

    /// Whether it is as the server has it.
    pub fn is_servers(&self) -> bool {
        *self == Self::AsServer
    }

    /// How long, if the server keeps them for `server`; `None`: for ever.
    #[must_use]
    pub fn period(self, server: Option<Duration>) -> Option<Duration> {
        const DAY: u64 = 24 * 60 * 60;
        match self {
            Self::AsServer => server,
            Self::Forever => None,
            Self::Days(days) => Some(Duration::from_secs(days.unsigned_abs() * DAY)),
        }
    }

    /// Whether it is not longer than `server`.
    #[must_use]
    pub fn is_within(self, server: Option<Duration>) -> bool {
        match (self.period(server), server) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(server)) => own <= server,
        }
    }
}

impl From<Option<i64>> for Keep {
    fn from(days: Option<i64>) -> Self {
        match days {
            None => Self::AsServer,
            Some(0) => Self::Forever,
            Some(days) => Self::Days(days),
        }
    }
}

impl From<Keep> for Option<i64> {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::AsServer => None,
            Keep::Forever => Some(0),
            Keep::Days(days) => Some(days),
        }
    }
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn yes() -> bool {
    true
}

fn is_yes(yes: &bool) -> bool {
    *yes
}

/// A room as its readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Room {
    /// The internal id; not sent to clients.
    #[serde(skip)]
    pub id: RoomId,
    /// The room's name in URLs and events; derived from its name. It changes only when an owner wants it to, and the old one still leads
    /// to the room.
    #[schema(value_type = String)]
    pub slug: Arc<str>,
    /// Free text of up to 64 characters.
    pub name: String,
    /// One line about the room; may be empty.
    pub topic: String,
    /// Who can find and join it.
    pub visibility: Visibility,
    /// When it was created.
    pub created_at: Millis,
    /// Whether it is archived: nobody can change it, and no sidebar lists it.
    #[serde(rename = "archived", default)]
    pub is_archived: bool,
    /// Who may post in it.
    #[serde(flatten)]
    pub policy: RoomPolicy,
    /// How many seconds a member waits between two posts; 0 without slow mode.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub slow_mode: i64,
    /// The file of its icon, which [`icon_path`] makes an address of. Each icon has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub icon: Option<Arc<str>>,
    /// Whether new messages get previews of their links.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub link_previews: bool,
    /// How long its messages are kept.
    #[serde(default, skip_serializing_if = "Keep::is_servers")]
    #[schema(value_type = Option<i64>)]
    pub keep_messages: Keep,
    /// How long its files are kept, where its messages are kept for longer.
    #[serde(default, skip_serializing_if = "Keep::is_servers")]
    #[schema(value_type = Option<i64>)]
    pub keep_files: Keep,
    /// Whether it is a conversation: a private room with fixed members, named after them.
    #[serde(skip)]
    pub is_direct: bool,
    /// The other people in a conversation by name, or the reader if alone. Empty for other rooms, and without a particular
    /// reader.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<Author>,
}

/// The address of a room's icon, which never shows another one.
pub fn icon_path(slug: &str, icon: &str) -> String {
    format!("/rooms/{slug}/icon?v={icon}")
}

/// The end of a room's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The `seq` of the last message; 0 in an empty room.
    pub seq: i64,
    /// The `rev` of the last change; 0 in an empty room.
    pub rev: i64,
}

/// A membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// When the user joined.
    pub joined_at: Millis,
    /// The `seq` of the last message read.
    pub read_seq: i64,
    /// What the user may do.
    pub role: RoomRole,
}

impl Room {
    /// Names a conversation as one reader sees it.
    pub fn name_for(&mut self, reader: UserId, people: Vec<Author>) {
        self.name = match people.as_slice() {
            [own] if own.id == reader => "Notes to self".to_owned(),
            people => people.iter().map(Author::shown).collect::<Vec<_>>().join(", "),
        };
        self.direct = people;
    }
}

/// A room in a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListedRoom {
    /// The room.
    pub room: Room,
    /// Whether the reader is a member.
    pub is_member: bool,
    /// Whether it is a conversation that the reader has hidden.
    pub is_hidden: bool,
    /// The number of members.
    pub members: i64,
    /// Whether there are messages after the read marker.
    pub is_unread: bool,
    /// Number of unread messages, at most 100; 0 if not requested.
    pub unread: i64,
    /// Number of unread mentions, at most 100; 0 if not requested.
    pub mentions: i64,
    /// The reader's notification level; `None` is their default.
    pub level: Option<NotificationLevel>,
    /// The `seq` of the last message read; 0 for non-members.
    pub read_seq: i64,
    /// The time of the last message; only set for conversations, and in a directory sorted by it.
    pub talked_at: Option<Millis>,
    /// The end of the room's log.
    pub head: Head,
}
