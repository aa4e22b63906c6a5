//! Makes a backup of a database that may be in use, and goes on with one that did not come to its end.
//!
//! Owns the order: a snapshot, all rows, then the files that the snapshot refers to. The rows are one moment's, and all of them are written
//! before anything is kept; files never change, so those that are missing can be added at any later time. Memory is bounded: rows go into the
//! archive a few megabytes at a time, and of files only hashes and sizes are kept.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use serde::Serialize;

use super::begun::{Begun, Origin, Small, read};
use super::draft::Draft;
use super::format::{FORMAT, Header, Manifest, PIECE, ROWS, VERSION, file_member, rows_member};
use super::transfer::{UntilStopped, scratch, watched};
use super::writer::Writer;
use super::{BackupError, Progress, Watch};
use crate::clock::{Clock, Millis};
use crate::config::{Config, Place};
use crate::db::backup::{KEPT, Snapshot, StoredBlob, Table};
use crate::db::latest_migration;
use crate::encoding::hex;
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
    /// How many of them were in the draft that it goes on with.
    pub files_already: u64,
    /// The files that are not in it, or damaged, each with the reason.
    pub left_out: Vec<String>,
}

/// What becomes of a backup with files that does not come to its end, once all rows are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// [`resume`] goes on with it.
    Kept,
    /// The next one begins anew.
    Deleted,
}

/// Makes a backup of the database of these settings; with `files`, of the files that people sent, too.
///
/// # Errors
/// Then nothing is at the place. `Kept`, if there is something to go on with.
pub async fn make(
    config: &Config,
    to: &Place,
    files: bool,
    leftover: Leftover,
    clock: &Clock,
    watch: Watch<'_>,
) -> Result<Made, BackupError> {
    let storage = if files { Some(storage(config)?) } else { None };
    let created_at = clock.now();
    let mut snapshot = take(config).await?;
    let draft = to.begin(config, created_at, watch).await?;
    let header = Header {
        format: FORMAT.into(),
        version: VERSION,
        parlor: env!("CARGO_PKG_VERSION").into(),
        migration: snapshot.migration(),
        database: snapshot.kind().into(),
        created_at,
        epoch: snapshot.epoch().to_owned(),
        has_files: files,
        tables: KEPT.iter().map(|table| (table.name.to_owned(), snapshot.columns(table))).collect(),
        sequences: snapshot.sequences().await?,
    };
    let mut making = Making::begin(draft, &header).await?;
    let wanted = making.rows(&mut snapshot, files, watch).await?;
    // The database may forget what was deleted since.
    snapshot.end().await?;
    if files && leftover == Leftover::Kept {
        making.draft.keep();
    }
    making.complete(snapshot, storage.as_ref(), &wanted, watch).await
}

/// Goes on with the draft of a backup with files that is at a place. The backup holds the state of the moment when it was begun.
///
/// # Errors
/// Then no backup of it is at the place, and the draft stays. `Kept`, if it can be gone on with.
pub async fn resume(config: &Config, to: &Place, watch: Watch<'_>) -> Result<Made, BackupError> {
    let storage = storage(config)?;
    let mut snapshot = take(config).await?;
    // What is asked of the database is what it has now.
    snapshot.end().await?;
    let draft = to.take_draft(config, watch).await?;
    let of = Origin { epoch: snapshot.epoch().to_owned(), migration: snapshot.migration() };
    let begun = look_into(&draft, of, watch).await?;
    let (making, wanted) = Making::go_on(draft, begun)?;
    making.complete(snapshot, Some(&storage), &wanted, watch).await
}

fn storage(config: &Config) -> Result<Storage, BackupError> {
    let url = config.files_url.as_ref().ok_or(BackupError::NoStorage)?;
    let wrong = |problem: String| BackupError::at("FILES_URL", problem.trim_start_matches("FILES_URL: "));
    Storage::existing(url, config).map_err(wrong)?.ok_or(BackupError::NoFolder)
}

/// A snapshot of a database that is as this program knows it.
async fn take(config: &Config) -> Result<Snapshot, BackupError> {
    let snapshot = Snapshot::take(&config.database_url).await?;
    let (found, needed) = (snapshot.migration(), latest_migration());
    if found == needed { Ok(snapshot) } else { Err(BackupError::Migration { found, needed }) }
}

