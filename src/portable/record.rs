//! The records: people, rooms, messages, files.
//!
//! Owns their fields. Records refer to each other by `key`, which is unique for its kind in its source and stays the same when the source is
//! exported again: a repeated import finds by it what is there already. Times are RFC 3339 in UTC with milliseconds. A field that a reader does not
//! know is ignored; one that is missing has its default.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// The version of the form that this program writes; it reads this one and earlier ones.
pub const VERSION: u32 = 1;
/// The name of the file with the [`Manifest`].
pub const MANIFEST: &str = "manifest.json";
/// The name of the file with a [`Person`] a line.
pub const PEOPLE: &str = "people.jsonl";
/// The name of the file with a [`Room`] a line.
pub const ROOMS: &str = "rooms.jsonl";
/// The name of the folder with the messages of each room.
pub const MESSAGES: &str = "messages";

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `parlor-export`.
    pub format: String,
    /// The version of the form.
    pub version: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// Where it comes from, for example `parlor:` and the id of the server: the same for every export of one source.
    pub source: String,
    /// When it was made.
    pub made_at: Millis,
    /// What was asked for: `all`, `room` or `person`.
    pub scope: String,
    /// How many people there are.
    pub people: u64,
    /// How many rooms there are.
    pub rooms: u64,
    /// How many messages there are.
    pub messages: u64,
    /// How many files there are.
    pub files: u64,
}

fn is_no(flag: &bool) -> bool {
    !*flag
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Its key.
    pub key: String,
    /// The username in the source.
    pub username: String,
    /// The display name.
    pub name: String,
    /// The address, if the source says it and it is confirmed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the source does not confirm addresses: it says who somebody is, and leads no mail to their account.
    #[serde(skip_serializing_if = "is_no")]
    pub is_email_unconfirmed: bool,
    /// The hash of the password, in PHC or modular crypt form; exports leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Whether it administers the server.
    pub is_admin: bool,
    /// Whether it is a guest.
    pub is_guest: bool,
    /// Whether a program writes as it.
    pub is_bot: bool,
    /// Whether it can no longer log in.
    pub is_closed: bool,
    /// What it says of itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Its time zone, as IANA names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Since when it is there.
    pub created_at: Millis,
    /// Its photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo: Option<File>,
}

/// Who can find a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Its members.
    #[default]
    Private,
    /// Its members, who are always the same: a direct message of two or a group.
    Direct,
}

/// What a member may do in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Take part.
    #[default]
    Member,
    /// Moderate.
    Moderator,
    /// Everything.
    Owner,
}

/// A member of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Member {
    /// The key of a person.
    pub person: String,
    /// What they may do.
    pub role: Role,
    /// Since when they are there.
    pub joined_at: Millis,
}

/// What a room's owners have set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomSettings {
    /// The lowest role that may post.
    pub posting: Role,
    /// The lowest role that may mention everybody in it.
    pub mass_mentions: Role,
    /// How many seconds a member waits between two posts.
    pub slow_mode: i64,
    /// Whether new messages get previews of their links.
    pub link_previews: bool,
    /// For how many days messages are kept; 0 for ever; none as the server keeps them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_messages: Option<i64>,
    /// The same for files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_files: Option<i64>,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            posting: Role::Member,
            mass_mentions: Role::Member,
            slow_mode: 0,
            link_previews: true,
            keep_messages: None,
            keep_files: None,
        }
    }
}

impl RoomSettings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Somebody who may not come back to a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ban {
    /// The key of a person.
    pub person: String,
    /// Since when.
    pub at: Millis,
}

/// A room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Room {
    /// Its key.
    pub key: String,
    /// Its name; empty for direct messages.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its topic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// Who can find it.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Millis,
    /// The key of who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it was archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Millis>,
    /// Its members now.
    pub members: Vec<Member>,
    /// How many others these direct messages are with. Only in a person's own export, whose `members` are that person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<usize>,
    /// Who may not come back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bans: Vec<Ban>,
    /// What its owners have set, if anything.
    #[serde(skip_serializing_if = "RoomSettings::is_default")]
    pub settings: RoomSettings,
    /// Its icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<File>,
}

/// A text, or an event of the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text.
    #[default]
    Text,
    /// The author joined.
    Joined,
    /// The author left, or was removed by the person in `body`.
    Left,
    /// The author set the topic to `body`.
    Topic,
    /// The author renamed the room to `body`.
    Renamed,
    /// The author made the room `public` or `private`, as `body` says.
    Visibility,
    /// The author has the role in `body`; after a space, who gave it.
    Role,
    /// The author `archived` or `restored` the room, as `body` says.
    Archived,
}

/// A message in its last state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Its key, unique in its room.
    pub key: String,
    /// A text, or an event of the room.
    pub kind: Kind,
    /// The key of who wrote it, or whom the event is about.
    pub author: String,
    /// The text as it was written, in Markdown. Empty for a deleted message.
    pub body: String,
    /// When it was written.
    pub created_at: Millis,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Millis>,
    /// When it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Millis>,
    /// The key of the message that it replies to, which comes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The emoji that people gave it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// That it is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// Its files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// Its earlier texts, the earliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
}

/// One person's emoji on a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// The key of the person.
    pub person: String,
    /// When it was given; 0 if the source does not say.
    pub at: Millis,
}

/// The pin of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pin {
    /// The key of who pinned it.
    pub by: String,
    /// When it was pinned.
    pub at: Millis,
}

/// What a message said before an edit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revision {
    /// The text.
    pub body: String,
    /// When it was written.
    pub written_at: Millis,
}

/// A file of a message, a photo or an icon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its media type, as the source has it: whoever stores it looks at the content.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal; empty if the source does not say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// What a picture shows, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alt: String,
    /// Where its bytes are, from the folder: `files/…`. None if the export left them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where they can be fetched, if a source has only that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
