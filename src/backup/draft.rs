//! An archive that is being written: its draft, until it is put into its place.
//!
//! Owns that it appears whole or not at all, what drafts are called, and that one is written by one program at a time. A draft has a name of
//! no meaning and goes with whoever writes it, until all rows are in it: from then on it has a name under which it is found again, and stays
//! until it is complete.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Seek};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;

use object_store::path::Path as Key;
use sha2::{Digest, Sha256};
use tempfile::TempPath;

use super::place::{dated, is_dated, is_folder, size_of};
use super::transfer::watched;
use super::{BackupError, Progress, Watch};
use crate::clock::Millis;
use crate::config::{Config, Place};
use crate::encoding::hex;
use crate::files::own::{Kind, folder_of, lock_own};
use crate::files::room::Room;
use crate::files::storage::Storage;
use crate::files::transfer::Transfer;

/// How the name of a draft begins and ends.
const PARTIAL: (&str, &str) = (".parlor-backup-", ".partial");
/// How it begins until all rows are there. If whoever writes it dies, it is worth nothing.
const BEGUN: &str = ".parlor-begun-";
/// Whoever writes one that nobody has written to for so long has died, and nobody went on with it.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long object storage has to forget an archive whose upload was interrupted.
const TIDYING: Duration = Duration::from_secs(5);

/// A draft: a file that is deleted unless it is put into its place, or kept.
#[derive(Debug)]
pub struct Draft {
    /// Locked: nobody else writes it.
    file: File,
    path: TempPath,
    /// Where it is kept, and whether it is.
    stable: PathBuf,
    is_kept: bool,
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
    pub async fn begin(&self, config: &Config, at: Millis, watch: Watch<'_>) -> Result<Draft, BackupError> {
        let (target, place, name) = self.target(config, dated(at), watch).await?;
        let stable = self.draft_of(&name);
        let folder = folder_of(&stable);
        let (file, path) = begin_in(folder).map_err(|error| BackupError::at(folder.display(), error))?;
        Ok(Draft { file, path, stable, is_kept: false, target, place })
    }

    /// Takes the draft of an archive for this place; of several dated ones, the latest that nobody writes.
    ///
    /// # Errors
    /// If there is none, somebody writes it, it is not one's own, or the archive exists.
    pub async fn take_draft(&self, config: &Config, watch: Watch<'_>) -> Result<Draft, BackupError> {
        let found = self.list_drafts().map_err(|error| BackupError::at(self, error))?;
        let (mut written, mut occupied) = (None, None);
        for (path, name) in found.into_iter().rev() {
            let failed = |error: io::Error| BackupError::at(path.display(), error);
            match lock_own(&path, Kind::File) {
                Ok(Some(file)) => {
                    let (target, place, _) = match self.target(config, name.clone(), watch).await {
                        // The archive of that moment is there: it never gets its place, and must not be in the way of an earlier one.
                        Err(error @ BackupError::Occupied(_)) if self.own_name().is_none() => {
                            let size = file.metadata().map_err(failed)?.len();
                            if self.has_sent(config, &name, size, watch).await? {
                                fs::remove_file(&path).map_err(failed)?;
                            }
                            occupied = Some(error);
                            continue;
                        }
                        target => target?,
                    };
                    let mut kept = TempPath::try_from_path(&path).map_err(failed)?;
                    kept.disable_cleanup(true);
                    return Ok(Draft { file, path: kept, stable: path, is_kept: true, target, place });
                }
                Ok(None) => written = Some(path),
                // Its writer has just put it into its place.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(match (written, occupied) {
            (Some(path), _) => BackupError::at(path.display(), "somebody is writing it"),
            (None, Some(error)) => error,
            (None, None) => BackupError::NoDraft(self.to_string()),
        })
    }

