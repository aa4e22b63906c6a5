//! Files and folders that are written by one program of one user at a time.
//!
//! Owns how one is locked, and that nothing is gone on with that somebody else could have put there. It must not know what is in them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file that others may read.
    File,
    /// A directory that others may not even enter.
    Folder,
}

/// Opens what is at `path`, to be the only one who writes it; `None` while somebody else does. It is locked until what is returned is closed. In
/// a folder for everybody, another user could have put something there, with content that nobody wrote, or to read what is written into it.
///
/// # Errors
/// The system's; `NotFound` if it was moved away meanwhile; `PermissionDenied` if it is another user's, or open to others.
pub fn lock_own(path: &Path, kind: Kind) -> io::Result<Option<File>> {
    let about = fs::symlink_metadata(path)?;
    let own = tempfile::tempfile_in(folder_of(path))?.metadata()?.uid();
    let (is_of_kind, open_to, denied) = match kind {
        Kind::File => (about.is_file(), 0o022, "it is another user’s, or others can write to it"),
        Kind::Folder => (about.is_dir(), 0o077, "it is no directory of this user’s alone"),
    };
    if !is_of_kind || about.uid() != own || about.mode() & open_to != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, denied));
    }
    let opened = File::options().read(true).write(kind == Kind::File).open(path)?;
    // Where nothing can be locked, nobody is kept apart.
    if matches!(opened.try_lock(), Err(TryLockError::WouldBlock)) {
        return Ok(None);
    }
    // Before it was locked, its writer may have moved it to its place, and somebody else may have put something here.
    let inode = |about: &fs::Metadata| (about.dev(), about.ino());
    let named = inode(&fs::symlink_metadata(path)?);
    if inode(&opened.metadata()?) == named && inode(&about) == named {
        Ok(Some(opened))
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The directory that something is in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
