//! The folder of an export: it is filled under another name beside its place, and gets its own when it is whole.
//!
//! Owns that nothing half-done is left: whoever drops it before, deletes it, but for contents that are whole, which the next export to the same
//! place uses; and that it does not take the last room of a disk. It must not know what is written.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tokio::fs::{DirBuilder, File};
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio_util::sync::CancellationToken;

use super::ExportError;
use crate::files::own::{Kind, lock_own};
use crate::files::room::Room;
use crate::files::storing::hash_of_file;

/// How the name of a folder begins that is being filled.
const PARTIAL: &str = ".parlor-export-";
/// The folder in it with contents, each under a name that says what is in it: they are the same in every export.
pub const CONTENTS: &str = "files";
/// Only whoever runs Parlor may look into it: it holds what people told each other.
const PRIVATE: u32 = 0o700;
/// How much is written at once, in bytes.
const BUFFER: usize = 64 << 10;

/// A folder that is being filled.
#[derive(Debug)]
pub struct Folder {
    /// Where it is filled; nowhere once it has its name.
    filled: PathBuf,
    target: PathBuf,
    /// Locked: nobody else fills it.
    _lock: fs::File,
    /// Whether there are contents that are whole.
    has_contents: AtomicBool,
    room: Arc<Room>,
}

