//! Makes a backup of a database that may be in use.
//!
//! Owns the order: a snapshot, all rows, then the files that the snapshot refers to. Memory is bounded: rows go into the archive a few
//! megabytes at a time, and of files only hashes and sizes are kept.

use std::fs::File;
use std::io;

use futures_util::TryStreamExt;
use serde::Serialize;

use super::format::{FORMAT, Header, Manifest, ROWS, VERSION, file_member, rows_member};
use super::place::Draft;
use super::transfer::watched;
use super::writer::Writer;
use super::{BackupError, Progress, Watch};
use crate::clock::{Clock, Millis};
use crate::config::{Config, Place};
use crate::db::backup::{KEPT, Snapshot, StoredBlob, Table};
use crate::db::latest_migration;
use crate::encoding::{from_hex, hex};
use crate::files::storage::{Storage, StorageError, blob_key};
use crate::files::transfer::Transfer;

/// A backup that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// Where it is.
    pub to: String,
    /// Its size.
    pub bytes: u64,
    /// The moment whose state it holds.
    pub created_at: Millis,
    /// How many rows are in it.
    pub rows: u64,
    /// How many files are in it.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// The files that are not in it, or damaged, each with the reason.
    pub left_out: Vec<String>,
}

/// Makes a backup of the database of these settings; with `files`, of the files that people sent, too.
///
/// # Errors
/// Then nothing is at the place.
pub async fn make(config: &Config, to: &Place, files: bool, clock: &Clock, watch: Watch<'_>) -> Result<Made, BackupError> {
    let storage = match (&config.files_url, files) {
        (_, false) => None,
        (None, true) => return Err(BackupError::NoStorage),
        (Some(url), true) => Some(
            Storage::open(url, config)
                .map_err(|problem| BackupError::at("FILES_URL", problem.trim_start_matches("FILES_URL: ")))?,
        ),
    };
    let created_at = clock.now();
    let mut snapshot = Snapshot::take(&config.database_url).await?;
    let (found, needed) = (snapshot.migration(), latest_migration());
    if found != needed {
        return Err(BackupError::Migration { found, needed });
    }
    let draft = to.begin(config, created_at, watch).await?;
    let header = Header {
        format: FORMAT.into(),
        version: VERSION,
        parlor: env!("CARGO_PKG_VERSION").into(),
        migration: found,
        database: snapshot.kind().into(),
        created_at,
        epoch: snapshot.epoch().to_owned(),
        has_files: files,
        tables: KEPT.iter().map(|table| (table.name.to_owned(), snapshot.columns(table))).collect(),
        sequences: snapshot.sequences().await?,
    };
    let mut making = Making::begin(&draft, &header).await?;
    let (rows, blobs) = making.rows(&mut snapshot, files, watch).await?;
    // The database may forget what was deleted since.
    snapshot.end().await?;
    if let Some(storage) = &storage {
        making.files(&mut snapshot, storage, &blobs, watch).await?;
    }
    let Making { writer, manifest, left_out, .. } = making;
    let (files, file_bytes) = (manifest.files, manifest.file_bytes);
    let writer = writer.ok_or_else(lost)?;
    let finished = tokio::task::spawn_blocking(move || writer.finish(manifest)).await?;
    finished.map_err(|error| BackupError::at(&draft.place, error))?;
    let to = draft.place.to_string();
    let bytes = draft.put(watch).await?;
    Ok(Made { to, bytes, created_at, rows, files, file_bytes, left_out })
}

/// A blob in 40 bytes: there may be millions.
struct Small {
    hash: [u8; 32],
    bytes: u64,
}

/// An archive on its way.
struct Making {
    /// Given to a thread that may block, and back.
    writer: Option<Writer>,
    manifest: Manifest,
    left_out: Vec<String>,
    place: Place,
}

/// The writer is with a thread only while it is waited for.
fn lost() -> BackupError {
    BackupError::Internal("the archive was given up".into())
}

impl Making {
    async fn begin(draft: &Draft, header: &Header) -> Result<Self, BackupError> {
        let (file, header, place) = (draft.file()?, header.clone(), draft.place.clone());
        let begun = tokio::task::spawn_blocking(move || Writer::begin(file, &header)).await?;
        let writer = Some(begun.map_err(|error| BackupError::at(&place, error))?);
        Ok(Self { writer, manifest: Manifest::default(), left_out: Vec::new(), place })
    }

    /// Does something with the writer on a thread that may block.
    async fn write<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BackupError> {
        let mut writer = self.writer.take().ok_or_else(lost)?;
        let (writer, done) = tokio::task::spawn_blocking(move || {
            let done = work(&mut writer);
            (writer, done)
        })
        .await?;
        self.writer = Some(writer);
        done.map_err(|error| BackupError::at(&self.place, error))
    }

