//! The room on a disk, of which some always stays free: the database may be on it.
//!
//! Owns how much that is, and that whoever writes much looks from time to time. It must not know what is written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::in_words;

/// How much of a disk stays free, in bytes.
const RESERVE: u64 = 64 << 20;
/// How much is written without a look, in bytes.
const LOOK: u64 = 4 << 20;

/// The room on the disk of a folder, for whoever writes there.
#[derive(Debug)]
pub struct Room {
    folder: PathBuf,
    reserve: u64,
    /// What was written since the last look.
    unseen: AtomicU64,
}

impl Room {
    /// That of a folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self::keeping(RESERVE, folder)
    }

    /// The same, of which so many bytes stay free.
    #[must_use]
    pub fn keeping(reserve: u64, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), reserve, unseen: AtomicU64::new(0) }
    }

    /// Refuses so many bytes, if they would not leave enough.
    ///
    /// # Errors
    /// `StorageFull`.
    pub fn check(&self, bytes: u64) -> io::Result<()> {
        if leaves(&self.folder, bytes, self.reserve) {
            return Ok(());
        }
        let reserve = in_words(self.reserve);
        Err(io::Error::new(
            io::ErrorKind::StorageFull,
            format!("there is no room: {reserve} of this disk stay free for the server"),
        ))
    }

    /// Counts bytes that are about to be written, and looks after each few megabytes whether the next ones fit.
    ///
    /// # Errors
    /// `StorageFull`.
    pub fn take(&self, bytes: u64) -> io::Result<()> {
        if self.unseen.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) < LOOK {
            return Ok(());
        }
        self.unseen.store(0, Ordering::Relaxed);
        self.check(LOOK)
    }
}

/// Whether so many bytes leave enough room on the disk of a folder: 64 MB stay free. Where nobody can say, writing shows it.
#[must_use]
pub fn has_room(folder: &Path, bytes: u64) -> bool {
    leaves(folder, bytes, RESERVE)
}

fn leaves(folder: &Path, bytes: u64, reserve: u64) -> bool {
    #[cfg(target_os = "linux")]
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        return disk.f_bavail.saturating_mul(disk.f_frsize) >= bytes.saturating_add(reserve);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_much_looks_from_time_to_time() {
        let folder = tempfile::tempdir().unwrap();
        let full = Room::keeping(u64::MAX, folder.path());
        assert!(full.take(LOOK / 2).is_ok() && full.take(LOOK / 2 - 1).is_ok(), "as little fits into what stays free");
        let refused = full.take(1).unwrap_err();
        assert!(refused.kind() == io::ErrorKind::StorageFull && refused.to_string().contains("stay free"), "{refused}");
        assert!(full.take(1).is_ok() && full.take(LOOK).is_err());
        let empty = Room::keeping(0, folder.path());
        assert!((0..100).all(|_| empty.take(LOOK).is_ok()));
        assert!(empty.check(u64::MAX).is_err() && !has_room(folder.path(), u64::MAX));
    }
}
