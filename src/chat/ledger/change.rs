//! The changes that a room can undergo, and what is told about them.
//!
//! Owns the vocabulary between the use-cases, the ledger and whoever publishes. It must not decide anything: the rules are
//! in `batch`.

use tokio::sync::oneshot;

use crate::chat::ledger::rules::Outcome;
use crate::chat::markdown::Rendered;
use crate::model::{RoomId, UserId, Visibility};

/// What somebody wants to change in a room.
#[derive(Debug)]
pub enum Change {
    /// Say something. The body is checked and rendered already.
    Post {
        /// The words as written.
        body: String,
        /// The words as sanitized HTML, and whom they address.
        rendered: Rendered,
        /// Who is connected, where the words address those who are here.
        online: Vec<UserId>,
        /// Tells a retry from a new message; unique for each author.
        nonce: Option<String>,
        /// The message that it answers.
        reply_to: Option<i64>,
    },
    /// Put other words in the place of one's own.
    Edit {
        /// The message.
        seq: i64,
        /// The new words.
        body: String,
        /// The new words as sanitized HTML, and whom they address.
        rendered: Rendered,
        /// Who is connected, where the words address those who are here.
        online: Vec<UserId>,
    },
    /// Take a message's words away; its place stays.
    Delete {
        /// The message.
        seq: i64,
    },
    /// Put one's emoji under a message, or take it away.
    React {
        /// The message.
        seq: i64,
        /// One emoji.
        emoji: String,
        /// Whether it should be there.
        on: bool,
    },
    /// Become a member of a public room, or of the empty private room that one made.
    Enter,
    /// Stop being a member.
    Leave,
    /// Make somebody else a member.
    Admit {
        /// Who.
        user: UserId,
    },
    /// End somebody else's membership.
    Remove {
        /// Who.
        user: UserId,
    },
    /// Change the room's name, topic or visibility; `None` leaves it.
    Describe {
        /// The name to show; the slug stays.
        name: Option<String>,
        /// What the room is for.
        topic: Option<String>,
        /// Who may find it.
        visibility: Option<Visibility>,
        /// Whether the actor confirmed that everybody may read what was said in private.
        is_confirmed: bool,
    },
    /// Pin a message to the room, or take the pin away.
    Pin {
        /// The message.
        seq: i64,
        /// Whether it should be pinned.
        on: bool,
    },
    /// Move one's read marker forward.
    Read {
        /// The last message read.
        seq: i64,
    },
    /// Put one's read marker just before a message, also backwards.
    Unread {
        /// The first message that is to wait.
        seq: i64,
    },
}

/// A change on its way through the ledger.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub actor: UserId,
    /// In which room.
    pub room: RoomId,
    /// For what.
    pub change: Change,
    /// Who waits for the outcome; nobody, if they have gone.
    pub reply: oneshot::Sender<Outcome>,
}
