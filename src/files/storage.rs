//! Where bytes are: a directory, or object storage that speaks S3's protocol.
//!
//! Owns the names of objects, and that what was put is durable before `put` returns. An object is written once and never changed. It must
//! not know what the bytes are.
//!
//! | object | what |
//! |---|---|
//! | `blobs/ab/abcd…` | a blob, by the SHA-256 of its content |
//! | `uploads/ID/START` | a part of an upload that is not complete |

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};
use tempfile::{NamedTempFile, TempDir};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::transfer::Transfer;
use crate::clock::Millis;
use crate::config::{Config, FilesUrl};

/// The size of the parts in which a file is sent to S3, which takes up to 10,000 of them.
const PART: usize = 8 << 20;
/// How many parts are in memory at once.
const PARTS: usize = 4;
/// How much of a file is read at once. More is hardly faster, and the allocator keeps larger pieces for each thread.
const READ: usize = 64 << 10;
/// How long a storage has to forget what was begun there and stopped.
const TIDYING: Duration = Duration::from_secs(5);
/// The folder of files that are being written.
const TEMPORARY: &str = "tmp";
/// How the names of temporary files and folders begin: with S3 they are where those of other programs are, too.
const PREFIX: &str = ".parlor-file-";

/// Why the storage did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The object is not there.
    #[error("the object {0} is missing")]
    Missing(String),
    /// There is no room left.
    #[error("the storage is full")]
    Full,
    /// It does not take the keys, or they do not allow this.
    #[error("{0}")]
    Denied(String),
    /// It has no such bucket.
    #[error("{0}")]
    NoBucket(String),
    /// It does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// Something else.
    #[error("{0}")]
    Failed(String),
    /// Whoever waited for it wanted it to end.
    #[error("it was interrupted")]
    Interrupted,
}

impl StorageError {
    /// What is wrong, without anything that the storage says: that may quote addresses and requests at length.
    #[must_use]
    pub const fn in_short(&self) -> &'static str {
        match self {
            Self::Missing(_) => "the object or its bucket is missing",
            Self::Full => "it is full",
            Self::Denied(_) => "it refuses the keys, or they do not allow it",
            Self::NoBucket(_) => "it has no such bucket",
            Self::Unreachable(_) => "it cannot be reached",
            Self::Failed(_) => "it does not do what was asked",
            Self::Interrupted => "it was interrupted",
        }
    }
}

impl From<object_store::Error> for StorageError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        let text = error.to_string();
        // Where a status is lost, as of a list, it is in the text.
        let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        match &error {
            NotFound { path, .. } => Self::Missing(path.clone()),
            PermissionDenied { .. } | Unauthenticated { .. } => Self::Denied(text),
            _ if is_full(&error) => Self::Full,
            _ if caused_by::<object_store::client::HttpError>(&error).is_some() => Self::Unreachable(text),
            _ if says(&["status code: 401", "status code: 403"]) => Self::Denied(text),
            _ if says(&["<Code>NoSuchBucket</Code>"]) => Self::NoBucket(text),
            _ => Self::Failed(text),
        }
    }
}

impl From<io::Error> for StorageError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Whether an error says that a disk is full.
fn is_full(error: &object_store::Error) -> bool {
    caused_by::<io::Error>(error)
        .is_some_and(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

/// The cause of an error that is of this kind, however deep.
fn caused_by<T: std::error::Error + 'static>(error: &object_store::Error) -> Option<&T> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// An object in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub key: Path,
    /// When it was put.
    pub modified_at: Millis,
}

/// The storage. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    /// The folder of a storage that is one.
    folder: Option<PathBuf>,
    /// Where files are written before they are put.
    temporary: PathBuf,
    parts: Arc<Semaphore>,
}

