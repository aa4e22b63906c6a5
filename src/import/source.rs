//! What all sources give: people, then rooms, then the messages of each room in their order.
//!
//! Owns the channel between whoever reads a source, on a thread of its own, and the writer: what was read and not written is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Progress;
use super::contents::Contents;
use super::error::ImportError;
use super::identity::Traces;
use crate::portable::{Message, Person, Room};

/// How many parts wait for the writer.
const WAITING: usize = 64;

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An export of Slack's: a zip.
    Slack,
    /// The storage folder of Campfire.
    Campfire,
    /// A bulk export of Mattermost's: JSON lines, or a zip with them.
    Mattermost,
    /// An export of Parlor's: a folder.
    Parlor,
}

/// Something that was read.
#[derive(Debug)]
pub enum Part {
    /// A person. Those whom only messages name come between messages, before the first that names them.
    Person(Box<Person>),
    /// A room.
    Room(Box<Room>),
    /// A message of the room with this key.
    Message(Arc<str>, Box<Message>),
    /// Something that is left out, with the reason and how often.
    LeftOut(String, u64),
}

/// How much of a source was read, in units of its own.
#[derive(Debug, Default)]
pub struct Position {
    done: AtomicU64,
    total: AtomicU64,
}

impl Position {
    /// Says how much there is.
    pub fn expect(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Says that more was read.
    pub fn add(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
    }

    /// How far it is.
    pub fn now(&self) -> Progress {
        let total = self.total.load(Ordering::Relaxed);
        Progress { done: self.done.load(Ordering::Relaxed).min(total), total }
    }
}

/// Where a reader puts what it reads. Its methods wait for the writer: call them outside the runtime.
#[derive(Clone, Debug)]
pub struct Sink {
    parts: mpsc::Sender<Part>,
    /// How far the reader is.
    pub position: Arc<Position>,
}

impl Sink {
    /// Gives something to the writer.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn give(&self, part: Part) -> Result<(), ImportError> {
        self.parts.blocking_send(part).map_err(|_| ImportError::Interrupted)
    }

    /// Gives a person.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn person(&self, person: Person) -> Result<(), ImportError> {
        self.give(Part::Person(Box::new(person)))
    }

    /// Gives a room.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn room(&self, room: Room) -> Result<(), ImportError> {
        self.give(Part::Room(Box::new(room)))
    }

    /// Gives a message.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn message(&self, room: &Arc<str>, message: Message) -> Result<(), ImportError> {
        self.give(Part::Message(room.clone(), Box::new(message)))
    }

    /// Counts something that is left out.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn leave_out(&self, why: impl Into<String>) -> Result<(), ImportError> {
        self.give(Part::LeftOut(why.into(), 1))
    }
}

/// What reads a source to its end.
pub type Reader = Box<dyn FnOnce(&Sink) -> Result<(), ImportError> + Send>;

/// A source that was opened and looked at.
pub struct Opened {
    /// Its name, unless an earlier import gave it another.
    pub id: String,
    /// By what it is recognised otherwise.
    pub traces: Traces,
    /// Where the bytes of its files are.
    pub contents: Contents,
    /// What reads it.
    pub reader: Reader,
}

/// A source that is being read.
pub struct Source {
    /// Its name, unless an earlier import gave it another.
    pub id: String,
    /// By what it is recognised otherwise.
    pub traces: Traces,
    /// Where the bytes of its files are.
    pub contents: Contents,
    /// How far it is.
    pub position: Arc<Position>,
    /// What was read.
    pub parts: mpsc::Receiver<Part>,
    /// Ends with the source.
    pub reading: JoinHandle<Result<(), ImportError>>,
}

impl Source {
    /// Begins to read a source. On a runtime.
    pub fn read(opened: Opened) -> Self {
        let Opened { id, traces, contents, reader } = opened;
        let (send, parts) = mpsc::channel(WAITING);
        let position = Arc::new(Position::default());
        let sink = Sink { parts: send, position: position.clone() };
        let reading = tokio::task::spawn_blocking(move || reader(&sink));
        Self { id, traces, contents, position, parts, reading }
    }
}
