//! Rooms, and how one stands for one of its readers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Author, NotificationLevel, RoomId, UserId};
use crate::clock::Millis;

/// Who may find and enter a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everyone signed in may find, read and enter it.
    Public,
    /// Only its members know that it exists.
    Private,
}

impl Visibility {
    /// What forms, data and the room's log call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// A room as its readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Room {
    /// Inside number; not told to clients.
    #[serde(skip)]
    pub id: RoomId,
    /// What URLs and events call the room; made from its first name, and never changed.
    pub slug: Arc<str>,
    /// Free text of up to 64 characters.
    pub name: String,
    /// One line about what the room is for; empty when nobody set it.
    pub topic: String,
    /// Who may find and enter it.
    pub visibility: Visibility,
    /// When it was created.
    pub created_at: Millis,
    /// Whether it is direct messages: a private room of fixed people, under their names.
    #[serde(skip)]
    pub is_direct: bool,
    /// With whom, for one reader: the others by name, or oneself. Empty where it is no direct messages, or nobody in particular reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<Author>,
}

/// How far a room's log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The place of the last message; 0 in an empty room.
    pub seq: i64,
    /// The number of the last change; 0 in an empty room.
    pub rev: i64,
}

/// One person's place in one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// When they entered.
    pub joined_at: Millis,
    /// The last message that they have read; moves forward only.
    pub read_seq: i64,
}

impl Room {
    /// Names direct messages as one reader sees them.
    pub fn name_for(&mut self, reader: UserId, people: Vec<Author>) {
        self.name = match people.as_slice() {
            [own] if own.id == reader => "Notes to self".to_owned(),
            people => people.iter().map(Author::shown).collect::<Vec<_>>().join(", "),
        };
        self.direct = people;
    }
}

/// A room in somebody's list of rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListedRoom {
    /// The room.
    pub room: Room,
    /// Whether the person is a member.
    pub is_member: bool,
    /// Whether it is a conversation that they have hidden.
    pub is_hidden: bool,
    /// How many people are members.
    pub members: i64,
    /// Whether somebody has written there since the person last read.
    pub is_unread: bool,
    /// How many messages wait behind the read marker; at most 100 are counted, and none where that was not asked for.
    pub unread: i64,
    /// How many behind the read marker address the person; at most 100 are counted, and none where that was not asked for.
    pub mentions: i64,
    /// The person's notification level; `None` is their default.
    pub level: Option<NotificationLevel>,
    /// The last message that they have read; 0 for who is no member.
    pub read_seq: i64,
    /// When somebody last wrote; known only of direct messages, and in a directory that is sorted by it.
    pub talked_at: Option<Millis>,
    /// How far the room's log has come.
    pub head: Head,
}
