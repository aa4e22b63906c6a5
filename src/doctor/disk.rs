//! The disk: how long a sync takes, how much room is left, and who else can read the files.

use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::database::fault;
use super::{Finding, on_disk};
use crate::config::{Config, FilesUrl, Place};
use crate::db::Db;
use crate::db::doctor::files_of;
use crate::db::overview::free_bytes;
use crate::files::in_words;

/// How many syncs are tried.
const ROUNDS: usize = 9;
/// With slower syncs, posts wait noticeably.
const SLOW: Duration = Duration::from_millis(50);
/// With less room there is a warning, in bytes.
const LITTLE: u64 = 1 << 30;
/// With less room writing may fail any moment, in bytes.
const ALMOST_NONE: u64 = 100 << 20;

/// How long a commit waits for the disk.
pub(super) async fn sync(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "sync";
    let file = match db.file().await {
        Ok(file) => file,
        Err(error) => return fault(CHECK, &error),
    };
    let mut times = match file {
        Some(file) => match tokio::task::spawn_blocking(move || sync_beside(&file)).await {
            Ok(Ok(times)) => times,
            Ok(Err(error)) => {
                let advice = "Parlor’s user must be able to write into the folder of the database: SQLite keeps its log there.";
                return vec![Finding::failed(CHECK, format!("no file can be written beside the database: {error}"), advice)];
            }
            Err(_stopping) => return Vec::new(),
        },
        None => match db.sync_times(ROUNDS).await {
            Ok(times) => times,
            Err(error) => return fault(CHECK, &error),
        },
    };
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let longest = times.last().copied().unwrap_or_default();
    let found = format!("a commit waits {:.1} ms for the disk, {:.1} ms at the most", millis(median), millis(longest));
    if median < SLOW {
        return vec![Finding::ok(CHECK, found)];
    }
    vec![Finding::warning(
        CHECK,
        found,
        "Each post waits for that. Is the disk busy, or far away? An SSD takes a few milliseconds.",
    )]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The times of some syncs of a file in the folder of the database.
fn sync_beside(database: &Path) -> io::Result<Vec<Duration>> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut probe = tempfile::NamedTempFile::new_in(folder)?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        // As much as a small commit.
        probe.write_all(&[7; 4096])?;
        let began = Instant::now();
        probe.as_file().sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// How much room is left for the database, for files and for backups, and for a check of a backup.
pub(super) async fn space(db: &Db, config: &Config) -> Vec<Finding> {
    const CHECK: &str = "space";
    let (file, engine) = match (db.file().await, db.engine().await) {
        (Ok(file), Ok(engine)) => (file, engine),
        (Err(error), _) | (_, Err(error)) => return fault(CHECK, &error),
    };
    let mut places: Vec<(&str, PathBuf)> = file.map(|file| ("the database", file)).into_iter().collect();
    let (folders, database) = (folders(config), u64::try_from(engine.bytes).unwrap_or_default());
    on_disk(move || {
        places.extend(folders.into_iter().filter(|(_, folder)| folder.is_dir()));
        of_places(places, database)
    })
    .await
}

/// How much room is left in these places, and for a copy of a database of this size.
fn of_places(places: Vec<(&'static str, PathBuf)>, database: u64) -> Vec<Finding> {
    const CHECK: &str = "space";
    let room = |path: &Path| u64::try_from(free_bytes(path)?).ok();
    let known = places.into_iter().filter_map(|(what, path)| Some((what, room(&path)?)));
    let mut findings: Vec<_> = known
        .map(|(what, free)| {
            let found = format!("{} are left on the disk of {what}", in_words(free));
            let advice = match what {
                BACKUPS => "Make room, or lower BACKUP_KEEP: the next backup does not fit.",
                _ => "Make room: when the disk is full nothing can be written. What was acknowledged stays.",
            };
            match free {
                0..ALMOST_NONE => Finding::failed(CHECK, found, advice),
                ALMOST_NONE..LITTLE => Finding::warning(CHECK, found, advice),
                _ => Finding::ok(CHECK, found),
            }
        })
        .collect();
    let scratch = std::env::temp_dir();
    findings.extend(room(&scratch).map(|free| of_scratch(&scratch, free, database)));
    findings
}

/// `parlor verify` restores a backup into a scratch database, which is about as large as this one, with its index.
fn of_scratch(scratch: &Path, free: u64, database: u64) -> Finding {
    let found = format!("{} are left in {} (TMPDIR)", in_words(free), scratch.display());
    if free >= database.saturating_add(ALMOST_NONE) {
        return Finding::ok("space", found);
    }
    let advice = "Make room, or set TMPDIR to a folder on a larger disk: `parlor verify` needs as much as the database there.";
    Finding::warning("space", found, advice)
}

/// What the folder of backups is called.
const BACKUPS: &str = "backups";

/// The folders of files and backups, which may be missing.
fn folders(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let files = match &config.files_url {
        Some(FilesUrl::Directory(folder)) => Some(("files", folder.clone())),
        _ => None,
    };
    let backups = match &config.backup_to {
        Some(Place::Path(folder)) => Some((BACKUPS, folder.clone())),
        _ => None,
    };
    files.into_iter().chain(backups).collect()
}

/// Who else can read the database, the file of settings, the files and the backups.
pub(super) async fn modes(db: &Db, config: &Config) -> Vec<Finding> {
    const CHECK: &str = "files";
    let file = match db.file().await {
        Ok(file) => file,
        Err(error) => return fault(CHECK, &error),
    };
    let (folders, settings) = (folders(config), config.env_file.clone());
    on_disk(move || {
        let mode = |path: &Path| Some(path.metadata().ok()?.permissions().mode());
        let files: Vec<PathBuf> = file.iter().flat_map(|file| files_of(file)).collect();
        let mut findings: Vec<_> = files.iter().filter_map(|path| of_mode(path, mode(path)?)).collect();
        findings.extend(of_settings(&settings));
        let there = folders.iter().filter(|(_, folder)| folder.is_dir());
        findings.extend(there.filter_map(|(_, folder)| of_folder(folder, mode(folder)?)));
        if findings.is_empty() {
            let found = if file.is_some() { "only Parlor’s user can read the database" } else { "the database is on a server" };
            findings.push(Finding::ok(CHECK, found));
        }
        findings
    })
    .await
}

/// The file of settings may be for a group if it is another user's: that is how Parlor's user, who cannot change it, reads it.
fn of_settings(file: &Path) -> Option<Finding> {
    let about = file.metadata().ok()?;
    let mode = about.permissions().mode();
    let is_lent = about.uid() != rustix::process::geteuid().as_raw();
    of_mode(file, if is_lent { mode & !0o040 } else { mode })
}

fn of_mode(path: &Path, mode: u32) -> Option<Finding> {
    let (who, is_everybody) = match (mode & 0o007 != 0, mode & 0o070 != 0) {
        (true, _) => ("every user of this machine", true),
        (false, true) => ("the file’s group", false),
        (false, false) => return None,
    };
    let found = format!("{} is open to {who} (mode {:03o})", path.display(), mode & 0o777);
    let advice = format!("chmod 600 {}", path.display());
    Some(if is_everybody { Finding::failed("files", found, advice) } else { Finding::warning("files", found, advice) })
}

/// What is in these folders is for Parlor's user alone, whatever their own modes are; they say who sees names and sizes, or may delete.
fn of_folder(folder: &Path, mode: u32) -> Option<Finding> {
    let is_writable = mode & 0o022 != 0;
    if mode & 0o007 == 0 && !is_writable {
        return None;
    }
    let found = format!("others can enter {} (mode {:03o})", folder.display(), mode & 0o777);
    let advice = format!("chmod 700 {}", folder.display());
    Some(if is_writable { Finding::failed("files", found, advice) } else { Finding::warning("files", found, advice) })
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_file_is_for_its_owner() {
        let state = |mode| of_mode(Path::new("parlor.db"), mode).map(|finding| finding.state);
        assert_eq!(
            [0o100_600, 0o100_400, 0o100_640, 0o100_644, 0o100_602].map(state),
            [None, None, Some(State::Warning), Some(State::Failed), Some(State::Failed)]
        );
        let state = |mode| of_folder(Path::new("files"), mode).map(|finding| finding.state);
        assert_eq!(
            [0o40_700, 0o40_750, 0o40_755, 0o40_701, 0o40_770, 0o40_777].map(state),
            [None, None, Some(State::Warning), Some(State::Warning), Some(State::Failed), Some(State::Failed)]
        );
    }

    #[test]
    fn a_check_of_a_backup_needs_as_much_room_as_the_database() {
        let state = |free, database| of_scratch(Path::new("/tmp"), free, database).state;
        assert_eq!(
            [state(10 << 30, 1 << 30), state(1 << 30, 2 << 30), state(1 << 20, 0)],
            [State::Ok, State::Warning, State::Warning]
        );
    }
}