    /// The draft that [`Self::take_draft`] would take, as far as this machine knows: object storage is not asked.
    #[must_use]
    pub fn find_draft(&self) -> Option<PathBuf> {
        let found = self.list_drafts().unwrap_or_default();
        let is_free = |name: &OsStr| match self {
            Self::Path(path) if is_folder(path) => !path.join(name).exists(),
            Self::Path(path) => !path.exists(),
            Self::S3 { .. } => true,
        };
        let takes = |(path, name): &(PathBuf, OsString)| is_free(name) && matches!(lock_own(path, Kind::File), Ok(Some(_)));
        found.into_iter().rev().find(takes).map(|(path, _)| path)
    }

    /// Deletes the drafts for this place that nobody has written to for a day, and nobody is about to: whoever goes on with one reads it first,
    /// and an upload may take longer.
    ///
    /// # Errors
    /// If they cannot be listed or deleted.
    pub fn clear_abandoned(&self) -> Result<(), BackupError> {
        let (folder, begin) = self.drafts();
        let is_draft = |name: &OsStr| is_called(name, &begin) || is_called(name, BEGUN);
        let clear = || {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let age = entry.metadata().and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
                // Locked until it is gone. What is another user's is their own affair.
                if is_draft(&entry.file_name())
                    && age.is_some_and(|age| age > ABANDONED)
                    && let Ok(Some(_locked)) = lock_own(&entry.path(), Kind::File)
                {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok::<_, io::Error>(())
        };
        clear().map_err(|error| BackupError::at(folder.display(), error))
    }

    /// Where an archive goes, in both ways, and its name, which is `dated` unless this place has one.
    async fn target(
        &self,
        config: &Config,
        dated: impl Into<OsString>,
        watch: Watch<'_>,
    ) -> Result<(Target, Self, OsString), BackupError> {
        match self {
            Self::Path(path) => {
                let path = if is_folder(path) { path.join(dated.into()) } else { path.clone() };
                if path.exists() {
                    return Err(BackupError::Occupied(path.display().to_string()));
                }
                let name = path.file_name().unwrap_or_default().to_owned();
                Ok((Target::File(path.clone()), Self::Path(path), name))
            }
            Self::S3 { bucket, prefix, name } => {
                let storage = self.storage(config)?;
                let name = name.clone().unwrap_or_else(|| dated.into().to_string_lossy().into_owned());
                let place = Self::S3 { bucket: bucket.clone(), prefix: prefix.clone(), name: Some(name.clone()) };
                let size = size_of(&storage, &name, watch).await?.map_err(|error| BackupError::at(&place, error))?;
                if size.is_some() {
                    return Err(BackupError::Occupied(place.to_string()));
                }
                Ok((Target::Object(storage, name.clone()), place, name.into()))
            }
        }
    }

    /// Whether object storage has all of an archive: whoever sent it was killed before the draft could be deleted.
    async fn has_sent(&self, config: &Config, name: &OsStr, size: u64, watch: Watch<'_>) -> Result<bool, BackupError> {
        if matches!(self, Self::Path(_)) {
            return Ok(false);
        }
        let sent = size_of(&self.storage(config)?, &name.to_string_lossy(), watch).await?;
        Ok(sent.map_err(|error| BackupError::at(self, error))? == Some(size))
    }

    /// Where drafts for this place are, and how their names begin. Those for object storage are among the temporary files of all programs.
    fn drafts(&self) -> (PathBuf, String) {
        match self {
            Self::Path(path) if is_folder(path) => (path.clone(), PARTIAL.0.to_owned()),
            Self::Path(path) => (folder_of(path).to_owned(), PARTIAL.0.to_owned()),
            Self::S3 { bucket, prefix, .. } => {
                let place = hex(&Sha256::digest(format!("{bucket}/{prefix}"))[..8]);
                (std::env::temp_dir(), format!("{}{place}-", PARTIAL.0))
            }
        }
    }

    /// Where the draft of an archive with this name is kept.
    fn draft_of(&self, name: &OsStr) -> PathBuf {
        let (folder, begin) = self.drafts();
        let mut draft = OsString::from(begin);
        draft.push(name);
        draft.push(PARTIAL.1);
        folder.join(draft)
    }

    /// The name of the only archive of this place; none if there are dated ones.
    fn own_name(&self) -> Option<OsString> {
        match self {
            Self::Path(path) if is_folder(path) => None,
            Self::Path(path) => path.file_name().map(OsStr::to_owned),
            Self::S3 { name, .. } => name.clone().map(OsString::from),
        }
    }

    /// The drafts that are kept for this place, the earliest first, with the names of their archives.
    fn list_drafts(&self) -> io::Result<Vec<(PathBuf, OsString)>> {
        if let Some(name) = self.own_name() {
            let path = self.draft_of(&name);
            return Ok(if path.exists() { vec![(path, name)] } else { Vec::new() });
        }
        let ((folder, begin), mut names) = (self.drafts(), Vec::new());
        for entry in fs::read_dir(&folder)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            let name = name.strip_prefix(&begin).and_then(|name| name.strip_suffix(PARTIAL.1));
            names.extend(name.filter(|name| is_dated(name)).map(OsString::from));
        }
        names.sort_unstable();
        Ok(names.into_iter().map(|name| (self.draft_of(&name), name)).collect())
    }
}

