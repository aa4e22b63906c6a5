//! Files that people send: how they come in, where they are, and who reads them.
//!
//! Owns the order in which bytes and rows are written, so that neither is left without the other, whatever dies in between: a blob is held
//! in the database, then put into the storage, then referred to; and is deleted by a job once nothing refers to it. It must not know HTTP,
//! or what a message is: `chat` takes files by their ids.
//!
//! Reading order: `storage`, `sniff`, `names`, `examining` (what it is), `storing` (a file becomes a blob), `uploads` (it comes in parts),
//! `portraits`, `cache`, `serving`, `removal`, `sweep`; `check` and `moving` are commands, `transfer` is how what takes long is watched,
//! `own` how what is left half-written is kept apart, `room` what stays free of a disk.

pub mod adding;
mod cache;
pub mod check;
mod examining;
pub mod moving;
pub mod names;
pub mod own;
pub mod portraits;
pub mod removal;
pub mod room;
pub mod serving;
mod slots;
pub mod sniff;
pub mod storage;
pub mod storing;
mod sweep;
pub mod transfer;
mod turns;
pub mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use self::cache::Cache;
pub use self::room::has_room;
pub use self::slots::Slot;
use self::slots::Slots;
use self::storage::{Storage, StorageError};
use self::turns::Turns;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::db::uploads::Share;
use crate::error::{Error, Result};
use crate::jobs::Jobs;
use crate::model::UserId;
use crate::pictures::Pictures;

/// How long an upload stays that no message takes, in milliseconds.
const KEEP: i64 = 24 * 60 * 60 * 1000;
/// How many uploads that nothing has taken one person has.
const OPEN: i64 = 100;
/// How many uploads run at once, for one person and for all.
const RECEIVING: (usize, usize) = (8, 256);
/// How many files are sent at once, to one person and to all.
const SENDING: (usize, usize) = (64, 4096);
/// How long the size of all files is remembered.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The files of this server.
pub struct Files {
    db: Arc<Db>,
    clock: Clock,
    storage: Option<Storage>,
    cache: Cache,
    limits: Limits,
    receiving: Slots,
    sending: Slots,
    turns: Turns,
    /// The size of all files, and when it was counted.
    total: Mutex<Option<(Instant, i64)>>,
    /// Notified when previews of a file were made here.
    previews_made: Notify,
    jobs: Jobs,
    pictures: Pictures,
    strips_metadata: bool,
}

/// What is allowed, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One file.
    pub file: u64,
    /// The files of one person.
    pub person: Option<u64>,
    /// All files.
    pub all: Option<u64>,
}

/// What whoever sends a file should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Terms {
    /// The largest file, in bytes.
    pub largest: u64,
    /// Whether metadata of pictures is removed.
    pub strips_metadata: bool,
}

