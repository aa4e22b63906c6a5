//! Events: everything that anybody is told, and the bus that carries it.
//!
//! Owns the event types and their delivery to subscribers. Use-cases publish an event once its change is committed; `realtime`
//! subscribes and tells the sockets, `chat` keeps its caches up to date. Events are plain data that can be written as JSON and read
//! back, so a subscriber can also be in another process. A subscriber must accept the same event twice: messages carry their `rev`, and
//! the other events state what is true now.

mod bus;
mod heads;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::bus::{Batch, Bus, Subscription};
pub use self::heads::{Heads, Position};
use crate::model::{Author, ConnectionId, Draft, Logged, NotificationLevel, Room, RoomId, SessionKey, UserId};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A message was posted, edited, deleted, pinned or reacted to.
    Message {
        /// The message in its present state.
        #[serde(with = "crate::model::logged::with_room")]
        logged: Arc<Logged>,
        /// Whether it was posted just now.
        is_new: bool,
        /// Whom it mentioned before, if that changed or the message was deleted: unread counts may change with it.
        mentions_before: Option<Vec<String>>,
    },
    /// Somebody has become a member of a room.
    MemberAdded {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// The room's last change when it was so.
        rev: i64,
    },
    /// A membership has ended.
    MemberRemoved {
        /// The room.
        room: RoomId,
        /// The room's slug.
        slug: Arc<str>,
        /// Whose membership.
        user: UserId,
        /// The change that ended it.
        rev: i64,
        /// How it ended.
        reason: Removal,
    },
    /// A room's settings changed.
    RoomChanged {
        /// The room's id, which `now` does not carry into JSON.
        room: RoomId,
        /// Whether it is a conversation: each member sees it under another name.
        is_direct: bool,
        /// The room as it is now.
        now: Room,
        /// The slug that it had before, if that changed.
        #[serde(default)]
        was: Option<Arc<str>>,
    },
    /// A room was deleted, and with it all memberships.
    RoomDeleted {
        /// The room.
        room: RoomId,
        /// The slug that it had.
        slug: Arc<str>,
    },
    /// Somebody became a guest, or no longer is one: what their connections hear was decided before.
    RoleChanged {
        /// Whose.
        user: UserId,
    },
    /// Somebody's read marker moved.
    ReadMarkerMoved {
        /// Whose.
        user: UserId,
        /// The room's slug.
        slug: Arc<str>,
        /// The last message read.
        seq: i64,
        /// How many messages are unread now.
        unread: i64,
        /// How many of them mention the person.
        mentions: i64,
        /// The connection that moved it, which knows already.
        origin: Option<ConnectionId>,
    },
    /// Somebody set their notification level for a room.
    NotificationLevelSet {
        /// Whose.
        user: UserId,
        /// The room's slug.
        slug: Arc<str>,
        /// The level; none for the person's default.
        level: Option<NotificationLevel>,
        /// The connection that set it, which knows already.
        origin: Option<ConnectionId>,
    },
    /// Somebody has other keywords.
    KeywordsSet {
        /// Whose.
        user: UserId,
        /// The words, as typed.
        keywords: Vec<String>,
    },
    /// Somebody made a room their favorite, or no longer.
    FavoriteSet {
        /// Whose.
        user: UserId,
        /// The room's slug.
        slug: Arc<str>,
        /// Whether it is a favorite now.
        is_favorite: bool,
    },
    /// Somebody closed a section of their sidebar, or opened it.
    SidebarSectionSet {
        /// Whose.
        user: UserId,
        /// Which section.
        section: String,
        /// Whether it is closed now.
        is_closed: bool,
    },
    /// Somebody hid a conversation from their sidebar, or showed it again.
    ConversationHidden {
        /// Whose.
        user: UserId,
        /// The conversation's slug.
        slug: Arc<str>,
        /// Whether it is hidden now.
        is_hidden: bool,
    },
    /// Somebody blocked a person, or no longer.
    BlockSet {
        /// Who.
        user: UserId,
        /// The other person's username.
        username: Arc<str>,
        /// Whether they are blocked now.
        is_blocked: bool,
    },
    /// Somebody's draft in a room changed.
    DraftSaved {
        /// Whose.
        user: UserId,
        /// The draft; empty when it was deleted.
        draft: Draft,
        /// The connection that saved it, which knows already.
        origin: Option<ConnectionId>,
    },
    /// Somebody has a new account.
    UserRegistered {
        /// Who.
        person: Author,
    },
    /// A person's name, photo or status changed, or whether their name can be confused with another one.
    ProfileChanged {
        /// Who, with the new name and photo.
        person: Author,
        /// Their status.
        status: String,
        /// Whether pages show the name or the photo differently now.
        is_renamed: bool,
    },
    /// An account was deleted.
    AccountDeleted {
        /// Under which name its messages stay.
        person: Author,
        /// Its username until then.
        former_username: Arc<str>,
    },
    /// Somebody is writing a message.
    Typing {
        /// The room.
        room: RoomId,
        /// The room's slug.
        slug: Arc<str>,
        /// Their username.
        username: Arc<str>,
        /// Their display name, if it is not the username.
        name: Option<Arc<str>>,
        /// The connection on which they write.
        origin: ConnectionId,
    },
    /// Somebody's first connection entered a room, or their last one left it.
    PresenceChanged {
        /// The room.
        room: RoomId,
        /// The room's slug.
        slug: Arc<str>,
        /// Their username.
        username: Arc<str>,
        /// Whether they are there now.
        is_online: bool,
    },
    /// Somebody entered or left a room on other nodes, and is or was nowhere else.
    PresenceMoved {
        /// The room.
        room: RoomId,
        /// The room's slug.
        slug: Arc<str>,
        /// Who.
        user: UserId,
        /// Their username.
        username: Arc<str>,
        /// Whether they are there now.
        is_online: bool,
    },
    /// Somebody came online or went offline.
    OnlineChanged {
        /// The people who have a conversation with them.
        audience: Vec<UserId>,
        /// Their username.
        username: Arc<str>,
        /// Whether they are online now.
        is_online: bool,
    },
    /// A session ended.
    SessionEnded {
        /// Which.
        session: SessionKey,
        /// Why.
        reason: SessionEnd,
    },
    /// The history has another epoch: clients start over.
    HistoryReplaced,
    /// Notifications may have been missed: whether those who are connected still have access is to be read from the database.
    AccessUncertain,
    /// Another node changed settings: they are to be read from the database.
    SettingsChanged,
    /// Attempts to authenticate failed on another node.
    AttemptsFailed {
        /// What they count against.
        failures: Vec<Failure>,
    },
    /// Somebody may now lack a second factor that they must have; if so, their connections end.
    AccessReduced {
        /// Who.
        user: UserId,
    },
    /// All sessions of a person ended.
    AccessEnded {
        /// Whose.
        user: UserId,
        /// Why.
        reason: SessionEnd,
    },
}

/// What a failed attempt to authenticate counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which limit.
    pub limit: FailureLimit,
    /// Who failed, as a digest with a key of the database.
    pub key: u64,
}

/// A limit on failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureLimit {
    /// Of strangers at an account.
    Account,
    /// Of an account and a network.
    Pair,
    /// Of a network.
    Network,
    /// Of a device that logged in before.
    Device,
    /// Of a session.
    Session,
    /// Of a network that guesses tokens.
    Token,
}

/// How a membership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// The member left.
    Left,
    /// Somebody else removed them.
    Removed,
    /// The room was deleted.
    Deleted,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// The person logged out.
    LoggedOut,
    /// The same browser logged in again.
    LoggedInAgain,
    /// It was not used for too long, or ended elsewhere.
    Expired,
    /// The password changed.
    PasswordChanged,
    /// The account was banned.
    Banned,
    /// The person, or an administrator, ended it from elsewhere.
    Ended,
    /// The session goes on, but only to set up a second factor, which the person must have.
    SecondFactorRequired,
    /// The account was deactivated.
    Deactivated,
    /// The account was deleted.
    Deleted,
}

#[cfg(test)]
mod tests;