/// Reads what is in a draft.
async fn look_into(draft: &Draft, of: Origin, watch: Watch<'_>) -> Result<Begun, BackupError> {
    let (file, total) = draft.file()?;
    let (position, transfer) = (Arc::new(AtomicU64::new(0)), Arc::new(Transfer::default()));
    let (counted, stopped) = (position.clone(), transfer.clone());
    let reading = tokio::task::spawn_blocking(move || read(file, &of, counted, stopped));
    let mut goes_on = |_| watch(Progress { what: "draft", done: position.load(Ordering::Relaxed), total, is_bytes: true });
    let read = watched(&transfer, &mut goes_on, reading).await.map_err(|error| error.kept(draft.kept_at()))?;
    read?.map_err(|error| match error {
        BackupError::Damaged(_) | BackupError::Foreign(_) | BackupError::Newer(_) => {
            draft.failed(format!("{error}. Delete it, and begin anew"))
        }
        BackupError::Stranger => draft.failed(error),
        error => error,
    })
}

/// An archive on its way.
struct Making {
    draft: Draft,
    /// Given to a thread that may block, and back.
    writer: Option<Writer>,
    /// Whether nothing is to be written any more.
    is_complete: bool,
    created_at: Millis,
    manifest: Manifest,
    files_already: u64,
    left_out: Vec<String>,
}

/// Why a file that is in the archive is told of.
const DAMAGED: &str = "is damaged";

/// The writer is with a thread only while it is waited for.
fn lost() -> BackupError {
    BackupError::Internal("the archive was given up".into())
}

impl Making {
    async fn begin(draft: Draft, header: &Header) -> Result<Self, BackupError> {
        let (file, room, header, created_at) = (draft.cut(0)?, draft.room(), header.clone(), header.created_at);
        let begun = tokio::task::spawn_blocking(move || Writer::begin(file, room, &header)).await?;
        let writer = Some(begun.map_err(|error| BackupError::at(&draft.place, error))?);
        let (manifest, left_out) = (Manifest::default(), Vec::new());
        Ok(Self { draft, writer, is_complete: false, created_at, manifest, files_already: 0, left_out })
    }

    /// Goes on with a draft; returns the files that are not in it, too.
    fn go_on(draft: Draft, begun: Begun) -> Result<(Self, Vec<Small>), BackupError> {
        let Begun { header, members, rows, wanted, files, file_bytes, unsound, end, manifest } = begun;
        let created_at = header.created_at;
        let file = draft.cut(end)?;
        let is_complete = manifest.is_some();
        let writer = (!is_complete).then(|| Writer::go_on(file, draft.room(), created_at, members));
        let begun = Manifest { members: Vec::new(), rows, files, file_bytes, left_out: unsound };
        let manifest = manifest.unwrap_or(begun);
        let why = if is_complete { "is missing or damaged" } else { DAMAGED };
        let left_out = manifest.left_out.iter().map(|hash| format!("{} {why}", blob_key(hash))).collect();
        Ok((Self { draft, writer, is_complete, created_at, manifest, files_already: files, left_out }, wanted))
    }

    /// Adds what comes behind the rows, and puts the archive into its place.
    async fn complete(
        self,
        snapshot: Snapshot,
        storage: Option<&Storage>,
        wanted: &[Small],
        watch: Watch<'_>,
    ) -> Result<Made, BackupError> {
        let kept = self.draft.kept_at();
        self.completed(snapshot, storage, wanted, watch).await.map_err(|error| error.kept(kept))
    }

    async fn completed(
        mut self,
        mut snapshot: Snapshot,
        storage: Option<&Storage>,
        wanted: &[Small],
        watch: Watch<'_>,
    ) -> Result<Made, BackupError> {
        if !self.is_complete {
            if let Some(storage) = storage
                && let Err(error) = self.files(&mut snapshot, storage, wanted, watch).await
            {
                self.save().await;
                return Err(error);
            }
            let (writer, manifest) = (self.writer.take().ok_or_else(lost)?, self.manifest.clone());
            let finished = tokio::task::spawn_blocking(move || writer.finish(manifest)).await?;
            finished.map_err(|error| BackupError::at(&self.draft.place, error))?;
        }
        let Self { draft, created_at, manifest, files_already, left_out, .. } = self;
        let Manifest { rows, files, file_bytes, .. } = manifest;
        let to = draft.place.to_string();
        let bytes = draft.put(watch).await?;
        Ok(Made { to, bytes, created_at, rows: rows.into_values().sum(), files, file_bytes, files_already, left_out })
    }

    /// Ends the piece, so that whoever goes on has the files in it; if that fails, they are added again. What is half-written is cut off: it is
    /// worth nothing, and takes room, maybe all there is.
    async fn save(&mut self) {
        self.write(Writer::end_piece).await.ok();
        if let Some(end) = self.writer.as_ref().and_then(Writer::safe) {
            self.draft.cut(end).ok();
        }
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
        done.map_err(|error| BackupError::at(&self.draft.place, error))
    }