impl Draft {
    /// The file to read from and write to, at `from`; what is behind that is cut off.
    ///
    /// # Errors
    /// The system's.
    pub fn cut(&self, from: u64) -> Result<File, BackupError> {
        let cut = || {
            let mut file = self.file.try_clone()?;
            file.set_len(from)?;
            file.seek(io::SeekFrom::Start(from))?;
            Ok::<_, io::Error>(file)
        };
        cut().map_err(|error| self.failed(error))
    }

    /// The file to read from its beginning, and its size.
    ///
    /// # Errors
    /// The system's.
    pub fn file(&self) -> Result<(File, u64), BackupError> {
        let read = || {
            let mut file = self.file.try_clone()?;
            file.rewind()?;
            let size = file.metadata()?.len();
            Ok::<_, io::Error>((file, size))
        };
        read().map_err(|error| self.failed(error))
    }

    /// The room where it is.
    pub fn room(&self) -> Room {
        Room::of(folder_of(&self.path))
    }

    /// An error of the draft itself.
    pub fn failed(&self, error: impl ToString) -> BackupError {
        BackupError::at(self.path.display(), error)
    }

    /// Gives it the name under which it is found again; from now on it stays. If somebody else has that name, or writes what has it, it goes on
    /// as before.
    pub fn keep(&mut self) {
        let earlier = lock_own(&self.stable, Kind::File);
        let Ok(mut named) = TempPath::try_from_path(&self.stable) else { return };
        named.disable_cleanup(true);
        let begun = mem::replace(&mut self.path, named);
        let moved = match &earlier {
            // Nobody goes on with that one any more, and nobody can take it meanwhile: it is locked.
            Ok(Some(_)) => begun.persist(&self.stable),
            _ => begun.persist_noclobber(&self.stable),
        };
        match moved {
            Ok(()) => {
                self.is_kept = true;
                File::open(folder_of(&self.stable)).and_then(|folder| folder.sync_all()).ok();
            }
            Err(error) => self.path = error.path,
        }
    }

    /// Where it stays if it does not get into its place.
    pub fn kept_at(&self) -> Option<PathBuf> {
        self.is_kept.then(|| self.stable.clone())
    }

