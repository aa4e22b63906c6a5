//! The folder of an export: it is filled under another name beside its place, and gets its own when it is whole.
//!
//! Owns that nothing half-done is left: whoever drops it before, deletes it. It must not know what is written.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;
use tokio::fs::{DirBuilder, File};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::ExportError;

/// How the name of a folder begins that is being filled.
const PARTIAL: &str = ".parlor-export-";
/// Only whoever runs Parlor may look into it: it holds what people told each other.
const PRIVATE: u32 = 0o700;
/// How much is written at once, in bytes.
const BUFFER: usize = 64 << 10;

/// A folder that is being filled.
#[derive(Debug)]
pub struct Folder {
    filled: TempDir,
    target: PathBuf,
}

impl Folder {
    /// Begins one that will be at `to`, where nothing is, or an empty directory.
    pub fn begin(to: &Path) -> Result<Self, ExportError> {
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
        let parent = target.parent().ok_or_else(occupied)?;
        let filled = tempfile::Builder::new()
            .prefix(PARTIAL)
            .permissions(fs::Permissions::from_mode(PRIVATE))
            .tempdir_in(parent)
            .map_err(|error| ExportError::at(parent, error))?;
        Ok(Self { filled, target })
    }

    /// Where it will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where it is until then.
    pub fn path(&self) -> &Path {
        self.filled.path()
    }

    /// Makes a folder in it, with those above.
    pub async fn folder(&self, name: &str) -> Result<(), ExportError> {
        let made = DirBuilder::new().recursive(true).create(self.filled.path().join(name)).await;
        made.map_err(|error| self.failed(name, error))
    }

    /// Begins a file in it.
    pub async fn file(&self, name: &str) -> Result<Output, ExportError> {
        let place = self.target.join(name);
        match File::create_new(self.filled.path().join(name)).await {
            Ok(file) => Ok(Output { file: BufWriter::with_capacity(BUFFER, file), place }),
            Err(error) => Err(ExportError::at(&place, error)),
        }
    }

    /// Writes a whole file.
    pub async fn write(&self, name: &str, content: &[u8]) -> Result<(), ExportError> {
        let mut file = self.file(name).await?;
        file.write(content).await?;
        file.finish().await
    }

    /// Deletes a file in it.
    pub async fn remove(&self, name: &str) -> Result<(), ExportError> {
        tokio::fs::remove_file(self.filled.path().join(name)).await.map_err(|error| self.failed(name, error))
    }

    /// Gives it its name, once it is on the disk.
    pub async fn finish(self) -> Result<(), ExportError> {
        let Self { filled, target } = self;
        let moved = tokio::task::spawn_blocking(move || {
            durable(filled.path())
                // An empty directory is replaced, and nothing else.
                .and_then(|()| fs::rename(filled.path(), &target))
                .map_err(|error| ExportError::at(&target, error))?;
            // What it was called is gone.
            drop(filled.keep());
            if let Some(parent) = target.parent() {
                fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(|error| ExportError::at(&target, error))?;
            }
            Ok(())
        });
        moved.await.map_err(|error| ExportError::Internal(error.to_string()))?
    }

    fn failed(&self, name: &str, error: io::Error) -> ExportError {
        ExportError::at(&self.target.join(name), error)
    }
}

/// Waits until everything is on the disk.
fn durable(folder: &Path) -> io::Result<()> {
    let folder = fs::File::open(folder)?;
    // One call for all files: there may be a hundred thousand.
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&folder)?;
    folder.sync_all()
}

/// A file that is being written.
#[derive(Debug)]
pub struct Output {
    file: BufWriter<File>,
    place: PathBuf,
}

impl Output {
    /// Writes something.
    pub async fn write(&mut self, content: &[u8]) -> Result<(), ExportError> {
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
        self.file.flush().await.map_err(|error| ExportError::at(&self.place, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_appears_whole_and_what_is_given_up_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("out");
        let names = || {
            let mut names: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let begun = Folder::begin(&to).unwrap();
        begun.write("a", b"1").await.unwrap();
        assert!(!to.exists() && names().len() == 1);
        drop(begun);
        assert!(names().is_empty(), "{:?}", names());
        // An empty directory is as good as none.
        fs::create_dir(&to).unwrap();
        let begun = Folder::begin(&to).unwrap();
        begun.write("a", b"1").await.unwrap();
        begun.finish().await.unwrap();
        assert_eq!((fs::read(to.join("a")).unwrap(), names()), (b"1".to_vec(), vec!["out".into()]));
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
        assert!(begun.finish().await.is_err());
        assert_eq!((fs::read(early.join("theirs")).unwrap(), names().len()), (late.to_vec(), 2));
    }
}
