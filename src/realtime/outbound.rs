//! The events that the server sends: their names and payloads.
//!
//! Owns the outbound half of the protocol; the shape of a message is `model::Message`. It must not choose who receives an event.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::SendError;
use socketioxide::extract::SocketRef;

use crate::events::{Removal, SessionEnd};
use crate::model::{Author, Draft, Head, ListedRoom, Logged, NotificationLevel, Room, Visibility};

/// An event with its name on the wire.
pub trait Outgoing: Serialize {
    /// The event's name.
    const NAME: &'static str;
}

/// Names events on the wire.
macro_rules! named {
    ($($name:literal: $event:ty,)*) => {
        $(impl Outgoing for $event {
            const NAME: &'static str = $name;
        })*
    };
}

named! {
    "blocked": Blocked<'_>,
    "person": Person<'_>,
    "online": OnlineChanged<'_>,
    "message": Logged,
    "presence": Presence<'_>,
    "typing": Typing<'_>,
    "read": Read<'_>,
    "level": LevelChanged<'_>,
    "keyword": KeywordFound<'_>,
    "favorite": FavoriteChanged<'_>,
    "section": SectionChanged<'_>,
    "hidden": Hidden<'_>,
    "activity": Activity<'_>,
    "changed": Changed<'_>,
    "entered": Entered,
    "room": Described<'_>,
    "removed": Removed<'_>,
    "signed_out": SignedOut,
    "draft": Draft,
}

/// Somebody's first socket entered a room, or their last one left it.
#[derive(Debug, Serialize)]
pub struct Presence<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Whose presence.
    pub user: &'a str,
    /// Whether they are there now.
    pub online: bool,
}

/// Somebody is writing; valid for 5 seconds.
#[derive(Debug, Serialize)]
pub struct Typing<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Their username.
    pub user: &'a str,
    /// Their display name, if it is not the username.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

/// The person's read marker moved on another of their connections.
#[derive(Debug, Serialize)]
pub struct Read<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// The last message read.
    pub seq: i64,
    /// How many messages are unread.
    pub unread: i64,
    /// How many of them mention the person.
    pub mentions: i64,
}

/// The person's notification level for a room changed on another of their connections.
#[derive(Debug, Serialize)]
pub struct LevelChanged<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// The level; null for the person's default.
    pub level: Option<NotificationLevel>,
}

/// A new message in one of the person's rooms has one of their keywords; sent before the message.
#[derive(Debug, Serialize)]
pub struct KeywordFound<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// The message.
    pub seq: i64,
}

/// The person added a favorite room, or removed one.
#[derive(Debug, Serialize)]
pub struct FavoriteChanged<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Whether it is a favorite now.
    pub favorite: bool,
}

/// The person closed or opened a section of their sidebar.
#[derive(Debug, Serialize)]
pub struct SectionChanged<'a> {
    /// The section.
    pub section: &'a str,
    /// Whether it is closed now.
    pub closed: bool,
}

/// The person hid a conversation, or showed it again.
#[derive(Debug, Serialize)]
pub struct Hidden<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Whether it is hidden.
    pub hidden: bool,
}

/// The person blocked somebody, or no longer.
#[derive(Debug, Serialize)]
pub struct Blocked<'a> {
    /// The other person's username.
    pub user: &'a str,
    /// Whether they are blocked now.
    pub blocked: bool,
}

/// A new message in a room that the socket watches and is not live in.
#[derive(Debug, Serialize)]
pub struct Activity<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// The message.
    pub message: &'a Logged,
}

/// A message counts differently in a room that the socket watches and is not live in.
#[derive(Debug, Serialize)]
pub struct Changed<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// The message as it is now.
    pub message: &'a Logged,
    /// Whom it mentioned before.
    pub addressed: &'a [String],
}

/// The person has become a member of a room.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Entered(pub OwnRoom);

/// A room's settings changed.
#[derive(Debug, Serialize)]
pub struct Described<'a> {
    /// The room's slug, as in every event before: `slug` is the new one.
    pub room: &'a str,
    /// The room as it is now.
    #[serde(flatten)]
    pub now: &'a Room,
}

/// The person is no longer a member; no more events of the room follow.
#[derive(Debug, Serialize)]
pub struct Removed<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Why.
    pub reason: Removal,
}

/// The session has ended; the connection is about to be cut.
#[derive(Debug, Serialize)]
pub struct SignedOut {
    /// Why.
    pub reason: SessionEnd,
}

/// Somebody’s name, photo or status changed.
#[derive(Debug, Serialize)]
pub struct Person<'a> {
    /// Whose.
    pub username: &'a str,
    /// The name to show.
    pub name: &'a str,
    /// Their status; may be empty.
    pub status: &'a str,
    /// Whether somebody else's name looks the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub alike: bool,
    /// The file of their photo, if they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo: Option<&'a str>,
}

/// Somebody with whom one has a conversation came online or went offline.
#[derive(Debug, Serialize)]
pub struct OnlineChanged<'a> {
    /// Who.
    pub user: &'a str,
    /// Whether they are online now.
    pub online: bool,
}

/// One of the person's rooms, with what is unread.
#[derive(Debug, Serialize)]
pub struct OwnRoom {
    /// The slug.
    room: Arc<str>,
    name: String,
    visibility: Visibility,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<Arc<str>>,
    direct: Option<Vec<Author>>,
    unread: i64,
    mentions: i64,
    level: Option<NotificationLevel>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    archived: bool,
    read_seq: i64,
    head: HeadAck,
}

impl OwnRoom {
    /// A listed room, in the history of `epoch`.
    #[must_use]
    pub fn new(listed: &ListedRoom, epoch: &Arc<str>) -> Self {
        Self {
            room: listed.room.slug.clone(),
            name: listed.room.name.clone(),
            visibility: listed.room.visibility,
            icon: listed.room.icon.clone(),
            direct: listed.room.is_direct.then(|| listed.room.direct.clone()),
            unread: listed.unread,
            mentions: listed.mentions,
            level: listed.level,
            hidden: listed.is_hidden,
            archived: listed.room.is_archived,
            read_seq: listed.read_seq,
            head: HeadAck { head: listed.head, epoch: epoch.clone() },
        }
    }
}

/// A room's head, with the epoch of its history.
#[derive(Debug, Serialize)]
pub struct HeadAck {
    /// The last `seq` and `rev`.
    #[serde(flatten)]
    pub head: Head,
    /// The id of the history; a client that knows another one starts afresh.
    pub epoch: Arc<str>,
}

/// Sending an event by its type.
pub trait SendEvent {
    /// Queues an event for one socket.
    ///
    /// # Errors
    /// When its queue is full or the socket is gone: it then misses the event.
    fn send<E: Outgoing>(&self, event: &E) -> Result<(), SendError>;
}

impl SendEvent for SocketRef {
    fn send<E: Outgoing>(&self, event: &E) -> Result<(), SendError> {
        self.emit(E::NAME, event)
    }
}