    /// Puts the archive, which is on the disk, in its place; returns its size.
    ///
    /// # Errors
    /// If it exists by now, or the place does not take it; `Interrupted`. Then nothing is there.
    pub async fn put(self, watch: Watch<'_>) -> Result<u64, BackupError> {
        let place = self.place;
        let failed = |error: &dyn std::fmt::Display| BackupError::at(&place, error);
        let bytes = self.file.metadata().map_err(|error| failed(&error))?.len();
        match self.target {
            Target::File(path) => {
                self.path.persist_noclobber(&path).map_err(|error| failed(&error.error))?;
                // The name, too.
                File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))?;
            }
            Target::Object(storage, name) => {
                let (transfer, key) = (Transfer::default(), Key::from(&*name));
                let mut goes_on = |done| watch(Progress { what: "upload", done, total: bytes, is_bytes: true });
                let putting = storage.put_watched(&key, &self.path, bytes, &transfer);
                match watched(&transfer, &mut goes_on, putting).await {
                    Ok(put) => put.map_err(|error| failed(&error))?,
                    Err(error) => {
                        // The last request may have come through: nobody else writes under this name.
                        drop(tokio::time::timeout(TIDYING, storage.delete(&key)).await);
                        return Err(error);
                    }
                }
                watch(Progress { what: "upload", done: bytes, total: bytes, is_bytes: true });
                // Also one that is kept.
                self.path.close().map_err(|error| failed(&error))?;
            }
        }
        Ok(bytes)
    }
}

/// Whether this is the name of a draft that begins so.
fn is_called(name: &OsStr, begin: &str) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(begin) && name.ends_with(PARTIAL.1))
}

