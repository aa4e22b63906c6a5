//! Compares the database with the storage: what is missing, and what nothing knows of.
//!
//! Owns the comparison, for `parlor files check`. A server may run meanwhile: what it is writing at that moment is no finding.

use std::fmt;

use futures_util::TryStreamExt;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use super::storage::{Storage, blob_key, chunk_key};
use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::encoding::hex;
use crate::error::Result;

/// How many rows are read at once.
const PAGE: i64 = 1000;
/// What is younger may be in use by a server, in milliseconds.
const YOUNG: i64 = 60 * 60 * 1000;

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The database knows it, and it is not there.
    Missing(String),
    /// Its size or its content is not what the database says.
    Damaged(String),
    /// It is there, and nothing knows of it.
    Stray(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, object) = match self {
            Self::Missing(object) => ("missing", object),
            Self::Damaged(object) => ("damaged", object),
            Self::Stray(object) => ("stray", object),
        };
        write!(f, "{what} {object}")
    }
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depth {
    /// Reads every object and compares its content with its name.
    pub content: bool,
    /// Deletes what nothing knows of.
    pub delete_strays: bool,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Objects of the database.
    pub known: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Checks everything; `found` is told of each finding, and `progress` of how many objects of how many were looked at. It can be dropped at any
/// moment.
///
/// # Errors
/// `unavailable`: then the rest was not looked at.
pub async fn check(
    db: &Db,
    storage: &Storage,
    clock: &Clock,
    depth: Depth,
    mut found: impl FnMut(&Finding),
    mut progress: impl FnMut(u64, u64),
) -> Result<Checked> {
    let chunks = db.list_all_chunks().await?;
    let total = db.count_blobs().await? + chunks.len() as u64;
    let mut checked = Checked::default();
    let mut after = String::new();
    loop {
        let blobs = db.list_blobs(&after, PAGE).await?;
        let Some(last) = blobs.last() else { break };
        after.clone_from(&last.hash);
        for blob in &blobs {
            let key = blob_key(&blob.hash);
            let bytes = u64::try_from(blob.bytes).unwrap_or_default();
            let hash = depth.content.then_some(&*blob.hash);
            match state(storage, &key, bytes, hash).await? {
                // It may have left since the row was read, or is about to be put.
                Some(finding) if db.blob_stays(&blob.hash).await? => found(&finding),
                _ => {}
            }
            checked.known += 1;
            checked.bytes += bytes;
            progress(checked.known, total);
        }
    }
    for (upload, start, bytes) in chunks {
        let key = chunk_key(&upload, start);
        let finding = state(storage, &key, u64::try_from(bytes).unwrap_or_default(), None).await?;
        if let Some(finding) = finding
            && db.list_chunks(&upload).await?.iter().any(|(there, _)| *there == start)
        {
            found(&finding);
        }
        checked.known += 1;
        progress(checked.known, total);
    }
    find_strays(db, storage, clock.now(), depth, &mut found).await?;
    Ok(checked)
}

/// What is wrong with an object, if something is.
async fn state(storage: &Storage, key: &Path, bytes: u64, hash: Option<&str>) -> Result<Option<Finding>> {
    let name = key.to_string();
    match storage.size(key).await? {
        None => return Ok(Some(Finding::Missing(name))),
        Some(size) if size != bytes => return Ok(Some(Finding::Damaged(name))),
        Some(_) => {}
    }
    let Some(hash) = hash else { return Ok(None) };
    let mut digest = Sha256::new();
    let mut content = storage.read(key, None).await?;
    while let Some(piece) = content.try_next().await.map_err(super::storage::StorageError::from)? {
        digest.update(&piece);
    }
    Ok((hex(&digest.finalize()) != hash).then_some(Finding::Damaged(name)))
}

async fn find_strays(db: &Db, storage: &Storage, now: Millis, depth: Depth, found: &mut impl FnMut(&Finding)) -> Result<()> {
    for folder in ["blobs", "uploads"] {
        let mut objects = storage.list(&Path::from(folder));
        while let Some(object) = objects.try_next().await? {
            if object.modified_at.plus(YOUNG) > now || is_known(db, &object.key).await? {
                continue;
            }
            found(&Finding::Stray(object.key.to_string()));
            if depth.delete_strays {
                storage.delete(&object.key).await?;
            }
        }
    }
    Ok(())
}

/// Whether the database knows an object.
async fn is_known(db: &Db, key: &Path) -> Result<bool> {
    let parts: Vec<String> = key.parts().map(|part| part.as_ref().to_owned()).collect();
    Ok(match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["blobs", _, hash] => db.has_blob(hash).await?,
        // A part whose row was never written goes with its upload.
        ["uploads", upload, _] => db.has_open_upload(upload).await?,
        _ => false,
    })
}
