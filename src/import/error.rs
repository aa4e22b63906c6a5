//! Why something cannot be imported.

use std::io;
use std::path::Path;

use crate::db::OpenError;
use crate::error::Error;

/// Why something cannot be imported; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is nothing.
    #[error("there is nothing at {0}")]
    Missing(String),
    /// It is something else.
    #[error("this isn’t {what}: {why}")]
    Foreign {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        why: String,
    },
    /// It is that, and broken.
    #[error("{place} is damaged or incomplete: {why}")]
    Damaged {
        /// The file.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// A later Parlor made it.
    #[error("this export was made by {0}, which is newer. Import it with that version or a later one")]
    Newer(String),
    /// Reading failed.
    #[error("can’t read {place}: {error}")]
    Place {
        /// The file.
        place: String,
        /// Why not.
        error: io::Error,
    },
    /// There is no room for what must be unpacked, or writing it failed.
    #[error("can’t write to {place} (TMPDIR): {error}")]
    Temporary {
        /// The folder.
        place: String,
        /// Why not.
        error: io::Error,
    },
    /// The mapping or another argument is wrong.
    #[error("{0}")]
    Argument(String),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is an export of a server that was restored from a backup, and an earlier import was made before that.
    #[error(
        "this server was restored from a backup since an earlier import (source {earlier}), so the numbers of its people, rooms and messages may \
         be those of others now. If nothing that was written between the backup and the restore was imported, --source {earlier} goes on there; \
         else --source {own} imports everything anew"
    )]
    Restored {
        /// The source of the earlier import.
        earlier: String,
        /// What the export calls itself.
        own: String,
    },
    /// Servers run on it.
    #[error("servers are running on this database; stop them first, because they keep rooms and names in memory")]
    Running,
    /// Another import runs.
    #[error("another import is running on this database")]
    AnotherImport,
    /// Its tables are those of an earlier version.
    #[error("the database is of an earlier version: run parlor migrate first")]
    Earlier,
    /// The storage of files cannot be used.
    #[error("{0}")]
    Storage(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// Whoever watched it wanted it to end.
    #[error("it was interrupted; run it again to go on")]
    Interrupted,
    /// A part of the program failed.
    #[error("{0}")]
    Internal(String),
}

impl ImportError {
    /// Whether the arguments are wrong rather than the source or the database.
    #[must_use]
    pub fn is_of_arguments(&self) -> bool {
        match self {
            Self::Argument(_) | Self::Missing(_) | Self::Restored { .. } => true,
            Self::Open(error) => error.is_of_arguments(),
            _ => false,
        }
    }

    pub(super) fn at(place: &Path, error: io::Error) -> Self {
        Self::Place { place: place.display().to_string(), error }
    }

    pub(super) fn damaged(place: impl ToString, why: impl ToString) -> Self {
        Self::Damaged { place: place.to_string(), why: why.to_string() }
    }
}

/// What is wrong with a line of JSON. A parser that sees only this one calls it the first.
pub fn in_line(error: &serde_json::Error) -> String {
    error.to_string().replace(&format!(" at line {} column ", error.line()), " at column ")
}

impl From<Error> for ImportError {
    fn from(error: Error) -> Self {
        match error {
            Error::Internal(why) => Self::Internal(why),
            Error::StorageFull => Self::Storage("the storage of files is full".into()),
            Error::StorageUnavailable => Self::Storage("the storage of files (FILES_URL) does not work".into()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<tokio::task::JoinError> for ImportError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal(error.to_string())
    }
}