impl Folder {
    /// Begins one that will be at `to`, where nothing is, or an empty directory. What was kept of an earlier one is in it.
    pub fn begin(to: &Path) -> Result<Self, ExportError> {
        let (filled, target) = places(to)?;
        if let Err(error) = fs::DirBuilder::new().mode(PRIVATE).create(&filled)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(ExportError::at(filled.parent().unwrap_or(&filled), error));
        }
        let failed = |error| ExportError::at(&filled, error);
        let lock = match lock_own(&filled, Kind::Folder) {
            // It has just got its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            locked => locked.map_err(failed)?,
        };
        let lock = lock.ok_or_else(|| ExportError::Busy(to.display().to_string()))?;
        let has_contents = fs::read_dir(filled.join(CONTENTS)).is_ok_and(|mut entries| entries.next().is_some());
        let room = Arc::new(Room::of(&filled));
        let folder = Self { filled: filled.clone(), target, _lock: lock, has_contents: has_contents.into(), room };
        // Whoever filled it was killed.
        clear(&folder.filled, has_contents).map_err(failed)?;
        Ok(folder)
    }

    /// What is kept of an export to this place, if anything.
    pub fn kept(to: &Path) -> Option<PathBuf> {
        let (filled, _) = places(to).ok()?;
        filled.join(CONTENTS).is_dir().then_some(filled)
    }

    /// Where it will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where it is until then.
    pub fn path(&self) -> &Path {
        &self.filled
    }

    /// Makes a folder in it, with those above.
    pub async fn folder(&self, name: &str) -> Result<(), ExportError> {
        let made = DirBuilder::new().recursive(true).create(self.filled.join(name)).await;
        made.map_err(|error| self.failed(name, error))
    }

    /// Begins a file in it.
    pub async fn file(&self, name: &str) -> Result<Output, ExportError> {
        let (path, room) = (self.filled.join(name), self.room.clone());
        let file = File::create_new(&path).await.map_err(|error| self.failed(name, error))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Output { file, path, place: self.target.join(name), room, is_whole: false })
    }

    /// Begins a file of so many bytes, if there is room for them.
    pub async fn file_of(&self, name: &str, bytes: u64) -> Result<Output, ExportError> {
        self.room.check(bytes).map_err(|error| self.failed(name, error))?;
        self.file(name).await
    }

    /// Writes a whole file.
    pub async fn write(&self, name: &str, content: &[u8]) -> Result<(), ExportError> {
        let mut file = self.file(name).await?;
        file.write(content).await?;
        file.finish().await
    }

    /// Deletes a file in it.
    pub async fn remove(&self, name: &str) -> Result<(), ExportError> {
        tokio::fs::remove_file(self.filled.join(name)).await.map_err(|error| self.failed(name, error))
    }

    /// Deletes everything in a folder of it that does not belong there.
    pub async fn retain(&self, name: &str, belongs: impl Fn(&str) -> bool) -> Result<(), ExportError> {
        let failed = |error| self.failed(name, error);
        let mut entries = match tokio::fs::read_dir(self.filled.join(name)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            if !entry.file_name().to_str().is_some_and(&belongs) {
                remove(&entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Whether a file is there with this content, by its size and SHA-256; what is something else is deleted.
    pub async fn has(&self, name: &str, bytes: u64, hash: &str) -> Result<bool, ExportError> {
        let (path, hash) = (self.filled.join(name), hash.to_owned());
        let looked = tokio::task::spawn_blocking(move || match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
            Ok(about) if about.is_file() && about.len() == bytes && hash_of_file(&path)?.0 == hash => Ok(true),
            Ok(_) => remove(&path).map(|()| false),
        });
        let looked = looked.await.map_err(|error| ExportError::Internal(error.to_string()))?;
        looked.map_err(|error| self.failed(name, error))
    }

    /// From now on, contents stay if it is given up.
    pub fn keep_contents(&self) {
        self.has_contents.store(true, Ordering::Relaxed);
    }

    /// Gives it its name, once it is on the disk; not if it is stopped until then, which may take a minute.
    pub async fn finish(self, stop: CancellationToken) -> Result<(), ExportError> {
        let mut folder = self;
        let moved = tokio::task::spawn_blocking(move || folder.get_name(&stop)).await;
        moved.map_err(|error| ExportError::Internal(error.to_string()))?
    }

    /// Blocks.
    fn get_name(&mut self, stop: &CancellationToken) -> Result<(), ExportError> {
        let failed = |error| ExportError::at(&self.target, error);
        durable(&self.filled).map_err(failed)?;
        if stop.is_cancelled() {
            return Err(ExportError::Interrupted);
        }
        // An empty directory is replaced, and nothing else.
        fs::rename(&self.filled, &self.target).map_err(failed)?;
        // What it was called is gone.
        self.filled = PathBuf::new();
        match self.target.parent() {
            Some(parent) => fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed),
            None => Ok(()),
        }
    }

    fn failed(&self, name: &str, error: io::Error) -> ExportError {
        ExportError::at(&self.target.join(name), error)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.filled.as_os_str().is_empty() {
            return;
        }
        let keeps = *self.has_contents.get_mut();
        let cleared = if keeps { clear(&self.filled, true) } else { fs::remove_dir_all(&self.filled) };
        if let Err(error) = cleared {
            tracing::warn!(%error, folder = %self.filled.display(), "what was begun of an export stays");
        }
    }
}

/// Where an export to this place is filled, and where it will be.
fn places(to: &Path) -> Result<(PathBuf, PathBuf), ExportError> {
    let target = std::path::absolute(to).map_err(|error| ExportError::at(to, error))?;
    let occupied = || ExportError::Occupied(to.display().to_string());
    let target = match fs::read_dir(&target) {
        // Behind a symbolic link is a directory all the same.
        Ok(mut entries) => match entries.next() {
            None => target.canonicalize().map_err(|error| ExportError::at(to, error))?,
            Some(_) => return Err(occupied()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => target,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory && target.exists() => return Err(occupied()),
        Err(error) => return Err(ExportError::at(to, error)),
    };
    let mut name = OsString::from(PARTIAL);
    name.push(target.file_name().ok_or_else(occupied)?);
    Ok((target.with_file_name(name), target))
}

/// Deletes what is in a folder, contents only if they are not kept.
fn clear(folder: &Path, keeps: bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !keeps || entry.file_name() != CONTENTS {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// Waits until everything is on the disk.
fn durable(folder: &Path) -> io::Result<()> {
    let folder = fs::File::open(folder)?;
    // One call for all files: there may be a hundred thousand.
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&folder)?;
    folder.sync_all()
}

/// A file that is being written. It goes with whoever drops it before it is whole: half of it is worth nothing, and takes room, maybe all
/// there is.
#[derive(Debug)]
pub struct Output {
    file: BufWriter<File>,
    path: PathBuf,
    /// Where it will be.
    place: PathBuf,
    room: Arc<Room>,
    is_whole: bool,
}

impl Output {
    /// Writes something.
    pub async fn write(&mut self, content: &[u8]) -> Result<(), ExportError> {
        let has_room = self.room.take(content.len() as u64);
        has_room.map_err(|error| ExportError::at(&self.place, error))?;
        self.file.write_all(content).await.map_err(|error| ExportError::at(&self.place, error))
    }

    /// Writes a line of JSON.
    pub async fn line(&mut self, value: &impl Serialize) -> Result<(), ExportError> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.write(&line).await
    }

    /// Ends it.
    pub async fn finish(mut self) -> Result<(), ExportError> {
        self.file.flush().await.map_err(|error| ExportError::at(&self.place, error))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_whole {
            fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn it_appears_whole_and_what_is_given_up_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("out");
        let begun = Folder::begin(&to).unwrap();
        begun.write("a", b"1").await.unwrap();
        assert!(!to.exists() && names(place.path()).len() == 1);
        drop(begun);
        assert!(names(place.path()).is_empty(), "{:?}", names(place.path()));
        // An empty directory is as good as none.
        fs::create_dir(&to).unwrap();
        let begun = Folder::begin(&to).unwrap();
        begun.write("a", b"1").await.unwrap();
        begun.finish(CancellationToken::new()).await.unwrap();
        assert_eq!((fs::read(to.join("a")).unwrap(), names(place.path())), (b"1".to_vec(), vec!["out".into()]));
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, PRIVATE);
        for occupied in [to.clone(), to.join("a")] {
            let refused = Folder::begin(&occupied).unwrap_err();
            assert!(refused.is_of_arguments() && refused.to_string().starts_with("--to: "), "{refused}");
        }
        // What came there meanwhile is not replaced.
        let (early, late) = (place.path().join("x"), b"2");
        let begun = Folder::begin(&early).unwrap();
        fs::create_dir(&early).unwrap();
        fs::write(early.join("theirs"), late).unwrap();
        assert!(begun.finish(CancellationToken::new()).await.is_err());
        assert_eq!((fs::read(early.join("theirs")).unwrap(), names(place.path()).len()), (late.to_vec(), 2));
    }

    #[tokio::test]
    async fn contents_that_are_whole_stay_for_the_next_one_alone() {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("out");
        let begun = Folder::begin(&to).unwrap();
        let kept = place.path().join(".parlor-export-out");
        assert!(matches!(Folder::begin(&to), Err(ExportError::Busy(_))), "while it is filled, nobody else fills it");
        begun.folder("messages").await.unwrap();
        begun.folder(CONTENTS).await.unwrap();
        for (name, content) in [("messages/1", "secret"), ("files/one", "1"), ("files/two", "2"), ("files/three", "3")] {
            begun.write(name, content.as_bytes()).await.unwrap();
        }
        begun.keep_contents();
        drop(begun);
        assert_eq!((names(&kept), Folder::kept(&to)), (vec![CONTENTS.into()], Some(kept.clone())));
        fs::write(kept.join("messages.jsonl"), "of one who was killed").unwrap();
        fs::write(kept.join("files/two"), "x").unwrap();
        let begun = Folder::begin(&to).unwrap();
        assert_eq!(names(&kept), [CONTENTS]);
        // An error before anything is looked at leaves them there.
        drop(begun);
        let begun = Folder::begin(&to).unwrap();
        begun.retain(CONTENTS, |name| name != "three").await.unwrap();
        let hash = |content: &str| {
            use sha2::Digest;
            crate::encoding::hex(&sha2::Sha256::digest(content))
        };
        assert!(begun.has("files/one", 1, &hash("1")).await.unwrap());
        assert!(!begun.has("files/two", 1, &hash("2")).await.unwrap());
        assert_eq!(names(&kept.join(CONTENTS)), ["one"]);
        begun.finish(CancellationToken::new()).await.unwrap();
        assert_eq!((names(place.path()), names(&to), Folder::kept(&to)), (vec!["out".into()], vec![CONTENTS.into()], None));
    }

    /// As if so many bytes of the disk were to stay free.
    fn keeping(reserve: u64, folder: Folder) -> Folder {
        let mut folder = folder;
        folder.room = Arc::new(Room::keeping(reserve, folder.path()));
        folder
    }

    #[tokio::test]
    async fn a_full_disk_ends_it_and_what_is_half_written_goes() {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("out");
        let begun = keeping(u64::MAX, Folder::begin(&to).unwrap());
        begun.folder(CONTENTS).await.unwrap();
        begun.write("files/one", b"1").await.unwrap();
        begun.keep_contents();
        // All files together are counted.
        let (mut first, mut second) = (begun.file("files/two").await.unwrap(), begun.file("messages").await.unwrap());
        let piece = vec![0; 1 << 20];
        let mut write = async || {
            for _ in 0..2 {
                first.write(&piece).await?;
                second.write(&piece).await?;
            }
            Ok::<_, ExportError>(())
        };
        let full = write().await;
        assert!(full.is_err_and(|error| error.to_string().contains("stay free for the server")));
        drop((first, second));
        assert_eq!((names(begun.path()), names(&begun.path().join(CONTENTS))), (vec![CONTENTS.into()], vec!["one".into()]));
        // What cannot fit is not begun.
        let begun = keeping(0, begun);
        assert!(begun.file_of("files/two", u64::MAX).await.is_err());
        begun.file_of("files/two", 1).await.unwrap().finish().await.unwrap();
        assert_eq!(names(&begun.path().join(CONTENTS)), ["one", "two"]);
    }

    #[tokio::test]
    async fn one_that_is_stopped_in_its_last_step_is_not_there_and_its_contents_stay() {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("out");
        let begin = async || {
            let begun = Folder::begin(&to).unwrap();
            begun.folder(CONTENTS).await.unwrap();
            begun.write("messages", b"secret").await.unwrap();
            begun
        };
        let (begun, stop) = (begin().await, CancellationToken::new());
        begun.write("files/one", b"1").await.unwrap();
        begun.keep_contents();
        stop.cancel();
        assert!(matches!(begun.finish(stop).await, Err(ExportError::Interrupted)));
        let kept = place.path().join(".parlor-export-out");
        assert_eq!(
            (names(place.path()), names(&kept), Folder::kept(&to)),
            (vec![".parlor-export-out".into()], vec![CONTENTS.into()], Some(kept))
        );
        begin().await.finish(CancellationToken::new()).await.unwrap();
        assert_eq!((names(place.path()), names(&to).len()), (vec!["out".into()], 2));
    }

    #[test]
    fn what_others_can_enter_is_not_filled() {
        let place = tempfile::tempdir().unwrap();
        let (to, planted) = (place.path().join("out"), place.path().join(".parlor-export-out"));
        let refused = || Folder::begin(&to).is_err_and(|error| error.to_string().contains("of this user’s alone"));
        fs::create_dir(&planted).unwrap();
        fs::set_permissions(&planted, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(refused());
        fs::rename(&planted, place.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(place.path().join("elsewhere"), &planted).unwrap();
        assert!(refused());
    }
}