impl Storage {
    /// Opens the storage of these settings. A directory is made if it is missing.
    ///
    /// # Errors
    /// What is wrong, for the person who starts Parlor.
    pub fn open(url: &FilesUrl, config: &Config) -> Result<Self, String> {
        let parts = Arc::new(Semaphore::new(PARTS));
        match url {
            FilesUrl::Directory(folder) => {
                let failed = |error: io::Error| format!("FILES_URL: can’t use {}: {error}", folder.display());
                private_folder(folder).map_err(failed)?;
                let folder = folder.canonicalize().map_err(failed)?;
                let temporary = folder.join(TEMPORARY);
                private_folder(&temporary).map_err(failed)?;
                let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| format!("FILES_URL: {error}"))?;
                let store = Arc::new(store.with_fsync(true).with_automatic_cleanup(true));
                Ok(Self { store, folder: Some(folder), temporary, parts })
            }
            FilesUrl::S3 { bucket, prefix } => {
                let store = s3(bucket, config)?;
                let store: Arc<dyn ObjectStore> =
                    if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix.as_str())) };
                Ok(Self { store, folder: None, temporary: std::env::temp_dir(), parts })
            }
        }
    }

    /// Opens the storage of these settings, for who reads what a server has put there; none if it is a directory that is missing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(url: &FilesUrl, config: &Config) -> Result<Option<Self>, String> {
        let is_missing = matches!(url, FilesUrl::Directory(folder) if !folder.exists());
        if is_missing { Ok(None) } else { Self::open(url, config).map(Some) }
    }

    /// Deletes temporary files and folders that nobody has written to for a day: whoever made them has died. Blocks.
    pub fn clear_temporary(&self) {
        const OLD: Duration = Duration::from_secs(24 * 60 * 60);
        let is_own =
            |entry: &fs::DirEntry| self.folder.is_some() || entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let entries = fs::read_dir(&self.temporary).into_iter().flatten().flatten();
        let is_old = |entry: &fs::DirEntry| {
            entry.metadata().and_then(|about| about.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD))
        };
        for path in entries.filter(is_own).filter(is_old).map(|entry| entry.path()) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if let Err(error) = removed {
                tracing::warn!(%error, "a temporary file of an earlier run stays");
            }
        }
    }

    /// A new temporary file, from which an object can be made without copying where the storage is a directory. It is deleted when it is
    /// dropped.
    ///
    /// # Errors
    /// The system's.
    pub fn temporary_file(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(PREFIX).tempfile_in(&self.temporary)
    }

    /// A new temporary folder. It is deleted when it is dropped.
    ///
    /// # Errors
    /// The system's.
    pub fn temporary_dir(&self) -> io::Result<TempDir> {
        tempfile::Builder::new().prefix(PREFIX).tempdir_in(&self.temporary)
    }

    /// Where temporary files are.
    pub fn temporary_folder(&self) -> &FilePath {
        &self.temporary
    }

    /// The folder of a storage that is one.
    pub fn folder(&self) -> Option<&FilePath> {
        self.folder.as_deref()
    }

    /// Makes an object of a file. What is there under this name already stays: it has the same content.
    pub async fn put(&self, key: &Path, file: &FilePath, bytes: u64) -> Result<(), StorageError> {
        self.put_watched(key, file, bytes, &Transfer::default()).await
    }

    /// The same, which can be stopped on the way to S3. Then no part of it stays there, and the object is there whole or not at all.
    ///
    /// # Errors
    /// `Interrupted`, if it was stopped.
    pub async fn put_watched(&self, key: &Path, file: &FilePath, bytes: u64, transfer: &Transfer) -> Result<(), StorageError> {
        if transfer.unless_stopped(self.size(key)).await.ok_or(StorageError::Interrupted)?? == Some(bytes) {
            return Ok(());
        }
        let Some(folder) = &self.folder else { return self.send(key, file, bytes, transfer).await };
        let (target, file) = (folder.join(key.as_ref()), file.to_owned());
        tokio::task::spawn_blocking(move || link(&file, &target))
            .await
            .map_err(|error| StorageError::Failed(error.to_string()))?
    }

    /// Sends a file to S3.
    async fn send(&self, key: &Path, file: &FilePath, bytes: u64, transfer: &Transfer) -> Result<(), StorageError> {
        let mut source = tokio::fs::File::open(file).await?;
        if bytes <= PART as u64 {
            let whole = async {
                let _part = self.parts.acquire().await;
                let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
                source.read_to_end(&mut content).await?;
                self.store.put(key, PutPayload::from(content)).await?;
                transfer.add(bytes);
                Ok(())
            };
            return transfer.unless_stopped(whole).await.unwrap_or(Err(StorageError::Interrupted));
        }
        let begun = transfer.unless_stopped(self.store.put_multipart(key)).await;
        let mut upload = begun.ok_or(StorageError::Interrupted)??;
        let sent = transfer.unless_stopped(self.send_parts(&mut *upload, &mut source, bytes, transfer)).await;
        let sent = sent.unwrap_or(Err(StorageError::Interrupted));
        if sent.is_err() {
            // S3 keeps parts, and takes money for them, until it is told.
            drop(tokio::time::timeout(TIDYING, upload.abort()).await);
        }
        sent
    }

    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        source: &mut tokio::fs::File,
        bytes: u64,
        transfer: &Transfer,
    ) -> Result<(), StorageError> {
        let mut left = bytes;
        while left > 0 {
            let _part = self.parts.acquire().await;
            let size = left.min(PART as u64);
            let mut content = vec![0; usize::try_from(size).unwrap_or(PART)];
            source.read_exact(&mut content).await?;
            upload.put_part(PutPayload::from(content)).await?;
            transfer.add(size);
            left -= size;
        }
        upload.complete().await?;
        Ok(())
    }

    /// The size of an object, if it is there.
    pub async fn size(&self, key: &Path) -> Result<Option<u64>, StorageError> {
        match self.store.head(key).await {
            Ok(about) => Ok(Some(about.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of an object, or a range of them. They come as they are read.
    pub async fn read(
        &self,
        key: &Path,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, StorageError> {
        if let Some(folder) = &self.folder {
            return read_file(folder.join(key.as_ref()), range).await.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => StorageError::Missing(key.to_string()),
                _ => error.into(),
            });
        }
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        Ok(self.store.get_opts(key, options).await?.into_stream().map_err(io::Error::other).boxed())
    }

    /// Writes an object behind what a file has.
    pub async fn fetch(&self, key: &Path, target: &File) -> Result<(), StorageError> {
        self.fetch_watched(key, target, &Transfer::default()).await
    }

    /// The same, which can be stopped on the way from S3: then a part of it is in the file.
    ///
    /// # Errors
    /// `Interrupted`, if it was stopped.
    pub async fn fetch_watched(&self, key: &Path, target: &File, transfer: &Transfer) -> Result<(), StorageError> {
        let mut target = target.try_clone()?;
        if let Some(folder) = &self.folder {
            // The system copies by itself, where it can.
            let source = folder.join(key.as_ref());
            let copying = tokio::task::spawn_blocking(move || {
                let mut source = File::open(source)?;
                target.seek(io::SeekFrom::End(0))?;
                io::copy(&mut source, &mut target)
            });
            return match copying.await.map_err(|error| StorageError::Failed(error.to_string()))? {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StorageError::Missing(key.to_string())),
                copied => Ok(copied.map(drop)?),
            };
        }
        let mut target = tokio::fs::File::from_std(target);
        let fetching = async {
            target.seek(io::SeekFrom::End(0)).await?;
            let mut source = self.read(key, None).await?;
            while let Some(piece) = source.try_next().await? {
                target.write_all(&piece).await?;
                transfer.add(piece.len() as u64);
            }
            target.flush().await?;
            Ok(())
        };
        transfer.unless_stopped(fetching).await.unwrap_or(Err(StorageError::Interrupted))
    }

    /// Deletes an object; it may be gone already.
    pub async fn delete(&self, key: &Path) -> Result<(), StorageError> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The names of its own objects: not of those whose names have a slash, of which there may be millions.
    ///
    /// # Errors
    /// The storage's.
    pub async fn list_top(&self) -> Result<Vec<Path>, StorageError> {
        let listed = self.store.list_with_delimiter(None).await?;
        Ok(listed.objects.into_iter().map(|object| object.location).collect())
    }

    /// All objects below `prefix`.
    pub fn list(&self, prefix: &Path) -> BoxStream<'static, Result<Listed, StorageError>> {
        let listed = self.store.list(Some(prefix));
        let about = |object: object_store::ObjectMeta| Listed {
            key: object.location,
            modified_at: Millis(object.last_modified.timestamp_millis()),
        };
        listed.map(move |object| object.map(about).map_err(Into::into)).boxed()
    }
}

