//! Exports: what people wrote, in a folder that can be read without Parlor, made while people write.
//!
//! Owns what is in the folder, and that it appears whole or not at all. It must not hold SQL (`db::export` does), and it asks nobody: whoever
//! calls it has decided who may have what.
//!
//! `making` reads a database and hands everything on, to `records` (the records of `portable`) or `pages` (HTML). `blobs` are files that
//! people sent, `folder` is where all of it goes, `person` is what only a person's own export has.
//! `personal` is what people ask for themselves.

mod blobs;
mod folder;
mod making;
mod pages;
mod parts;
mod person;
mod personal;
mod records;

use std::path::Path;

use serde::Serialize;

pub use making::{export, kept};
pub use personal::{OwnData, PersonalExports};

use crate::db::OpenError;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Everything.
    All,
    /// A room, by its slug.
    Room(String),
    /// A person, by their username: what they wrote, and what is stored about them.
    Person(String),
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON lines, as `portable` describes them.
    Records,
    /// Pages for people.
    Html,
    /// Both in one folder.
    Both,
}

/// An export that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// Where it is.
    pub to: String,
    /// `all`, `room` or `person`.
    pub scope: &'static str,
    /// How many people are in it.
    pub people: u64,
    /// How many rooms.
    pub rooms: u64,
    /// How many messages, events of rooms among them.
    pub messages: u64,
    /// How many files; the same content is one.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// How many of them were there already, from an export that did not come to its end.
    pub files_already: u64,
    /// The files that are not in it, each with the reason.
    pub left_out: Vec<String>,
}

/// Why there is no export; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something is at the place already.
    #[error("--to: {0} is not an empty directory; what exists is never replaced")]
    Occupied(String),
    /// Another export to this place is being made.
    #[error("another export to {0} is being made")]
    Busy(String),
    /// There is no such room.
    #[error("there is no room {0}; its slug is the last part of its address, /rooms/SLUG")]
    NoRoom(String),
    /// There is no such person.
    #[error("--person: there is nobody called {0}")]
    NoPerson(String),
    /// Writing failed.
    #[error("can’t write {place}: {error}")]
    Place {
        /// The folder or file.
        place: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The storage of files does not answer.
    #[error("FILES_URL: {0}")]
    Storage(String),
    /// The database is not at the migration that this program needs.
    #[error("the database is at migration {found}, and this Parlor needs {needed}: export with the Parlor that serves it")]
    Migration {
        /// Where it is.
        found: i64,
        /// Where it must be.
        needed: i64,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// Whoever began it wanted it to end.
    #[error("it was interrupted")]
    Interrupted,
    /// A part of the program failed.
    #[error("{0}")]
    Internal(String),
}

impl ExportError {
    /// Whether the arguments are at fault.
    #[must_use]
    pub const fn is_of_arguments(&self) -> bool {
        match self {
            Self::Occupied(_) | Self::NoRoom(_) | Self::NoPerson(_) => true,
            Self::Open(error) => error.is_of_arguments(),
            _ => false,
        }
    }

    /// An error at a place.
    fn at(place: &Path, error: std::io::Error) -> Self {
        Self::Place { place: place.display().to_string(), error }
    }
}

impl From<serde_json::Error> for ExportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<askama::Error> for ExportError {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

/// How far something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub what: &'static str,
    /// How much is done.
    pub done: u64,
    /// How much there is.
    pub total: u64,
    /// Whether these are bytes.
    pub is_bytes: bool,
}

/// Who is told how far something is.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) + Send);
