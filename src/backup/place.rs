//! Where archives are: a file, a directory with dated ones, or object storage.
//!
//! Owns their names, that one appears whole or not at all, and which old ones are deleted: only those whose names it made itself. It must
//! not know what is in them.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use tempfile::NamedTempFile;

use super::BackupError;
use crate::clock::Millis;
use crate::config::{ARCHIVE, Config, FilesUrl, Place};
use crate::files::storage::{Storage, StorageError};

/// How a dated archive's name begins and ends.
const NAME: (&str, &str) = ("parlor-", ARCHIVE);
/// How the name of one that is being written begins and ends.
const PARTIAL: (&str, &str) = (".parlor-backup-", ".partial");
/// Whoever began one that nobody has written to for so long has died.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// An archive that is being written: a temporary file, which is deleted unless it is put in its place.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    target: Target,
    /// Where it will be.
    pub place: Place,
}

#[derive(Debug)]
enum Target {
    File(PathBuf),
    Object(Storage, String),
}

impl Place {
    /// Begins an archive here. A dated one is called after `at`. What exists is never replaced.
    ///
    /// # Errors
    /// If it exists, or nothing can be written there.
    pub async fn begin(&self, config: &Config, at: Millis) -> Result<Draft, BackupError> {
        match self {
            Self::Path(path) => {
                let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
                let path = if is_folder { path.join(dated(at)) } else { path.clone() };
                let folder = folder_of(&path);
                if path.exists() {
                    return Err(BackupError::Occupied(path.display().to_string()));
                }
                // Its mode is 0600.
                let file = tempfile::Builder::new().prefix(PARTIAL.0).suffix(PARTIAL.1).tempfile_in(folder);
                let file = file.map_err(|error| BackupError::at(folder.display(), error))?;
                Ok(Draft { file, place: Self::Path(path.clone()), target: Target::File(path) })
            }
            Self::S3 { bucket, prefix, name } => {
                let storage = self.storage(config)?;
                let name = name.clone().unwrap_or_else(|| dated(at));
                let place = Self::S3 { bucket: bucket.clone(), prefix: prefix.clone(), name: Some(name.clone()) };
                let size = storage.size(&Key::from(&*name)).await.map_err(|error| BackupError::at(&place, error))?;
                if size.is_some() {
                    return Err(BackupError::Occupied(place.to_string()));
                }
                let file =
                    storage.temporary_file().map_err(|error| BackupError::at(storage.temporary_folder().display(), error))?;
                Ok(Draft { file, target: Target::Object(storage, name), place })
            }
        }
    }

    /// Opens the archive that is here; of several dated ones, the latest. Its name comes along.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub async fn open(&self, config: &Config) -> Result<(File, Self), BackupError> {
        let none = |place: &Self| BackupError::Missing(place.to_string());
        match self {
            Self::Path(path) if path.is_dir() => {
                let names = names_in(path).map_err(|error| BackupError::at(self, error))?;
                let path = path.join(names.last().ok_or_else(|| none(self))?);
                let file = File::open(&path).map_err(|error| BackupError::at(path.display(), error))?;
                Ok((file, Self::Path(path)))
            }
            Self::Path(path) => match File::open(path) {
                Ok(file) => Ok((file, self.clone())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(none(self)),
                Err(error) => Err(BackupError::at(self, error)),
            },
            Self::S3 { bucket, prefix, name } => {
                let storage = self.storage(config)?;
                let name = match name {
                    Some(name) => name.clone(),
                    None => {
                        objects(&storage).await.map_err(|error| BackupError::at(self, error))?.pop().ok_or_else(|| none(self))?
                    }
                };
                let place = Self::S3 { bucket: bucket.clone(), prefix: prefix.clone(), name: Some(name.clone()) };
                let failed = |error: &dyn fmt::Display| BackupError::at(&place, error);
                // It is read from its beginning to its end, which a connection may not last for.
                let file = tempfile::tempfile().map_err(|error| failed(&error))?;
                storage.fetch(&Key::from(&*name), &file).await.map_err(|error| match error {
                    StorageError::Missing(_) => none(&place),
                    error => failed(&error),
                })?;
                io::Seek::rewind(&mut &file).map_err(|error| failed(&error))?;
                Ok((file, place))
            }
        }
    }

    /// Deletes what was begun here by somebody who died. In object storage that is nothing.
    ///
    /// # Errors
    /// If it cannot be listed or deleted.
    pub fn clear_abandoned(&self) -> Result<(), BackupError> {
        match self {
            Self::Path(folder) => clear_partial(folder).map_err(|error| BackupError::at(self, error)),
            Self::S3 { .. } => Ok(()),
        }
    }

