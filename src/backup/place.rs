//! Where archives are: a file, a directory with dated ones, or object storage.
//!
//! Owns their names, and which old ones are deleted: only those whose names it made itself. It must not know what is in them, nor how they come
//! there: `draft` does.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use object_store::path::Path as Key;

use super::transfer::{scratch, watched};
use super::{BackupError, Progress, Watch};
use crate::clock::{Millis, is_ahead};
use crate::config::{ARCHIVE, Config, FilesUrl, Place};
use crate::files::storage::{Storage, StorageError};
use crate::files::transfer::Transfer;

/// How a dated archive's name begins and ends.
const NAME: (&str, &str) = ("parlor-", ARCHIVE);
/// Before anything is transferred.
const ASKING: Progress = Progress { what: "connect", done: 0, total: 1, is_bytes: false };

impl Place {
    /// Opens the archive that is here; of several dated ones, the latest, but none whose time has not come yet if there is another: the clock was
    /// ahead when it was made. Its name comes along.
    ///
    /// # Errors
    /// If there is none, or it cannot be read; `Interrupted`.
    pub async fn open(&self, config: &Config, now: Millis, watch: Watch<'_>) -> Result<(File, Self), BackupError> {
        let none = |place: &Self| BackupError::Missing(place.to_string());
        match self {
            Self::Path(path) if path.is_dir() => {
                let names = names_in(path).map_err(|error| BackupError::at(self, error))?;
                let path = path.join(latest(&names, now).ok_or_else(|| none(self))?);
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
                        let transfer = Transfer::default();
                        let listing = transfer.unless_stopped(objects(&storage));
                        let mut goes_on = |_| watch(ASKING);
                        let listed = watched(&transfer, &mut goes_on, listing).await?.unwrap_or(Err(StorageError::Interrupted));
                        let names = listed.map_err(|error| BackupError::at(self, error))?;
                        latest(&names, now).ok_or_else(|| none(self))?.to_owned()
                    }
                };
                let place = Self::S3 { bucket: bucket.clone(), prefix: prefix.clone(), name: Some(name.clone()) };
                let failed = |error: StorageError| match error {
                    StorageError::Missing(_) => none(&place),
                    error => BackupError::at(&place, error),
                };
                let total = size_of(&storage, &name, watch).await?.map_err(failed)?.ok_or_else(|| none(&place))?;
                // It is read from its beginning to its end, which a connection may not last for.
                let file = scratch(total)?;
                let (transfer, key) = (Transfer::default(), Key::from(&*name));
                let mut goes_on = |done| watch(Progress { what: "download", done, total, is_bytes: true });
                let fetching = storage.fetch_watched(&key, &file, &transfer);
                watched(&transfer, &mut goes_on, fetching).await?.map_err(failed)?;
                if !goes_on(total) {
                    return Err(BackupError::Interrupted);
                }
                io::Seek::rewind(&mut &file).map_err(|error| failed(error.into()))?;
                Ok((file, place))
            }
        }
    }

    /// Deletes the oldest dated archives, all but `keep` of them. Those whose time has not come yet stay, and none stays for less because of
    /// them: nobody knows when they were made. Returns the names of those that it deleted.
    ///
    /// # Errors
    /// If they cannot be listed or deleted.
    pub async fn prune(&self, config: &Config, keep: usize, now: Millis) -> Result<Vec<String>, BackupError> {
        let failed = |error: &dyn fmt::Display| BackupError::at(self, error);
        match self {
            Self::Path(folder) => {
                let names = surplus(names_in(folder).map_err(|error| failed(&error))?, keep, now);
                for name in &names {
                    fs::remove_file(folder.join(name)).map_err(|error| failed(&error))?;
                }
                Ok(names)
            }
            Self::S3 { .. } => {
                let storage = self.storage(config)?;
                let names = surplus(objects(&storage).await.map_err(|error| failed(&error))?, keep, now);
                for name in &names {
                    storage.delete(&Key::from(&**name)).await.map_err(|error| failed(&error))?;
                }
                Ok(names)
            }
        }
    }

    /// The latest dated archive here, and when it was made, if there is one.
    ///
    /// # Errors
    /// If they cannot be listed; of object storage it says no more than what is wrong.
    pub async fn latest(&self, config: &Config, now: Millis) -> Result<Option<(String, Millis)>, BackupError> {
        let names = match self {
            Self::Path(folder) => {
                let folder = folder.clone();
                let listed = tokio::task::spawn_blocking(move || names_in(&folder)).await?;
                listed.map_err(|error| BackupError::at(self, error))?
            }
            Self::S3 { .. } => objects(&self.storage(config)?).await.map_err(|error| BackupError::at(self, error.in_short()))?,
        };
        Ok(latest(&names, now).and_then(|name| Some((name.to_owned(), time_of(name)?))))
    }

    /// The storage of a place that is one.
    pub(super) fn storage(&self, config: &Config) -> Result<Storage, BackupError> {
        let url = match self {
            Self::S3 { bucket, prefix, .. } => FilesUrl::S3 { bucket: bucket.clone(), prefix: prefix.clone() },
            Self::Path(path) => FilesUrl::Directory(path.clone()),
        };
        Storage::open(&url, config).map_err(|problem| BackupError::at(self, problem.trim_start_matches("FILES_URL: ")))
    }
}

