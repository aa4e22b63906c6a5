//! The changes that a room can undergo, and their outcomes.
//!
//! Owns the vocabulary between the use-cases and the ledger. It must not decide anything; `rules` does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::chat::markdown::Rendered;
use crate::clock::Millis;
use crate::error::Result;
use crate::model::{Keep, LinkPreview, Logged, RoomId, RoomRole, UserId, Visibility};
use crate::permissions::Caller;
use crate::security_log::Source;

/// A change of a room.
#[derive(Debug)]
pub enum Change {
    /// Post a message. The body is already validated and rendered.
    Post {
        /// The text as typed.
        body: String,
        /// The text as sanitized HTML, and its mentions.
        rendered: Rendered,
        /// Connected users, if the text mentions `@here`.
        online: Vec<UserId>,
        /// Identifies retries; unique per author.
        nonce: Option<String>,
        /// The message that it replies to.
        reply_to: Option<i64>,
        /// Its files, in order.
        attachments: Vec<NewAttachment>,
        /// Whether its links never get previews.
        hides_links: bool,
    },
    /// Replace the text of one's own message.
    Edit {
        /// The message.
        seq: i64,
        /// The new text.
        body: String,
        /// The new text as sanitized HTML, and its mentions.
        rendered: Rendered,
        /// Connected users, if the text mentions `@here`.
        online: Vec<UserId>,
    },
    /// Delete the text of a message; its `seq` stays.
    Delete {
        /// The message.
        seq: i64,
    },
    /// Add or remove a reaction.
    React {
        /// The message.
        seq: i64,
        /// One emoji.
        emoji: String,
        /// Whether it should be there.
        on: bool,
    },
    /// Join a public room, or the empty private room that one has created.
    Enter,
    /// Leave the room.
    Leave,
    /// Add a member.
    Admit {
        /// The new member.
        user: UserId,
    },
    /// Remove a member.
    Remove {
        /// The member.
        user: UserId,
    },
    /// Give a member another role, or let an administrator become the owner.
    SetRole {
        /// The member.
        user: UserId,
        /// The new role.
        role: RoomRole,
    },
    /// Ban somebody from the room, or lift a ban.
    Ban {
        /// Who.
        user: UserId,
        /// Whether they are to be banned.
        on: bool,
    },
    /// Change the room's settings; `None` leaves one.
    Describe(Settings),
    /// Archive the room, or restore it.
    Archive {
        /// Whether it is to be archived.
        on: bool,
    },
    /// Delete the room.
    DeleteRoom,
    /// Pin or unpin a message.
    Pin {
        /// The message.
        seq: i64,
        /// Whether it should be pinned.
        on: bool,
    },
    /// Delete messages of the actor, or take the name of a deleted account out of messages. The server does it: nobody's rights matter.
    CleanUp(CleanUp),
    /// Add to a message of the actor what was found out after it was posted. The server does it: nobody's rights matter.
    Enrich(Enrichment),
    /// Delete messages and files that have expired. The server does it: nobody's rights matter.
    Expire(Expiry),
    /// Decide how long the room keeps its messages and files.
    SetRetention(RetentionChange),
    /// Give the room another icon.
    SetIcon {
        /// The file, which becomes the room's; `None` for none.
        icon: Option<Arc<str>>,
    },
    /// Remove the link previews of a message for good.
    HideLinks {
        /// The message.
        seq: i64,
    },
    /// Move one's read marker forward.
    Read {
        /// The last message read.
        seq: i64,
    },
    /// Move one's read marker to just before a message, possibly backwards.
    Unread {
        /// The first unread message.
        seq: i64,
    },
}

/// New settings of a room; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The name to show.
    pub name: Option<String>,
    /// What the room is about.
    pub topic: Option<String>,
    /// Who can find it.
    pub visibility: Option<Visibility>,
    /// How many seconds a member waits between two posts.
    pub slow_mode: Option<i64>,
    /// Whether new messages get previews of their links.
    pub link_previews: Option<bool>,
    /// Whether the actor confirmed that private messages become public.
    pub is_confirmed: bool,
    /// The new slug, and another one in case it is taken.
    pub slug: Option<(String, String)>,
    /// Who may post.
    pub posting: Option<RoomRole>,
    /// Who may mention everybody.
    pub mass_mentions: Option<RoomRole>,
}

/// What is to be done with some messages of a room.
#[derive(Debug)]
pub struct CleanUp {
    /// The messages.
    pub seqs: Vec<i64>,
    /// Delete those of the actor that were written from then on.
    pub deletes_since: Option<Millis>,
    /// The former username of the actor.
    pub former_username: Option<String>,
    /// Whether somebody decided it about just this message: webhooks are told, as of any deletion by hand.
    pub is_by_hand: bool,
}

/// Messages of which something may have expired.
#[derive(Debug)]
pub struct Expiry {
    /// The messages.
    pub seqs: Vec<i64>,
    /// Delete those that were posted before.
    pub messages_before: Option<Millis>,
    /// Delete the files of those that were posted before.
    pub files_before: Option<Millis>,
}

/// How long a room keeps its messages and files; `None` leaves one as it is.
#[derive(Clone, Copy, Debug)]
pub struct RetentionChange {
    /// Its messages.
    pub messages: Option<Keep>,
    /// Its files.
    pub files: Option<Keep>,
    /// How long the server keeps messages and files: only administrators may decide that a room keeps them for longer.
    pub server: [Option<Duration>; 2],
}

/// An upload that a message is to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAttachment {
    /// The upload.
    pub id: String,
    /// What a picture shows; `None` leaves what the upload says.
    pub alt: Option<String>,
}

/// What is added to a message.
#[derive(Debug, Default)]
pub struct Enrichment {
    /// The message.
    pub seq: i64,
    /// The text of which `links` are; if it was edited meanwhile, they are not added.
    pub body: String,
    /// Previews of its links, each with the file of its picture.
    pub links: Vec<(LinkPreview, Option<String>)>,
    /// Files that have a preview now.
    pub previews: Vec<NewPreview>,
}

/// A file that has a preview now.
#[derive(Clone, Debug)]
pub struct NewPreview {
    /// The file.
    pub file: String,
    /// The width of what it shows, in pixels.
    pub width: i64,
    /// The height of what it shows, in pixels.
    pub height: i64,
    /// A tiny picture of it, as a data URL.
    pub blur: Option<String>,
}

/// A change in the ledger's queue.
#[derive(Debug)]
pub struct Request {
    /// Who requests it.
    pub caller: Caller,
    /// The room.
    pub room: RoomId,
    /// The change.
    pub change: Change,
    /// Where it comes from, if the change may be one that is recorded.
    pub source: Source,
    /// Receives the outcome; the requester may have gone.
    pub reply: oneshot::Sender<Outcome>,
}

/// The outcome of a change.
pub type Outcome = Result<Effect>;

/// The effect of an accepted change.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A message was created or changed, or already was as requested.
    Message(Arc<Logged>),
    /// A message that was posted with the same nonce before.
    Posted(Arc<Logged>),
    /// So many messages were deleted.
    Deleted(u64),
    /// So many messages, and so many files of others, were deleted because they had expired.
    Expired {
        /// Messages.
        messages: u64,
        /// Files of messages that stay.
        files: u64,
    },
    /// A read marker moved to this `seq`.
    ReadMarker(i64),
    /// Nothing had to change.
    Unchanged,
}
