//! File permissions of a SQLite database.
//!
//! Owns that new files are readable by Parlor's user alone from the start, and the warning about older files. SQLite creates its
//! log and shared memory with the mode of the database. It must not change the mode of existing files: an operator may have
//! chosen it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// File modes: read and write for the owner, nothing for others.
const OWN: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// Opens a file for writing; creates it if it is missing.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).mode(OWN).open(path)
}

/// Creates a file if it is missing. An existing one is not even opened: closing it would release SQLite's locks in this process.
pub(super) fn make(path: &Path) -> io::Result<()> {
    if path.exists() { Ok(()) } else { open(path).map(drop) }
}

/// The lock file that keeps out a second server.
pub(super) fn lock_of(database: &Path) -> PathBuf {
    beside(database, ".lock")
}

/// The database, and what SQLite and Parlor keep beside it.
pub(super) fn files_of(database: &Path) -> [PathBuf; 4] {
    [database.to_owned(), beside(database, "-wal"), beside(database, "-shm"), lock_of(database)]
}

/// Warns if other users can read the database or hold its lock, and suggests a fix.
pub(super) fn warn_of_readers(database: &Path) {
    let is_open = |path: &PathBuf| path.metadata().is_ok_and(|about| about.permissions().mode() & OTHERS != 0);
    let open: Vec<_> = files_of(database).into_iter().filter(is_open).map(|path| quoted(&path)).collect();
    if !open.is_empty() {
        tracing::warn!("other users of this machine can open Parlor's files. To end that: chmod 600 {}", open.join(" "));
    }
}

fn beside(database: &Path, end: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Quotes a path for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_to_a_shell() {
        for (path, word) in [("/srv/parlor.db", "/srv/parlor.db"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("$x", "'$x'")] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