/// The name of a blob's object.
pub fn blob_key(hash: &str) -> Path {
    Path::from_iter(["blobs", hash.get(..2).unwrap_or(hash), hash])
}

/// The name of a part's object. With leading zeros: they are listed in their order.
pub fn chunk_key(upload: &str, start: i64) -> Path {
    Path::from_iter(["uploads", upload, &format!("{start:015}")])
}

/// What the names of an upload's parts begin with.
pub fn chunks_prefix(upload: &str) -> Path {
    Path::from_iter(["uploads", upload])
}

fn s3(bucket: &str, config: &Config) -> Result<object_store::aws::AmazonS3, String> {
    // It has no cryptography of its own; whoever comes second is refused, and uses the first one's.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = AmazonS3Builder::new();
    for (name, value) in &config.aws {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let is_plain = config.aws.iter().any(|(name, value)| name.starts_with("AWS_ENDPOINT") && value.starts_with("http://"));
    // A whole request may take as long as it takes: a large file, or a slow reader. What hangs may not, and whoever waits is told soon.
    let patience = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(Duration::from_secs(5))
        .with_read_timeout(Duration::from_secs(60))
        .with_allow_http(is_plain);
    let retries = RetryConfig {
        backoff: BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() },
        max_retries: 3,
        retry_timeout: Duration::from_secs(20),
    };
    builder
        .with_bucket_name(bucket)
        .with_client_options(patience)
        .with_retry(retries)
        .build()
        .map_err(|error| format!("FILES_URL: {error}"))
}

