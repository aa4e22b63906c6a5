//! How a file on disk becomes a blob that something refers to.
//!
//! Owns the order of the three steps: hold the blob in the database, put the object, commit what refers to it. Whatever dies in between
//! leaves a held blob, which `sweep` finds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::examining::{Examined, blocking};
use super::storage::{StorageError, blob_key};
use super::{Files, KEEP, names};
use crate::clock::Millis;
use crate::db::uploads::{Completion, NewFile, Share, Stored};
use crate::encoding::{hex, random_hex};
use crate::error::{Error, Result};
use crate::model::UserId;

/// How long a blob is held while it is stored, in milliseconds.
const HOLD: i64 = 60 * 60 * 1000;
/// How often a blob is tried that is being deleted at that moment, and how long between the tries.
const TRIES: (u32, Duration) = (50, Duration::from_millis(100));

/// A blob that is in the storage and held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBlob {
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its size.
    pub bytes: i64,
}

/// What refers to a blob.
enum Target {
    /// A file that is not known yet.
    New(NewFile, Share),
    /// An upload, by its id.
    Upload(String),
}

impl Files {
    /// Stores a file of this disk, so that something can refer to it within the hour: commit that together with the end of its hold.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn store_path(&self, path: &Path) -> Result<HeldBlob> {
        let source = path.to_owned();
        let (hash, bytes) = blocking(move || hash_of_file(&source)).await?;
        let held = HeldBlob { hash, bytes };
        self.put_held(&held, path).await?;
        Ok(held)
    }

    /// Holds a blob and puts it.
    async fn put_held(&self, blob: &HeldBlob, path: &Path) -> Result<()> {
        let (mut tries, pause) = TRIES;
        while !self.db.hold_blob(&blob.hash, blob.bytes, self.clock.now().plus(HOLD)).await? {
            tries -= 1;
            if tries == 0 {
                return Err(Error::Busy { retry_after: Duration::from_secs(1) });
            }
            // Its job deletes it, here or on another node.
            self.wake_jobs();
            tokio::time::sleep(pause).await;
        }
        self.storage()?.put(&blob_key(&blob.hash), path, u64::try_from(blob.bytes).unwrap_or_default()).await?;
        Ok(())
    }

    /// Stores what was examined, and commits what refers to it.
    async fn store(&self, examined: Examined, target: &Target) -> Result<Completion> {
        let Examined { mut about, file } = examined;
        let (mut tries, _) = TRIES;
        let path = file.path().to_owned();
        let (hash, bytes) = blocking(move || hash_of_file(&path)).await?;
        (about.hash, about.bytes) = (hash.clone(), bytes);
        let blob = HeldBlob { hash, bytes };
        loop {
            self.put_held(&blob, file.path()).await?;
            let (about, now) = (about.clone(), self.clock.now());
            let completion = match target {
                Target::New(file, share) => self.db.insert_stored(file.clone(), about, *share, now).await?,
                Target::Upload(id) => self.db.complete_upload(id, about, now).await?,
            };
            tries -= 1;
            if completion != Completion::BlobGone || tries == 0 {
                self.wake_jobs();
                return Ok(completion);
            }
        }
    }

    /// Adds a file that is here whole, for a message to take. Returns its id.
    ///
    /// # Errors
    /// `invalid` for `file` if it is too large or its person has too much; `unavailable`.
    pub async fn add(&self, owner: UserId, file: NamedTempFile, name: &str, alt: String) -> Result<String> {
        self.add_for(owner, "attachment", file, name, alt).await
    }

    /// Adds a file that is here whole, for what `purpose` says to take: an `attachment`, a `photo`, an `icon`, or the picture of a `link`, which
    /// counts against nobody's share. It is deleted after a day unless something takes it, which sets `expires_at` to null. Returns its id.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub async fn add_for(
        &self,
        owner: UserId,
        purpose: &'static str,
        file: NamedTempFile,
        name: &str,
        alt: String,
    ) -> Result<String> {
        let name = names::cleaned(name);
        let mut examined = self.examine(file, &name).await?;
        // Those have squares instead of previews.
        examined.about.has_preview &= !matches!(purpose, "photo" | "icon");
        let share = if purpose == "link" { Share { bytes: i64::MAX, open: i64::MAX } } else { self.share() };
        if purpose != "link" {
            self.check_room(owner, u64::try_from(examined.about.bytes).unwrap_or_default()).await?;
        }
        let id = random_hex();
        let new = NewFile {
            id: id.clone(),
            owner,
            purpose,
            name,
            media_type: String::new(),
            bytes: 0,
            alt,
            expires_at: Some(self.clock.now().plus(KEEP)),
        };
        match self.store(examined, &Target::New(new, share)).await? {
            Completion::Done => Ok(id),
            Completion::NoRoom => Err(self.no_room_now(owner).await?),
            Completion::BlobGone | Completion::UploadGone => Err(Error::BUSY),
        }
    }

    /// Adds an archive of somebody's own data, which counts against nobody's share, until it expires.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn add_archive(&self, owner: UserId, file: NamedTempFile, name: &str, expires_at: Millis) -> Result<()> {
        let about = Stored { media_type: "application/gzip".into(), ..Stored::default() };
        let new = NewFile {
            id: random_hex(),
            owner,
            purpose: "export",
            name: names::cleaned(name),
            media_type: String::new(),
            bytes: 0,
            alt: String::new(),
            expires_at: Some(expires_at),
        };
        let unbounded = Share { bytes: i64::MAX, open: i64::MAX };
        match self.store(Examined { about, file }, &Target::New(new, unbounded)).await? {
            Completion::Done => Ok(()),
            Completion::BlobGone | Completion::UploadGone | Completion::NoRoom => Err(Error::BUSY),
        }
    }

    /// Adds a file of a message that is imported, for the message to take within a day. It counts against nobody's share, but is not larger than
    /// files may be. Returns its id.
    ///
    /// # Errors
    /// `too_large`; `storage_full` and others of the storage.
    pub async fn add_imported(&self, owner: UserId, file: NamedTempFile, name: &str, alt: String) -> Result<String> {
        let name = names::cleaned(name);
        let examined = self.examine(file, &name).await?;
        let bytes = u64::try_from(examined.about.bytes).unwrap_or_default();
        if bytes > self.limits.file {
            return Err(self.too_large());
        }
        self.check_space(bytes).await?;
        let (id, expires_at) = (random_hex(), Some(self.clock.now().plus(KEEP)));
        let new =
            NewFile { id: id.clone(), owner, purpose: "attachment", name, media_type: String::new(), bytes: 0, alt, expires_at };
        let share = Share { bytes: i64::MAX, open: i64::MAX };
        match self.store(examined, &Target::New(new, share)).await? {
            Completion::Done => Ok(id),
            Completion::NoRoom | Completion::BlobGone | Completion::UploadGone => Err(Error::BUSY),
        }
    }

    /// Completes an upload whose bytes are in a file.
    pub(super) async fn complete(&self, id: &str, file: NamedTempFile, name: &str) -> Result<()> {
        let examined = self.examine(file, name).await?;
        match self.store(examined, &Target::Upload(id.to_owned())).await? {
            Completion::Done => Ok(()),
            Completion::UploadGone => Err(Error::NotFound("upload")),
            Completion::BlobGone | Completion::NoRoom => Err(Error::BUSY),
        }
    }

    /// Why somebody cannot have one more file.
    pub(super) async fn no_room_now(&self, owner: UserId) -> Result<Error> {
        let usage = self.db.file_usage(owner).await?;
        if usage.open >= self.share().open {
            return Ok(Error::TooLarge("You have too many uploads that no message has. Send or remove some first.".into()));
        }
        Ok(self.no_room())
    }

    /// Writes a blob into a file of this disk.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn fetch_to(&self, hash: &str, target: &Path) -> Result<()> {
        let target = File::create(target).map_err(StorageError::from)?;
        self.storage()?.fetch(&blob_key(hash), &target).await?;
        Ok(())
    }

    /// A new file in which something can be written that is to be stored.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn temporary_file(&self) -> Result<NamedTempFile> {
        Ok(self.storage()?.temporary_file().map_err(StorageError::from)?)
    }

    /// A new folder for what is to be stored; it is deleted when it is dropped.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn temporary_folder(&self) -> Result<tempfile::TempDir> {
        Ok(self.storage()?.temporary_dir().map_err(StorageError::from)?)
    }

    pub(super) fn wake_jobs(&self) {
        self.jobs.wake();
    }
}

/// The hash of a file, and its size. Blocks.
///
/// # Errors
/// The system's.
pub fn hash_of_file(path: &Path) -> io::Result<(String, i64)> {
    const PIECE: usize = 64 << 10;
    let mut file = File::open(path)?;
    let (mut digest, mut piece, mut bytes) = (Sha256::new(), vec![0; PIECE], 0);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((hex(&digest.finalize()), bytes)),
            read => {
                digest.update(&piece[..read]);
                bytes += i64::try_from(read).unwrap_or_default();
            }
        }
    }
}