/// The size of an object, if it is there.
pub async fn size_of(storage: &Storage, name: &str, watch: Watch<'_>) -> Result<Result<Option<u64>, StorageError>, BackupError> {
    let (transfer, key) = (Transfer::default(), Key::from(name));
    let mut goes_on = |_| watch(ASKING);
    let asked = watched(&transfer, &mut goes_on, transfer.unless_stopped(storage.size(&key))).await?;
    Ok(asked.unwrap_or(Err(StorageError::Interrupted)))
}

/// Whether a path is a directory, or is written as one: archives have dated names there.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// The name of an archive that holds the state of this moment. Names sort by time.
pub fn dated(at: Millis) -> String {
    format!("{}{}{}", NAME.0, at.timestamp().strftime("%Y%m%dT%H%M%SZ"), NAME.1)
}

/// The moment of a name that [`dated`] makes; `None` for any other.
fn time_of(name: &str) -> Option<Millis> {
    let date = name.strip_prefix(NAME.0)?.strip_suffix(NAME.1)?;
    let at = Millis(DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
    (dated(at) == name).then_some(at)
}

/// Whether a name is one that [`dated`] makes.
pub fn is_dated(name: &str) -> bool {
    time_of(name).is_some()
}

/// Whether the time of a dated archive has not come yet.
fn is_of_future(name: &str, now: Millis) -> bool {
    time_of(name).is_some_and(|at| is_ahead(at, now))
}

/// The latest of these names, which are sorted: one of the future only if there is no other.
fn latest(names: &[String], now: Millis) -> Option<&str> {
    let of_future = names.iter().filter(|name| is_of_future(name, now)).count();
    if of_future > 0 {
        tracing::warn!(
            of_future,
            "backups in this place have dates that have not come yet: the clock was ahead when they were made"
        );
    }
    let come = names.iter().rev().find(|name| !is_of_future(name, now));
    come.or_else(|| names.last()).map(String::as_str)
}

/// Of these names, which are sorted, those beyond `keep`.
fn surplus(mut names: Vec<String>, keep: usize, now: Millis) -> Vec<String> {
    names.retain(|name| !is_of_future(name, now));
    names.truncate(names.len().saturating_sub(keep));
    names
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

/// The dated archives in object storage, the oldest first.
async fn objects(storage: &Storage) -> Result<Vec<String>, StorageError> {
    let all = storage.list_top().await?;
    let mut names: Vec<_> = all.iter().map(ToString::to_string).filter(|name| is_dated(name)).collect();
    names.sort_unstable();
    Ok(names)
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
            "parlor-20251322T084714Z.tar.gz",
            "parlor-20251122T84714Z.tar.gz",
        ] {
            assert!(!is_dated(other), "{other}");
        }
    }

    #[test]
    fn one_of_the_future_is_neither_the_latest_nor_counted() {
        const DAY: i64 = 86_400_000;
        let now = Millis(1_763_801_234_000);
        let name = |days: i64| dated(now.plus(days * DAY));
        let names: Vec<_> = [-3, -2, -1, 200, 400].map(name).into();
        assert_eq!(latest(&names, now), Some(&*name(-1)));
        assert_eq!(surplus(names.clone(), 2, now), [name(-3)]);
        assert_eq!(surplus(names.clone(), 3, now), Vec::<String>::new());
        // If there are no others, this clock may be behind.
        assert_eq!(latest(&names[3..], now), Some(&*name(400)));
        assert_eq!(latest(&[dated(now.plus(1000))], now), Some(&*dated(now.plus(1000))), "another clock is never the same");
        assert_eq!(latest(&[], now), None);
    }
}