    /// Writes all tables; returns the number of rows and, if they are wanted, the blobs.
    async fn rows(&mut self, snapshot: &mut Snapshot, files: bool, watch: Watch<'_>) -> Result<(u64, Vec<Small>), BackupError> {
        let mut total = 0;
        for table in &KEPT {
            total += snapshot.count(table).await?;
        }
        let mut done = 0;
        for table in &KEPT {
            self.table(snapshot, table, &mut |rows| {
                done += rows;
                watch(Progress { what: "rows", done, total, is_bytes: false })
            })
            .await?;
        }
        let mut blobs = Vec::new();
        if files {
            let mut all = snapshot.blobs();
            while let Some(StoredBlob { hash, bytes }) = all.try_next().await? {
                let hash = from_hex(&hash).and_then(|hash| hash.try_into().ok());
                blobs.extend(hash.map(|hash| Small { hash, bytes }));
            }
        }
        Ok((done, blobs))
    }

    async fn table(
        &mut self,
        snapshot: &mut Snapshot,
        table: &'static Table,
        goes_on: &mut (dyn FnMut(u64) -> bool + Send),
    ) -> Result<(), BackupError> {
        let mut rows = snapshot.rows(table);
        let (mut number, mut all) = (0, 0);
        loop {
            let (mut piece, mut read) = (Vec::new(), 0);
            while piece.len() < ROWS
                && let Some(row) = rows.try_next().await?
            {
                piece.extend_from_slice(row.as_bytes());
                piece.push(b'\n');
                read += 1;
            }
            if read == 0 {
                break;
            }
            number += 1;
            all += read;
            let name = rows_member(table.name, number);
            self.write(move |writer| writer.add(&name, &piece)).await?;
            if !goes_on(read) {
                return Err(BackupError::Interrupted);
            }
        }
        self.manifest.rows.insert(table.name.to_owned(), all);
        Ok(())
    }

    async fn files(
        &mut self,
        snapshot: &mut Snapshot,
        storage: &Storage,
        blobs: &[Small],
        watch: Watch<'_>,
    ) -> Result<(), BackupError> {
        let total = blobs.iter().map(|blob| blob.bytes).sum();
        let mut done = 0;
        for Small { hash, bytes } in blobs {
            let hash = hex(hash);
            let mut goes_on = |copied: u64| {
                let done = done + copied.min(*bytes);
                watch(Progress { what: "files", done, total, is_bytes: true })
            };
            if let Some(why) = self.file(storage, &hash, *bytes, &mut goes_on).await? {
                // What was deleted since the snapshot is told apart from what was lost.
                let why = if snapshot.is_used(&hash).await? { why } else { "was deleted meanwhile" };
                self.left_out.push(format!("{} {why}", blob_key(&hash)));
                self.manifest.left_out.push(hash);
            }
            done += bytes;
            if !watch(Progress { what: "files", done, total, is_bytes: true }) {
                return Err(BackupError::Interrupted);
            }
        }
        Ok(())
    }

    /// Adds a file, or says why it cannot be trusted.
    async fn file(
        &mut self,
        storage: &Storage,
        hash: &str,
        bytes: u64,
        goes_on: &mut (dyn FnMut(u64) -> bool + Send),
    ) -> Result<Option<&'static str>, BackupError> {
        let failed = |error: StorageError| BackupError::at("FILES_URL", error);
        let (key, transfer) = (blob_key(hash), Transfer::default());
        let asking = transfer.unless_stopped(storage.size(&key));
        match watched(&transfer, goes_on, asking).await?.unwrap_or(Err(StorageError::Interrupted)).map_err(failed)? {
            None => return Ok(Some("is missing")),
            Some(size) if size != bytes => return Ok(Some("has another size")),
            Some(_) => {}
        }
        let source = match watched(&transfer, goes_on, open(storage, &key, &transfer)).await? {
            Ok(source) => source,
            Err(StorageError::Missing(_)) => return Ok(Some("is missing")),
            Err(error) => return Err(failed(error)),
        };
        let name = file_member(hash);
        let found = self.write(move |writer| writer.add_file(&name, source, bytes)).await?;
        self.manifest.files += 1;
        self.manifest.file_bytes += bytes;
        Ok((found != hash).then_some("is damaged"))
    }
}

/// Opens an object as a file: the one in the directory, or a copy that is deleted when it is closed.
async fn open(storage: &Storage, key: &object_store::path::Path, transfer: &Transfer) -> Result<File, StorageError> {
    if let Some(folder) = storage.folder() {
        let path = folder.join(key.as_ref());
        let opened = tokio::task::spawn_blocking(move || File::open(path)).await;
        return match opened.map_err(|error| StorageError::Failed(error.to_string()))? {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StorageError::Missing(key.to_string())),
            opened => Ok(opened?),
        };
    }
    let file = tempfile::tempfile()?;
    storage.fetch_watched(key, &file, transfer).await?;
    io::Seek::rewind(&mut &file)?;
    Ok(file)
}
