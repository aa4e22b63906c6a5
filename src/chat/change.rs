//! The changes that a room can undergo, and what is told about them.
//!
//! Owns the vocabulary between the use-cases, the ledger and whoever publishes. It must not decide anything: the rules are
//! in `batch`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::civil::Date;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::batch::Outcome;
use super::markdown::Rendered;
use super::types::{Message, Room, RoomId, UserId, Visibility};
use crate::pieces::Piece;

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
        here: Vec<UserId>,
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
        here: Vec<UserId>,
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

/// A message in a committed state, with its JSON made once for everybody who is told of it.
#[derive(Debug)]
pub struct Logged {
    /// The room's number.
    pub room: RoomId,
    /// The message.
    pub message: Arc<Message>,
    /// The message as JSON, from the first time that somebody needs it: most pages do not.
    json: OnceLock<Box<RawValue>>,
    /// What pages made of it.
    pub drawn: Drawn,
}

/// What pages made of a message in one state, for the next page that shows it the same way. Whoever draws says what "the same way" is.
#[derive(Debug, Default)]
pub struct Drawn(Mutex<Vec<(Way, Piece)>>);

/// A way in which a message can be drawn: all that its looks follow from beside the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// How its times are written.
    pub times: Arc<str>,
    /// The day that stands over it.
    pub day: Option<String>,
    /// Whether it stands first under its author's name.
    pub is_first: bool,
    /// Whether the reader may see its edit history.
    pub has_history: bool,
    /// Whether the reader may not act on it.
    pub is_locked: bool,
    /// Which state of which message it answers: its `seq` and `rev`.
    pub answered: Option<(i64, i64)>,
    /// Which day it was, where it says "Today" of something.
    pub today: Option<Date>,
    /// How often names had changed, where it shows names that are not its author's.
    pub renamings: u64,
}

impl Drawn {
    /// In how many ways a message is kept.
    const WAYS: usize = 8;

    /// What was drawn in this way, or what `draw` draws now.
    pub fn get(&self, way: &Way, draw: impl FnOnce() -> Piece) -> Piece {
        // Nothing in here can panic half-way through a change, so a poisoned lock still guards a whole list.
        let find = |ways: &[(Way, Piece)]| ways.iter().find(|(drawn, _)| drawn == way).map(|(_, piece)| piece.clone());
        if let Some(piece) = find(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return piece;
        }
        let piece = draw();
        let mut ways = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ways.len() == Self::WAYS {
            ways.remove(0);
        }
        ways.push((way.clone(), piece.clone()));
        piece
    }

    /// How many bytes are kept.
    fn weight(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(_, piece)| piece.weight()).sum()
    }
}

impl Logged {
    /// A message that is not encoded yet.
    #[must_use]
    pub fn new(room: RoomId, message: impl Into<Arc<Message>>) -> Self {
        Self { room, message: message.into(), json: OnceLock::new(), drawn: Drawn::default() }
    }

    /// The message as JSON.
    ///
    /// # Panics
    /// Never: a message has only strings, numbers and lists, which always have a JSON form.
    #[must_use]
    pub fn json(&self) -> &RawValue {
        self.json.get_or_init(|| serde_json::value::to_raw_value(&self.message).expect("a message always has a JSON form"))
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        /// The structures themselves, with the short texts in them.
        const FRAME: usize = 512;
        FRAME + self.message.body.len() + self.message.html.len() + self.json().get().len() + self.drawn.weight()
    }
}

impl serde::Serialize for Logged {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

/// What happened in a room, told after the commit, in the order of the commits.
#[derive(Debug)]
pub enum Event {
    /// A message was posted, edited, deleted or reacted to.
    Message {
        /// Its present state.
        logged: Arc<Logged>,
        /// Whether it was posted just now.
        is_new: bool,
        /// Whom it addressed before, if it was deleted just now, or addresses others now: what waits for somebody may be less, or more.
        addressed: Option<Vec<String>>,
    },
    /// Somebody has become a member.
    Entered {
        /// The room.
        room: RoomId,
        /// Its slug.
        slug: Arc<str>,
        /// Who.
        user: UserId,
    },
    /// The room's name, topic or visibility changed.
    Described(Room),
    /// Somebody is no longer a member.
    Removed {
        /// The room.
        room: RoomId,
        /// Its slug.
        slug: Arc<str>,
        /// Who.
        user: UserId,
        /// The change that ended the membership.
        rev: i64,
        /// `left` or `removed`.
        reason: &'static str,
    },
}