/// Makes a file for a draft. Those of writers who have died go first: they may be what fills the disk.
fn begin_in(folder: &Path) -> io::Result<(File, TempPath)> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_called(&entry.file_name(), BEGUN)
            && let Ok(Some(locked)) = lock_own(&entry.path(), Kind::File)
            // Where nothing can be locked, nobody knows whether its writer has died.
            && locked.try_lock().is_ok()
        {
            fs::remove_file(entry.path()).ok();
        }
    }
    loop {
        // Its mode is 0600.
        let (file, path) = tempfile::Builder::new().prefix(BEGUN).suffix(PARTIAL.1).tempfile_in(folder)?.into_parts();
        file.lock().ok();
        // Before it was locked, somebody may have taken its writer for dead.
        if path.exists() {
            return Ok((file, path));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    const AT: Millis = Millis(1_763_801_234_050);

    async fn begin(place: &Place) -> Draft {
        place.begin(&Config::default(), AT, &mut |_| true).await.unwrap()
    }

    async fn take(place: &Place) -> Result<Draft, BackupError> {
        place.take_draft(&Config::default(), &mut |_| true).await
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_draft_is_found_again_once_it_is_kept_and_nobody_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().to_owned());
        drop(begin(&place).await);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        let mut draft = begin(&place).await;
        assert!(matches!(take(&place).await, Err(BackupError::NoDraft(_))));
        draft.keep();
        let name = ".parlor-backup-parlor-20251122T084714Z.tar.gz.partial";
        assert_eq!((names(folder.path()), draft.kept_at()), (vec![name.to_owned()], Some(folder.path().join(name))));
        assert_eq!(fs::metadata(folder.path().join(name)).unwrap().mode() & 0o777, 0o600);
        // While it is written, it is nobody else's.
        assert!(take(&place).await.is_err_and(|error| error.to_string().contains("somebody is writing it")));
        assert_eq!(place.find_draft(), None);
        drop(draft);
        assert_eq!(place.find_draft(), Some(folder.path().join(name)));
        // By its own name, too.
        let named = Place::Path(folder.path().join("parlor-20251122T084714Z.tar.gz"));
        drop(take(&named).await.unwrap());
        let taken = take(&place).await.unwrap();
        taken.put(&mut |_| true).await.unwrap();
        assert_eq!(names(folder.path()), ["parlor-20251122T084714Z.tar.gz"]);
        assert!(matches!(take(&place).await, Err(BackupError::NoDraft(_))));
    }

    #[tokio::test]
    async fn what_was_begun_goes_at_the_next_backup_if_its_writer_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().join("monday.tar.gz"));
        let living = begin(&place).await;
        let dead = folder.path().join(".parlor-begun-dead.partial");
        fs::write(&dead, "rows").unwrap();
        fs::set_permissions(&dead, fs::Permissions::from_mode(0o600)).unwrap();
        let others = [".parlor-begun-", "mine.partial", ".parlor-backup-tuesday.tar.gz.partial"];
        for name in others {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let next = begin(&place).await;
        assert!(!dead.exists() && living.path.exists() && next.path.exists());
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
        assert_eq!(names(folder.path()).len(), 2 + others.len());
        // As Parlor leaves it where nothing can be locked.
        fs::write(&dead, "rows").unwrap();
        let file = File::options().write(true).open(&dead).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - 2 * ABANDONED).unwrap();
        place.clear_abandoned().unwrap();
        assert!(!dead.exists() && living.path.exists());
    }

    #[tokio::test]
    async fn a_draft_whose_archive_is_there_is_not_in_the_way_of_an_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().to_owned());
        let mut drafts = Vec::new();
        for at in [AT, AT.plus(60_000)] {
            let mut draft = place.begin(&Config::default(), at, &mut |_| true).await.unwrap();
            draft.keep();
            drafts.push(draft.kept_at().unwrap());
        }
        let later = folder.path().join("parlor-20251122T084814Z.tar.gz");
        fs::write(&later, "an archive").unwrap();
        let taken = take(&place).await.unwrap();
        assert_eq!(taken.kept_at(), Some(drafts[0].clone()));
        taken.put(&mut |_| true).await.unwrap();
        // Now there is none that could get its place.
        assert!(matches!(take(&place).await, Err(BackupError::Occupied(_))));
        let named = Place::Path(later.clone());
        assert!(matches!(take(&named).await, Err(BackupError::Occupied(_))));
        assert!(drafts[1].exists() && fs::read(&later).unwrap() == b"an archive");
    }

    #[tokio::test]
    async fn a_new_draft_for_the_same_file_replaces_the_one_that_nobody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().join("monday.tar.gz"));
        let mut first = begin(&place).await;
        first.keep();
        let stable = first.kept_at().unwrap();
        // It is being written: the second one is not kept, and goes with whoever writes it.
        let mut second = begin(&place).await;
        second.keep();
        assert_eq!(second.kept_at(), None);
        drop(second);
        drop(first);
        let mut third = begin(&place).await;
        io::Write::write_all(&mut third.cut(0).unwrap(), b"third").unwrap();
        third.keep();
        assert_eq!(third.kept_at(), Some(stable.clone()));
        drop(third);
        assert_eq!((fs::read(&stable).unwrap(), names(folder.path()).len()), (b"third".to_vec(), 1));
    }

    #[tokio::test]
    async fn a_draft_that_nobody_writes_to_is_deleted_after_a_day_but_not_while_somebody_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().to_owned());
        let mut draft = begin(&place).await;
        draft.keep();
        let path = draft.kept_at().unwrap();
        let age = |age| File::options().write(true).open(&path).unwrap().set_modified(age).unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        drop(draft);
        place.clear_abandoned().unwrap();
        assert!(path.exists(), "it is young");
        age(modified - 2 * ABANDONED);
        let taken = take(&place).await.unwrap();
        place.clear_abandoned().unwrap();
        assert!(path.exists(), "somebody goes on with it, and reads it first");
        drop(taken);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        place.clear_abandoned().unwrap();
        assert!(path.exists(), "it may be another user’s");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        place.clear_abandoned().unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_others_can_write_to_is_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Path(folder.path().join("monday.tar.gz"));
        let path = place.draft_of(OsStr::new("monday.tar.gz"));
        let refused = async || take(&place).await.is_err_and(|error| error.to_string().contains("another user"));
        fs::write(&path, "rows").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(refused().await);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        drop(take(&place).await.unwrap());
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(refused().await);
        // It does not hold up a new one, which is not kept then.
        let mut draft = begin(&place).await;
        draft.keep();
        assert_eq!(draft.kept_at(), None);
        draft.put(&mut |_| true).await.unwrap();
    }
}
