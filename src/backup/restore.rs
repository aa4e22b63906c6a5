//! Puts a backup into an empty database and into the storage of files.
//!
//! Owns that it is all or nothing: rows are one transaction, which is committed once the archive was read to its end and found whole; files
//! that were put before an error are deleted again; after an interruption they stay, and the next run does not put them again. Newer
//! migrations follow the commit: if they fail, everything stays, and they can be run again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::format::{Header, Manifest};
use super::reader::{Part, read};
use super::transfer::watched;
use super::{BackupError, Progress, Watch};
use crate::clock::{Clock, Millis};
use crate::config::{Config, Place};
use crate::db::backup::{KEPT, Loader};
use crate::db::{Db, Purpose, latest_migration};
use crate::encoding::random_hex;
use crate::files::storage::{Storage, StorageError, blob_key};
use crate::files::storing::hash_of_file;
use crate::files::transfer::Transfer;

/// A backup that was restored.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// Where it came from.
    pub from: String,
    /// The moment whose state it holds.
    pub created_at: Millis,
    /// The version of Parlor that made it.
    pub made_by: String,
    /// The kind of database that it was made of.
    pub database: String,
    /// How many rows were restored.
    pub rows: u64,
    /// Whether files are in it.
    pub has_files: bool,
    /// How many files were restored.
    pub files: u64,
    /// How many of them were in the storage already, such as from a run that was interrupted.
    pub files_already: u64,
    /// The id of the new history: clients begin afresh.
    pub epoch: String,
    /// The files that were not restored, each with the reason.
    pub left_out: Vec<String>,
}

/// Restores a backup into the database and the storage of these settings. The database must be empty.
///
/// # Errors
/// `Unfinished`: everything is there, and `Db::migrate` and `Db::ensure` are to be repeated. Otherwise the database is empty still, and no file
/// was added; after `Interrupted`, those that had been put stay.
pub async fn restore(config: &Config, from: &Place, clock: &Clock, watch: Watch<'_>) -> Result<Restored, BackupError> {
    let is_new = !sqlite_file(&config.database_url).is_some_and(|path| path.exists());
    let error = match load(config, from, true, clock, watch).await {
        Ok((restored, db)) => {
            db.close().await;
            return Ok(restored);
        }
        Err(error @ BackupError::Unfinished(_)) => return Err(error),
        Err(error) => error,
    };
    if is_new && let Some(path) = sqlite_file(&config.database_url) {
        for end in ["", "-wal", "-shm", ".lock"] {
            let mut name = path.clone().into_os_string();
            name.push(end);
            std::fs::remove_file(PathBuf::from(name)).ok();
        }
    }
    Err(error)
}

fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok()).flatten()?;
    Some(options.get_filename().to_owned())
}

/// Restores a backup; `stores` says whether its files are put into the storage, or only compared with their checksums. Returns the open
/// database.
pub(super) async fn load(
    config: &Config,
    from: &Place,
    stores: bool,
    clock: &Clock,
    watch: Watch<'_>,
) -> Result<(Restored, Db), BackupError> {
    let (source, place) = from.open(config, clock.now(), watch).await?;
    let size = source.metadata().map_err(|error| BackupError::at(&place, error))?.len();
    let storage = match &config.files_url {
        Some(url) if stores => Some(
            Storage::open(url, config)
                .map_err(|problem| BackupError::at("FILES_URL", problem.trim_start_matches("FILES_URL: ")))?,
        ),
        _ => None,
    };
    let position = Arc::new(AtomicU64::new(0));
    // A part is a few megabytes, or a file on the disk.
    let (send, mut parts) = mpsc::channel(2);
    let temporary = storage.as_ref().map(|storage| storage.temporary_folder().to_owned());
    let counted = position.clone();
    let reading = tokio::task::spawn_blocking(move || read(source, temporary, counted, &send));
    let Some(Part::Header(header)) = parts.recv().await else {
        reading.await??;
        return Err(BackupError::Internal("the archive has no header".into()));
    };
    if header.migration > latest_migration() {
        return Err(BackupError::Newer(header.parlor));
    }
    let db = open(config, &header).await?;
    let mut loading = Loading {
        loader: Some(begin(&db, &header).await?),
        storage,
        added: Vec::new(),
        rows: 0,
        files: 0,
        files_already: 0,
        manifest: None,
    };
    let mut goes_on = |_| watch(Progress { what: "backup", done: position.load(Ordering::Relaxed), total: size, is_bytes: true });
    let loaded = async {
        while let Some(part) = parts.recv().await {
            loading.take(part, &mut goes_on).await?;
            if !goes_on(0) {
                return Err(BackupError::Interrupted);
            }
        }
        reading.await??;
        loading.commit(&header, clock.now()).await
    }
    .await;
    drop(parts);
    let epoch = match loaded {
        Ok(epoch) => epoch,
        Err(error) => {
            loading.undo(matches!(error, BackupError::Interrupted)).await;
            db.close().await;
            return Err(error);
        }
    };
    if let Err(error) = bring_up_to_date(&db, clock).await {
        db.close().await;
        return Err(BackupError::Unfinished(Box::new(error)));
    }
    let Loading { storage, rows, files, files_already, manifest, .. } = loading;
    let manifest = manifest.unwrap_or_default();
    let mut left_out: Vec<_> = manifest
        .left_out
        .iter()
        .map(|hash| format!("{} was missing or damaged when the backup was made", blob_key(hash)))
        .collect();
    if stores && storage.is_none() && manifest.files > 0 {
        left_out.push(format!("all {} files, because this server has no storage for files (FILES_URL)", manifest.files));
    }
    let Header { created_at, parlor, database, has_files, .. } = *header;
    let from = place.to_string();
    Ok((Restored { from, created_at, made_by: parlor, database, rows, has_files, files, files_already, epoch, left_out }, db))
}