    /// Deletes the oldest dated archives, all but `keep` of them. Returns the names of those that it deleted.
    ///
    /// # Errors
    /// If they cannot be listed or deleted.
    pub async fn prune(&self, config: &Config, keep: usize) -> Result<Vec<String>, BackupError> {
        let failed = |error: &dyn fmt::Display| BackupError::at(self, error);
        match self {
            Self::Path(folder) => {
                let mut names = names_in(folder).map_err(|error| failed(&error))?;
                names.truncate(names.len().saturating_sub(keep));
                for name in &names {
                    fs::remove_file(folder.join(name)).map_err(|error| failed(&error))?;
                }
                Ok(names)
            }
            Self::S3 { .. } => {
                let storage = self.storage(config)?;
                let mut names = objects(&storage).await.map_err(|error| failed(&error))?;
                names.truncate(names.len().saturating_sub(keep));
                for name in &names {
                    storage.delete(&Key::from(&**name)).await.map_err(|error| failed(&error))?;
                }
                Ok(names)
            }
        }
    }

    /// The storage of a place that is one.
    fn storage(&self, config: &Config) -> Result<Storage, BackupError> {
        let url = match self {
            Self::S3 { bucket, prefix, .. } => FilesUrl::S3 { bucket: bucket.clone(), prefix: prefix.clone() },
            Self::Path(path) => FilesUrl::Directory(path.clone()),
        };
        Storage::open(&url, config).map_err(|problem| BackupError::at(self, problem.trim_start_matches("FILES_URL: ")))
    }
}

impl Draft {
    /// The file to write to.
    ///
    /// # Errors
    /// The system's.
    pub fn file(&self) -> Result<File, BackupError> {
        self.file.reopen().map_err(|error| BackupError::at(&self.place, error))
    }

    /// Puts the archive, which is on the disk, in its place; returns its size.
    ///
    /// # Errors
    /// If it exists by now, or the place does not take it. Then nothing is there.
    pub async fn put(self) -> Result<u64, BackupError> {
        let place = self.place;
        let failed = |error: &dyn fmt::Display| BackupError::at(&place, error);
        let bytes = self.file.as_file().metadata().map_err(|error| failed(&error))?.len();
        match self.target {
            Target::File(path) => {
                self.file.persist_noclobber(&path).map_err(|error| failed(&error.error))?;
                // The name, too.
                File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))?;
            }
            Target::Object(storage, name) => {
                storage.put(&Key::from(&*name), self.file.path(), bytes).await.map_err(|error| failed(&error))?;
            }
        }
        Ok(bytes)
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// The name of an archive that holds the state of this moment. Names sort by time.
fn dated(at: Millis) -> String {
    format!("{}{}{}", NAME.0, at.timestamp().strftime("%Y%m%dT%H%M%SZ"), NAME.1)
}

/// Whether a name is one that [`dated`] makes.
fn is_dated(name: &str) -> bool {
    let date = name.strip_prefix(NAME.0).and_then(|rest| rest.strip_suffix(NAME.1)).unwrap_or_default().as_bytes();
    let fits = |(at, sign): (usize, &u8)| match at {
        8 => *sign == b'T',
        15 => *sign == b'Z',
        _ => sign.is_ascii_digit(),
    };
    date.len() == 16 && date.iter().enumerate().all(fits)
}

/// The dated archives in a folder, the oldest first.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok().filter(|name| is_dated(name)));
    }
    names.sort_unstable();
    Ok(names)
}

async fn objects(storage: &Storage) -> Result<Vec<String>, StorageError> {
    let all: Vec<_> = storage.list(&Key::default()).try_collect().await?;
    let mut names: Vec<_> = all.into_iter().map(|object| object.key.to_string()).filter(|name| is_dated(name)).collect();
    names.sort_unstable();
    Ok(names)
}

fn clear_partial(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_partial = name.to_str().is_some_and(|name| name.starts_with(PARTIAL.0) && name.ends_with(PARTIAL.1));
        let age = entry.metadata().and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_partial && age.is_some_and(|age| age > ABANDONED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_were_made_here_are_dated() {
        let name = dated(Millis(1_763_801_234_050));
        assert_eq!(name, "parlor-20251122T084714Z.tar.gz");
        assert!(is_dated(&name));
        for other in [
            "parlor.tar.gz",
            "parlor-2025.tar.gz",
            "parlor-20251122T084714Z.tar.gz.old",
            "my-parlor-20251122T084714Z.tar.gz",
            "parlor-2025112xT084714Z.tar.gz",
        ] {
            assert!(!is_dated(other), "{other}");
        }
    }
}
