//! What the server sends: each event's name and payload.
//!
//! Owns the outgoing half of the protocol; a message's own shape is `chat::types::Message`. It must not choose who is told.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::{SendError, extract::SocketRef};

pub use super::own_room::OwnRoom;
use super::people::Conversation;
use crate::accounts::sidebar::Arrangement;
use crate::chat::activity::{Mentions, Pins};
use crate::chat::change::Logged;
use crate::chat::markdown::Preview;
use crate::chat::presence::Online;
use crate::chat::revisions::Revisions;
use crate::chat::types::{Head, Level, Page, Room};

/// An event with its name on the wire.
pub trait Outgoing: Serialize {
    /// What clients listen for.
    const NAME: &'static str;
}

/// Somebody's first socket entered a room, or their last one left it.
#[derive(Debug, Serialize)]
pub struct Presence<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Whose.
    pub user: &'a str,
    /// Whether they are here now.
    pub online: bool,
}

/// Somebody is writing; good for 5 seconds.
#[derive(Debug, Serialize)]
pub struct Typing<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Who.
    pub user: &'a str,
    /// What they are called, where that is not their username.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

/// The person read on, at another of their sockets.
#[derive(Debug, Serialize)]
pub struct Read<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Up to which message.
    pub seq: i64,
    /// How many wait behind it.
    pub unread: i64,
    /// How many of them address the person.
    pub mentions: i64,
}

/// The person's notification level for a room changed, at another of their sockets.
#[derive(Debug, Serialize)]
pub struct LevelChanged<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// What it is set to; null for what the person chose for all.
    pub level: Option<Level>,
}

/// A room became the person's favorite, or is none any more.
#[derive(Debug, Serialize)]
pub struct FavoriteChanged<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Whether it is one now.
    pub favorite: bool,
}

/// The person closed a section of their sidebar, or opened it.
#[derive(Debug, Serialize)]
pub struct SectionChanged<'a> {
    /// Which.
    pub section: &'a str,
    /// Whether it is closed now.
    pub closed: bool,
}

/// The person has hidden a conversation, or opened it again.
#[derive(Debug, Serialize)]
pub struct Hidden<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// Whether it is hidden.
    pub hidden: bool,
}

/// A new message in a room that the socket watches and is not live in.
#[derive(Debug, Serialize)]
pub struct Activity<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// The message.
    pub message: &'a Logged,
}

/// A message counts otherwise in a room that the socket watches and is not live in.
#[derive(Debug, Serialize)]
pub struct Changed<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// The message as it is now.
    pub message: &'a Logged,
    /// Whom it addressed before.
    pub addressed: &'a [String],
}

/// The person has become a member of a room.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Entered(pub OwnRoom);

/// A room's name, topic or visibility changed.
#[derive(Debug, Serialize)]
pub struct Described<'a> {
    /// The room's slug, under the name that every event gives it.
    pub room: &'a str,
    /// The room as it is now.
    #[serde(flatten)]
    pub now: &'a Room,
}

/// The person lost the room; nothing of it follows.
#[derive(Debug, Serialize)]
pub struct Removed<'a> {
    /// The room's slug.
    pub room: &'a str,
    /// `left` or `removed`.
    pub reason: &'a str,
}

/// The session has ended; the connection follows.
#[derive(Debug, Serialize)]
pub struct SignedOut {
    /// Why: `logged_out`, `expired`, `stopping`, …
    pub reason: &'static str,
}

impl Outgoing for Logged {
    const NAME: &'static str = "message";
}
impl Outgoing for Presence<'_> {
    const NAME: &'static str = "presence";
}
impl Outgoing for Typing<'_> {
    const NAME: &'static str = "typing";
}
impl Outgoing for Read<'_> {
    const NAME: &'static str = "read";
}
impl Outgoing for LevelChanged<'_> {
    const NAME: &'static str = "level";
}
impl Outgoing for FavoriteChanged<'_> {
    const NAME: &'static str = "favorite";
}
impl Outgoing for SectionChanged<'_> {
    const NAME: &'static str = "section";
}
impl Outgoing for Hidden<'_> {
    const NAME: &'static str = "hidden";
}
impl Outgoing for Activity<'_> {
    const NAME: &'static str = "activity";
}
impl Outgoing for Changed<'_> {
    const NAME: &'static str = "changed";
}
impl Outgoing for Entered {
    const NAME: &'static str = "entered";
}
impl Outgoing for Described<'_> {
    const NAME: &'static str = "room";
}
impl Outgoing for Removed<'_> {
    const NAME: &'static str = "removed";
}
impl Outgoing for SignedOut {
    const NAME: &'static str = "signed_out";
}

/// A room's head, with the history that it counts in.
#[derive(Debug, Serialize)]
pub struct HeadAck {
    /// Where the log ends.
    #[serde(flatten)]
    pub head: Head,
    /// Which history; a client that knows another one begins afresh.
    pub epoch: Arc<str>,
}