/// Opens the database, sees that it is empty, and migrates it to where the backup's was.
async fn open(config: &Config, header: &Header) -> Result<Db, BackupError> {
    let db = Db::open_with(&config.database_url, config.database_connections, Purpose::Serve, config.checkpoints).await?;
    let prepared = async {
        db.check_empty().await?;
        db.migrate_to(header.migration).await.map_err(BackupError::from)
    };
    match prepared.await {
        Ok(()) => Ok(db),
        Err(error) => {
            db.close().await;
            Err(error)
        }
    }
}

/// Does what the start of a server does with a database of an earlier version.
async fn bring_up_to_date(db: &Db, clock: &Clock) -> Result<(), BackupError> {
    db.migrate().await?;
    // The search index is built by the next start, or by whoever has this database now.
    db.ensure(clock.now()).await?;
    Ok(())
}

async fn begin(db: &Db, header: &Header) -> Result<Loader, BackupError> {
    let loader = db.begin_loading().await?;
    let nothing = Vec::new();
    for table in &KEPT {
        loader.check_columns(table, header.tables.get(table.name).unwrap_or(&nothing))?;
    }
    Ok(loader)
}

/// Whether a file is in the storage as it should be. One in a directory is read; of an object, which appears whole or not at all, the size tells.
/// What is there and is something else is deleted.
async fn is_there(storage: &Storage, hash: &str, bytes: u64) -> Result<bool, StorageError> {
    let key = blob_key(hash);
    let Some(size) = storage.size(&key).await? else { return Ok(false) };
    let mut is_same = size == bytes;
    if let Some(folder) = storage.folder().filter(|_| is_same) {
        let path = folder.join(key.as_ref());
        let read = tokio::task::spawn_blocking(move || hash_of_file(&path)).await;
        is_same = read.map_err(|error| StorageError::Failed(error.to_string()))??.0 == hash;
    }
    if !is_same {
        storage.delete(&key).await?;
    }
    Ok(is_same)
}

/// A backup on its way into a database.
struct Loading {
    loader: Option<Loader>,
    storage: Option<Storage>,
    /// The hashes of files that were not there before.
    added: Vec<String>,
    rows: u64,
    files: u64,
    files_already: u64,
    manifest: Option<Manifest>,
}

impl Loading {
    async fn take(&mut self, part: Part, goes_on: &mut (dyn FnMut(u64) -> bool + Send)) -> Result<(), BackupError> {
        match part {
            Part::Rows { table, rows } => {
                let loader = self.loader.as_mut().ok_or_else(|| BackupError::Internal("there is no transaction".into()))?;
                self.rows += loader.add(table, rows).await?;
            }
            Part::File { hash, bytes, content: Some(content) } => self.store(hash, bytes, content, goes_on).await?,
            Part::File { content: None, .. } => self.files += 1,
            Part::Manifest(manifest) => self.manifest = Some(*manifest),
            // The manifest tells whether it is left out, or the backup is damaged.
            Part::Header(_) | Part::Unsound { .. } => {}
        }
        Ok(())
    }

    async fn store(
        &mut self,
        hash: String,
        bytes: u64,
        content: NamedTempFile,
        goes_on: &mut (dyn FnMut(u64) -> bool + Send),
    ) -> Result<(), BackupError> {
        let Some(storage) = &self.storage else { return Ok(()) };
        let failed = |error: StorageError| BackupError::at("FILES_URL", error);
        let (key, transfer) = (blob_key(&hash), Transfer::default());
        let looking = transfer.unless_stopped(is_there(storage, &hash, bytes));
        if watched(&transfer, goes_on, looking).await?.unwrap_or(Err(StorageError::Interrupted)).map_err(failed)? {
            self.files_already += 1;
        } else {
            self.added.push(hash);
            let putting = storage.put_watched(&key, content.path(), bytes, &transfer);
            watched(&transfer, goes_on, putting).await?.map_err(failed)?;
        }
        self.files += 1;
        Ok(())
    }

    /// Commits the rows with a new history; returns its id.
    async fn commit(&mut self, header: &Header, now: Millis) -> Result<String, BackupError> {
        let epoch = random_hex();
        let sequences: BTreeMap<_, _> = header.sequences.clone();
        let loader = self.loader.take().ok_or_else(|| BackupError::Internal("there is no transaction".into()))?;
        loader.commit(&sequences, &epoch, now).await?;
        Ok(epoch)
    }

    /// Lets go of the rows, which were never committed, and deletes the files that were added, unless the same backup is likely to be restored
    /// again: then they need not be copied once more.
    async fn undo(&mut self, is_interrupted: bool) {
        self.loader = None;
        let Some(storage) = self.storage.as_ref().filter(|_| !is_interrupted) else { return };
        for hash in &self.added {
            if let Err(error) = storage.delete(&blob_key(hash)).await {
                tracing::warn!(%error, "a file of a backup that could not be restored stays; parlor files check finds it");
            }
        }
    }
}