    /// Writes all tables, which are safe then; returns the blobs, if they are wanted.
    async fn rows(&mut self, snapshot: &mut Snapshot, files: bool, watch: Watch<'_>) -> Result<Vec<Small>, BackupError> {
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
                blobs.extend(Small::of(&hash, bytes));
            }
        }
        self.write(Writer::end_piece).await?;
        Ok(blobs)
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
        let mut done = self.manifest.file_bytes;
        let total = done + blobs.iter().map(|blob| blob.bytes).sum::<u64>();
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
        let (key, transfer) = (blob_key(hash), Arc::new(Transfer::default()));
        let asking = transfer.unless_stopped(storage.size(&key));
        match watched(&transfer, goes_on, asking).await?.unwrap_or(Err(StorageError::Interrupted)).map_err(failed)? {
            None => return Ok(Some("is missing")),
            Some(size) if size != bytes => return Ok(Some("has another size")),
            Some(_) => {}
        }
        let source = match storage.folder() {
            Some(folder) => watched(&transfer, goes_on, open(folder.join(key.as_ref()))).await?,
            None => watched(&transfer, goes_on, fetch(storage, &key, scratch(bytes)?, &transfer)).await?,
        };
        let source = match source {
            Ok(source) => source,
            Err(StorageError::Missing(_)) => return Ok(Some("is missing")),
            Err(error) => return Err(failed(error)),
        };
        let name = file_member(hash);
        // A large one can be stopped. A small one is soon written, and would take others in its piece along.
        let stop = if bytes > PIECE { transfer.clone() } else { Arc::default() };
        let source = UntilStopped { inner: source, transfer: stop };
        let adding = self.write(move |writer| writer.add_file(&name, source, bytes));
        let found = watched(&transfer, goes_on, adding).await??;
        self.manifest.files += 1;
        self.manifest.file_bytes += bytes;
        Ok((found != hash).then_some(DAMAGED))
    }
}

/// Opens an object of the directory.
async fn open(path: PathBuf) -> Result<File, StorageError> {
    let opened = tokio::task::spawn_blocking(move || (File::open(&path), path)).await;
    match opened.map_err(|error| StorageError::Failed(error.to_string()))? {
        (Err(error), path) if error.kind() == io::ErrorKind::NotFound => Err(StorageError::Missing(path.display().to_string())),
        (opened, _) => Ok(opened?),
    }
}

/// Opens an object by a copy that is deleted when it is closed.
async fn fetch(storage: &Storage, key: &Key, copy: File, transfer: &Transfer) -> Result<File, StorageError> {
    storage.fetch_watched(key, &copy, transfer).await?;
    io::Seek::rewind(&mut &copy)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use super::*;
    use crate::files::room::Room;

    fn header() -> Header {
        Header {
            format: FORMAT.into(),
            version: VERSION,
            parlor: "0".into(),
            migration: 1,
            database: "sqlite".into(),
            created_at: Millis(0),
            epoch: "of now".into(),
            has_files: true,
            tables: BTreeMap::new(),
            sequences: BTreeMap::new(),
        }
    }

    /// A disk that fills while a large file is written has the draft as it was before.
    #[tokio::test]
    async fn what_is_half_written_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().join("monday.tar.gz"));
        let draft = place.begin(&Config::default(), Millis(0), &mut |_| true).await.unwrap();
        let mut making = Making::begin(draft, &header()).await.unwrap();
        making.write(Writer::end_piece).await.unwrap();
        making.draft.keep();
        let size = |making: &Making| making.draft.file().unwrap().1;
        let add = |bytes: u64, of: u64| {
            // Compressed, it would be nothing.
            let mut state = 1_u64;
            let noise: Vec<u8> = (0..of)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_le_bytes()[7]
                })
                .collect();
            move |writer: &mut Writer| writer.add_file(&file_member(&hex(&[1; 32])), io::Cursor::new(noise).take(of), bytes)
        };
        making.write(add(1000, 1000)).await.unwrap();
        making.save().await;
        let whole = size(&making);
        assert!(whole > 1000);
        // Its source ends early; as well it could have been stopped.
        assert!(making.write(add(PIECE + 1, 1 << 20)).await.is_err());
        making.save().await;
        assert_eq!(size(&making), whole);

        // Gone on with, on a disk of which too much is to stay free.
        let file = making.draft.cut(whole).unwrap();
        making.writer = Some(Writer::go_on(file, Room::keeping(u64::MAX, folder.path()), Millis(0), Vec::new()));
        let full = making.write(add(9 << 20, 9 << 20)).await.unwrap_err();
        assert!(full.to_string().contains("stay free for the server"), "{full}");
        assert!(size(&making) > whole);
        making.save().await;
        assert_eq!((size(&making), making.draft.kept_at().is_some()), (whole, true));
    }
}
