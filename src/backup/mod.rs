//! Backups: one archive with everything that matters, made while people write, and put into an empty database of either kind.
//!
//! Owns what an archive looks like, where it goes, and that nothing is half-done: an archive appears whole under its name, and a restore is
//! one transaction. It must not hold SQL (`db::backup` does), and it asks nobody.
//!
//! `make` writes an archive with `writer`; `restore` and `verify` read one with `reader`; `place` is where archives are, and `draft` one that is
//! being written; `begun` reads what a draft has, so that `make` can go on with it; `schedule` is the server's own job. `transfer` watches what
//! goes to and comes from object storage. `format` says what is in an archive.

mod begun;
mod draft;
mod format;
mod make;
mod place;
mod reader;
mod restore;
mod schedule;
mod transfer;
mod verify;
mod writer;

use std::io;
use std::path::PathBuf;

pub use make::{Leftover, Made, make, resume};
pub use restore::{Restored, restore};
pub use schedule::run;
pub use verify::{Verified, verify};

use crate::db::OpenError;
use crate::db::backup::LoadError;

/// Why a backup cannot be made, restored or read; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is no archive of Parlor's.
    #[error("this isn’t a backup of Parlor’s: {0}")]
    Foreign(String),
    /// It is one, and not as it was written.
    #[error("the backup is damaged or incomplete: {0}")]
    Damaged(String),
    /// A later Parlor made it.
    #[error("this backup was made by Parlor {0}, which is newer. Restore it with that version or a later one")]
    Newer(String),
    /// The database is not at the migration that this program needs.
    #[error("the database is at migration {found}, and this Parlor needs {needed}: back it up with the Parlor that serves it")]
    Migration {
        /// Where it is.
        found: i64,
        /// Where it must be.
        needed: i64,
    },
    /// Files are asked for, and there is no storage that has them.
    #[error("FILES_URL: this server has no storage for files")]
    NoStorage,
    /// Files are asked for, and where they should be there is nothing.
    #[error("FILES_URL: there is no such directory; it is the one of the server’s settings")]
    NoFolder,
    /// Something is at the place of a new one already.
    #[error("can’t use {0}: it exists already")]
    Occupied(String),
    /// There is none at the place.
    #[error("can’t use {0}: there is no backup there")]
    Missing(String),
    /// There is nothing to go on with.
    #[error("there is no draft of a backup for {0} to go on with")]
    NoDraft(String),
    /// A draft is of something else.
    #[error("it is of another database, or of this one before it was restored or upgraded")]
    Stranger,
    /// It did not come to its end, and something is there to go on with.
    #[error("{error}. What was written stays in {draft}: the same command with --resume goes on with it")]
    Kept {
        /// Where it is.
        draft: String,
        /// Why it did not.
        error: Box<Self>,
    },
    /// Reading or writing failed.
    #[error("can’t use {place}: {error}")]
    Place {
        /// The file, directory or bucket.
        place: String,
        /// Why not.
        error: String,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Rows cannot be loaded.
    #[error("can’t restore: {0}")]
    Load(LoadError),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// All rows and files of a backup are there, and the newer migrations, or what every database has, are not.
    #[error("everything in the backup was restored, but the database could not be brought up to date: {0}")]
    Unfinished(Box<Self>),
    /// Whoever watched it wanted it to end.
    #[error("it was interrupted")]
    Interrupted,
    /// A part of the program failed.
    #[error("{0}")]
    Internal(String),
}

impl BackupError {
    /// Whether the arguments or settings are at fault.
    #[must_use]
    pub const fn is_of_arguments(&self) -> bool {
        match self {
            Self::NoStorage | Self::NoFolder | Self::Occupied(_) | Self::Missing(_) => true,
            Self::Open(error) => error.is_of_arguments(),
            _ => false,
        }
    }

    /// An error at a place.
    fn at(place: impl ToString, error: impl ToString) -> Self {
        Self::Place { place: place.to_string(), error: error.to_string() }
    }

    /// The same error, if there is a draft to go on with.
    fn kept(self, draft: Option<PathBuf>) -> Self {
        match draft {
            Some(draft) => Self::Kept { draft: draft.display().to_string(), error: Box::new(self) },
            None => self,
        }
    }

    /// An error while reading an archive: whether the bytes are wrong or the disk is.
    fn reading(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Self::Damaged(error.to_string())
            }
            _ => Self::at("the backup", error),
        }
    }
}

impl From<tokio::task::JoinError> for BackupError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<LoadError> for BackupError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Database(error) => Self::Database(error),
            // Rows that were written by Parlor fit; that they were is what the checksums are for.
            LoadError::Unfit { .. } => Self::Damaged(error.to_string()),
            error => Self::Load(error),
        }
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

/// Who is told how far something is, and says whether it goes on. If not, it is undone.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) -> bool + Send);