/// Makes a folder that only Parlor's user can enter, if it is missing.
fn private_folder(folder: &FilePath) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes an object of a file on the same file system: durable under its new name, or not there. The file stays, so that this can be
/// repeated.
fn link(file: &FilePath, target: &FilePath) -> Result<(), StorageError> {
    let folder = target.parent().ok_or_else(|| StorageError::Failed("an object without a folder".into()))?;
    File::open(file)?.sync_all()?;
    let is_new = !folder.exists();
    // Only a second attempt can fail because a folder was empty, and therefore deleted, at that moment.
    let linked = linked(file, target, folder).or_else(|_| linked(file, target, folder));
    linked.map_err(StorageError::from)?;
    File::open(folder)?.sync_all()?;
    // The folders above it, if they may be as new as it is.
    let mut above = folder.parent().filter(|_| is_new);
    for _ in 0..2 {
        if let Some(path) = above {
            File::open(path)?.sync_all()?;
            above = path.parent();
        }
    }
    Ok(())
}

fn linked(file: &FilePath, target: &FilePath, folder: &FilePath) -> io::Result<()> {
    private_folder(folder)?;
    match fs::hard_link(file, target) {
        // Somebody else has put it; it has the same content.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A file system without links.
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            let copy = NamedTempFile::new_in(file.parent().unwrap_or(folder))?;
            fs::copy(file, copy.path())?;
            copy.as_file().sync_all()?;
            copy.persist(target).map(drop).map_err(|error| error.error)
        }
        linked => linked,
    }
}

/// The pieces of a file, or of a range of it. Opening and reading block, so they run on threads for that; a small file takes one turn.
async fn read_file(path: PathBuf, range: Option<Range<u64>>) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    let opened = tokio::task::spawn_blocking(move || {
        let file = File::open(path)?;
        let range = match range {
            Some(range) => range,
            None => 0..file.metadata()?.len(),
        };
        read_piece(file, range)
    });
    let (first, file, rest) = opened.await.map_err(io::Error::other)??;
    let first = futures_util::stream::once(async { Ok(first) });
    if rest.is_empty() {
        return Ok(first.boxed());
    }
    let rest = futures_util::stream::try_unfold((file, rest), |(file, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || read_piece(file, range)).await.map_err(io::Error::other)??;
        let (piece, file, rest) = read;
        Ok(Some((piece, (file, rest))))
    });
    Ok(first.chain(rest).boxed())
}

/// Reads the first piece of a range; returns it, the file, and the rest of the range.
fn read_piece(mut file: File, range: Range<u64>) -> io::Result<(Bytes, File, Range<u64>)> {
    let size = usize::try_from(range.end - range.start).unwrap_or(READ).min(READ);
    file.seek(io::SeekFrom::Start(range.start))?;
    // Not zeroed first.
    let mut piece = Vec::with_capacity(size);
    Read::by_ref(&mut file).take(size as u64).read_to_end(&mut piece)?;
    if piece.len() < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let rest = range.start + size as u64..range.end;
    Ok((Bytes::from(piece), file, rest))
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn in_memory(temporary: &FilePath) -> Storage {
        let parts = Arc::new(Semaphore::new(PARTS));
        Storage { store: Arc::new(InMemory::new()), folder: None, temporary: temporary.to_owned(), parts }
    }

    #[tokio::test]
    async fn its_own_objects_are_those_without_a_slash() {
        let place = tempfile::tempdir().unwrap();
        let storage = in_memory(place.path());
        let file = storage.temporary_file().unwrap();
        for key in ["b.tar.gz", "blobs/ab/abcd", "a.tar.gz", "old/c.tar.gz"] {
            storage.put(&Path::from(key), file.path(), 0).await.unwrap();
        }
        let mut names: Vec<_> = storage.list_top().await.unwrap().iter().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(names, ["a.tar.gz", "b.tar.gz"]);
    }

    #[test]
    fn beside_the_files_of_other_programs_only_its_own_are_cleared() {
        let place = tempfile::tempdir().unwrap();
        let begun = |name: &str, hours: u64| {
            let path = place.path().join(name);
            let file = File::create(&path).unwrap();
            file.set_modified(file.metadata().unwrap().modified().unwrap() - Duration::from_secs(hours * 60 * 60)).unwrap();
            path
        };
        let dead = begun(".parlor-file-dead", 25);
        let others = [begun(".parlor-file-alive", 1), begun("parlor.db", 25), begun(".tmpother", 25)];
        let storage = in_memory(place.path());
        storage.clear_temporary();
        assert!(!dead.exists() && others.iter().all(|path| path.exists()));
        let used = storage.temporary_file().unwrap();
        storage.clear_temporary();
        assert!(used.path().exists());
    }
}
