//! Copies everything into another storage, for `parlor files move`.
//!
//! Owns that what is there already is not copied again, so that an interrupted move goes on, and that what arrives is what the database
//! says. Nothing is deleted: whoever moves changes `FILES_URL` when it is done.

use futures_util::TryStreamExt;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

use super::storage::{Storage, StorageError, blob_key, chunk_key};
use super::storing::hash_of_file;
use super::transfer::Transfer;
use crate::db::Db;
use crate::error::{Error, Result};

/// How many rows are read at once.
const PAGE: i64 = 1000;

/// How far a move is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Objects that were copied.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were there already.
    pub skipped: u64,
    /// Objects that are missing or damaged here.
    pub missing: u64,
    /// Those, and objects that left meanwhile.
    lost: u64,
    /// How many there are.
    pub total: u64,
}

impl Moved {
    /// How many objects were looked at.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.copied + self.skipped + self.lost
    }
}

/// Copies all blobs, thumbnails among them, and the parts of open uploads. `progress` is told after each object, and `lost` of each that
/// cannot be copied. Once `transfer` is stopped, it ends: what is being copied then is not there.
///
/// # Errors
/// `unavailable`, also if it was stopped: run it again.
pub async fn copy_all(
    db: &Db,
    from: &Storage,
    to: &Storage,
    transfer: &Transfer,
    mut progress: impl FnMut(&Moved),
    mut lost: impl FnMut(&str),
) -> Result<Moved> {
    let chunks = db.list_all_chunks().await?;
    let mut moved = Moved { total: db.count_blobs().await? + chunks.len() as u64, ..Moved::default() };
    let mut after = String::new();
    loop {
        let blobs = db.list_blobs(&after, PAGE).await?;
        let Some(last) = blobs.last() else { break };
        after.clone_from(&last.hash);
        for blob in &blobs {
            let outcome = copy(from, to, transfer, &blob_key(&blob.hash), blob.bytes, Some(&blob.hash)).await?;
            // It may have left since the row was read.
            if outcome == Copied::Lost && db.blob_stays(&blob.hash).await? {
                lost(blob_key(&blob.hash).as_ref());
                moved.missing += 1;
            }
            moved.count(outcome, blob.bytes);
            progress(&moved);
        }
    }
    for (upload, start, bytes) in chunks {
        let outcome = copy(from, to, transfer, &chunk_key(&upload, start), bytes, None).await?;
        moved.count(outcome, bytes);
        progress(&moved);
    }
    Ok(moved)
}

impl Moved {
    fn count(&mut self, outcome: Copied, bytes: i64) {
        match outcome {
            Copied::Now => {
                self.copied += 1;
                self.bytes += u64::try_from(bytes).unwrap_or_default();
            }
            Copied::Before => self.skipped += 1,
            Copied::Lost => self.lost += 1,
        }
    }
}

/// What became of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copied {
    Now,
    Before,
    Lost,
}

/// Copies an object, unless it is there with the same size: objects appear whole or not at all.
async fn copy(from: &Storage, to: &Storage, transfer: &Transfer, key: &Path, bytes: i64, hash: Option<&str>) -> Result<Copied> {
    let size = u64::try_from(bytes).unwrap_or_default();
    let reading = async {
        if to.size(key).await? == Some(size) {
            return Ok(Err(Copied::Before));
        }
        let file = to.temporary_file()?;
        let mut target = tokio::fs::File::from_std(file.reopen()?);
        let mut source = match from.read(key, None).await {
            Err(StorageError::Missing(_)) => return Ok(Err(Copied::Lost)),
            source => source?,
        };
        while let Some(piece) = source.try_next().await? {
            target.write_all(&piece).await?;
        }
        target.flush().await?;
        Ok::<_, StorageError>(Ok(file))
    };
    let file = match transfer.unless_stopped(reading).await.unwrap_or(Err(StorageError::Interrupted))? {
        Ok(file) => file,
        Err(outcome) => return Ok(outcome),
    };
    let path = file.path().to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash_of_file(&path)).await;
    let (found, length) = hashed.map_err(|error| Error::Internal(error.to_string()))?.map_err(StorageError::from)?;
    if length != bytes || hash.is_some_and(|hash| hash != found) {
        return Ok(Copied::Lost);
    }
    to.put_watched(key, file.path(), size, transfer).await?;
    Ok(Copied::Now)
}