/// What `join` answers.
#[derive(Debug, Serialize)]
pub struct Joined {
    /// The room.
    pub room: Room,
    /// The last messages, or all that changed.
    pub messages: Vec<Arc<Logged>>,
    /// How far the room has come.
    pub head: HeadAck,
    /// Whether older messages exist.
    pub more: bool,
    /// Whether the changes are all of them; only with `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Who is here.
    pub online: Online,
}

/// What `sync` answers.
#[derive(Debug, Serialize)]
pub struct Synced {
    /// What changed, in rev order.
    pub messages: Vec<Arc<Logged>>,
    /// How far the room has come.
    pub head: HeadAck,
    /// Whether that is all.
    pub complete: bool,
}

/// What posting, editing, deleting and reacting answer.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// The message in its present state.
    pub message: Arc<Logged>,
}

/// What `read` and `unread` answer.
#[derive(Debug, Serialize)]
pub struct Unread {
    /// How many messages wait.
    pub unread: i64,
    /// How many of them address the person.
    pub mentions: i64,
}

/// What `watch` answers.
#[derive(Debug, Serialize)]
pub struct Watched {
    /// Some of the person's rooms: by name, and conversations behind them.
    pub rooms: Vec<OwnRoom>,
    /// Whether there are others.
    pub more: bool,
    /// What to give as `after` to get them.
    pub next: Option<String>,
    /// With the first of them: how the person has arranged their sidebar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sidebar: Option<Arrangement>,
}

/// What `pins` answers.
#[derive(Debug, Serialize)]
pub struct Pinned {
    /// The pinned messages, the last pinned first.
    #[serde(flatten)]
    pub pins: Pins,
    /// How many are pinned in all.
    pub count: i64,
}

/// What `level` answers.
#[derive(Debug, Serialize)]
pub struct LevelSet {
    /// What the room is set to now.
    pub level: Option<Level>,
}

/// What an event answers that has nothing to say.
#[derive(Debug, Serialize)]
pub struct Nothing {}

/// Any answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To `join`.
    Joined(Joined),
    /// To `sync`.
    Synced(Synced),
    /// To a change of a message.
    Kept(Kept),
    /// To `history`.
    History(Page<Arc<Logged>>),
    /// To `read` and `unread`.
    Unread(Unread),
    /// To `watch`.
    Watched(Watched),
    /// To `pins`.
    Pinned(Pinned),
    /// To `revisions`.
    Revisions(Revisions),
    /// To `level`.
    LevelSet(LevelSet),
    /// To `mentions`.
    Mentions(Mentions),
    /// To `direct`.
    Conversation(Conversation),
    /// To `preview`.
    Preview(Preview),
    /// To `search`.
    Found(crate::chat::search::Results),
    /// To `draft`.
    Drafted(super::drafts::Saved),
    /// To `drafts`.
    Drafts(super::drafts::Drafts),
    /// To `leave` and `typing`.
    Nothing(Nothing),
}

impl Answer {
    /// About how many bytes it has.
    #[must_use]
    pub fn weight(&self) -> usize {
        /// A room in a list, or a page's other fields.
        const FRAME: usize = 400;
        let all = |messages: &[Arc<Logged>]| messages.iter().map(|logged| logged.json().get().len()).sum();
        match self {
            Self::Joined(joined) => all(&joined.messages),
            Self::Synced(synced) => all(&synced.messages),
            Self::Kept(kept) => kept.message.json().get().len(),
            Self::History(page) => all(&page.messages),
            Self::Watched(watched) => watched.rooms.len() * FRAME,
            Self::Pinned(pinned) => all(&pinned.pins.messages),
            Self::Revisions(revisions) => revisions.bytes,
            Self::Mentions(mentions) => all(&mentions.mentions),
            Self::Found(found) => found.results.iter().map(|found| found.message.json().get().len() + found.snippet.len()).sum(),
            Self::Preview(preview) => preview.html.len(),
            Self::Drafted(saved) => FRAME + saved.draft.begun.bytes() as usize,
            Self::Drafts(all) => all.drafts.iter().map(|draft| FRAME + draft.begun.bytes() as usize).sum(),
            Self::Unread(_) | Self::LevelSet(_) | Self::Conversation(_) | Self::Nothing(_) => FRAME,
        }
    }
}

/// Sending an event by its type.
pub trait Emit {
    /// Queues an event for one socket.
    ///
    /// # Errors
    /// When its queue is full or it has gone: then the event is lost to it.
    fn tell<E: Outgoing>(&self, event: &E) -> Result<(), SendError>;
}

impl Emit for SocketRef {
    fn tell<E: Outgoing>(&self, event: &E) -> Result<(), SendError> {
        self.emit(E::NAME, event)
    }
}