/// What one person has stored, and may store, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Allowance {
    /// All their files together, with uploads that are open.
    pub used: u64,
    /// The most of that; `None` without a limit.
    pub quota: Option<u64>,
    /// The largest file.
    pub largest: u64,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("storage", &self.storage).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Files {
    /// Opens the storage of the settings, and starts the sweep.
    ///
    /// # Errors
    /// What is wrong with the storage, for the person who starts Parlor.
    pub fn open(db: Arc<Db>, config: &Config, clock: Clock, jobs: Jobs) -> std::result::Result<Arc<Self>, String> {
        let storage = config.files_url.as_ref().map(|url| Storage::open(url, config)).transpose()?;
        let files = Arc::new(Self {
            db,
            clock,
            storage,
            cache: Cache::new(),
            limits: Limits { file: config.max_file_size, person: config.file_quota, all: config.file_space },
            receiving: Slots::new(RECEIVING),
            sending: Slots::new(SENDING),
            turns: Turns::default(),
            total: Mutex::default(),
            previews_made: Notify::new(),
            jobs,
            pictures: Pictures::new(config.picture_program.as_deref()),
            strips_metadata: config.strip_metadata,
        });
        sweep::start(&files);
        Ok(files)
    }

    /// Ends what a process that is gone has begun. Call it before anything else.
    ///
    /// # Errors
    /// The database's.
    pub async fn recover(&self) -> Result<()> {
        Ok(self.db.end_holds().await?)
    }

    /// What reads pictures.
    pub fn pictures(&self) -> &Pictures {
        &self.pictures
    }

    /// What is allowed.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The largest file that can be sent, in bytes; `None` without storage.
    pub fn largest(&self) -> Option<u64> {
        self.storage.as_ref().map(|_| self.limits.file)
    }

    /// What whoever sends a file should know; `None` without storage.
    pub fn terms(&self) -> Option<Terms> {
        Some(Terms { largest: self.largest()?, strips_metadata: self.strips_metadata })
    }

    /// What a person has stored, and may store.
    ///
    /// # Errors
    /// `unavailable` without storage.
    pub async fn allowance(&self, person: UserId) -> Result<Allowance> {
        let largest = self.largest().ok_or(Error::NoStorage)?;
        let used = u64::try_from(self.db.file_usage(person).await?.bytes).unwrap_or_default();
        Ok(Allowance { used, quota: self.limits.person, largest })
    }

    /// The storage.
    ///
    /// # Errors
    /// `unavailable` if there is none.
    pub fn storage(&self) -> Result<&Storage> {
        self.storage.as_ref().ok_or(Error::NoStorage)
    }

    /// A slot for receiving something; held until it is stored.
    ///
    /// # Errors
    /// `busy`.
    pub fn begin_receiving(&self, person: UserId) -> Result<Slot> {
        self.receiving.take(person).ok_or(Error::Busy { retry_after: Duration::from_secs(2) })
    }

    /// A slot for sending something; held until it has left.
    ///
    /// # Errors
    /// `busy`.
    pub fn begin_sending(&self, person: UserId) -> Result<Slot> {
        self.sending.take(person).ok_or(Error::Busy { retry_after: Duration::from_secs(1) })
    }

    /// Refuses what there is no room for, before it is sent. Two at once may both be let in; the statement that adds a file counts again.
    async fn check_room(&self, person: UserId, bytes: u64) -> Result<()> {
        if bytes > self.limits.file {
            return Err(self.too_large());
        }
        if let Some(quota) = self.limits.person {
            let used = u64::try_from(self.db.file_usage(person).await?.bytes).unwrap_or_default();
            if used.saturating_add(bytes) > quota {
                return Err(self.no_room());
            }
        }
        self.check_space(bytes).await
    }

    /// Refuses what there is no room for at all.
    async fn check_space(&self, bytes: u64) -> Result<()> {
        if let Some(space) = self.limits.all
            && self.total().await?.saturating_add(bytes) > space
        {
            return Err(Error::StorageFull);
        }
        match self.storage()?.folder() {
            Some(folder) if !has_room(folder, bytes) => Err(Error::StorageFull),
            _ => Ok(()),
        }
    }

    /// Refuses an archive of somebody's own data for which there is no room: copies of their files, which are deleted as they are packed.
    ///
    /// # Errors
    /// `unavailable`, also without a storage.
    pub async fn check_archive(&self, person: UserId) -> Result<()> {
        let (all, largest) = self.db.own_file_bytes(person).await?;
        let bytes = u64::try_from(all.saturating_add(largest)).unwrap_or_default();
        self.check_space(bytes).await?;
        if has_room(self.storage()?.temporary_folder(), bytes) { Ok(()) } else { Err(Error::StorageFull) }
    }

    /// The size of all files, a few seconds old.
    async fn total(&self) -> Result<u64> {
        let known = *self.total.lock();
        if let Some((at, bytes)) = known
            && at.elapsed() < REMEMBERED
        {
            return Ok(u64::try_from(bytes).unwrap_or_default());
        }
        let bytes = self.db.all_file_bytes().await?;
        *self.total.lock() = Some((Instant::now(), bytes));
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    fn share(&self) -> Share {
        let bytes = self.limits.person.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(i64::MAX);
        Share { bytes, open: OPEN }
    }

    /// The refusal of a file that is too large.
    pub fn too_large(&self) -> Error {
        Error::TooLarge(format!("Files can have up to {}.", in_words(self.limits.file)))
    }

    /// The refusal of somebody who has too much.
    fn no_room(&self) -> Error {
        let quota = self.limits.person.map_or_else(String::new, |quota| format!(" {}", in_words(quota)));
        Error::TooLarge(format!(
            "Your files would take more than your share of{quota}. Delete messages with files that you don’t need."
        ))
    }
}

/// A size for people.
pub fn in_words(bytes: u64) -> String {
    let (unit, name) =
        [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")].into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or((1, "bytes"));
    let tenths = bytes.saturating_mul(10) / unit;
    if tenths.is_multiple_of(10) { format!("{} {name}", tenths / 10) } else { format!("{}.{} {name}", tenths / 10, tenths % 10) }
}

/// What a person hears of the storage's trouble; the log hears all of it.
impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full => {
                tracing::error!("the storage of files is full");
                Self::StorageFull
            }
            // Nobody is told: whoever stopped it knows.
            StorageError::Interrupted => Self::StorageUnavailable,
            error => {
                tracing::error!(%error, "the storage of files failed");
                Self::StorageUnavailable
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_its_unit() {
        for (bytes, words) in [(100 << 20, "100 MB"), (1 << 30, "1 GB"), (1536, "1.5 KB"), (7, "7 bytes")] {
            assert_eq!(in_words(bytes), words);
        }
    }
}
