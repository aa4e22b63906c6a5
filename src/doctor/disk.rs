//! The disk: how long a sync takes, how much room is left, and who else can read the files.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Finding;
use super::database::fault;
use crate::config::{Config, FilesUrl};
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

/// How much room is left for the database and for files.
pub(super) async fn space(db: &Db, config: &Config) -> Vec<Finding> {
    const CHECK: &str = "space";
    let mut places: Vec<(&str, PathBuf)> = Vec::new();
    match db.file().await {
        Ok(file) => places.extend(file.map(|file| ("the database", file))),
        Err(error) => return fault(CHECK, &error),
    }
    if let Some(FilesUrl::Directory(folder)) = &config.files_url
        && folder.exists()
    {
        places.push(("files", folder.clone()));
    }
    let known = places.into_iter().filter_map(|(what, path)| Some((what, u64::try_from(free_bytes(&path)?).ok()?)));
    known
        .map(|(what, free)| {
            let found = format!("{} are left on the disk of {what}", in_words(free));
            let advice = "Make room: when the disk is full nothing can be written. What was acknowledged stays.";
            match free {
                0..ALMOST_NONE => Finding::failed(CHECK, found, advice),
                ALMOST_NONE..LITTLE => Finding::warning(CHECK, found, advice),
                _ => Finding::ok(CHECK, found),
            }
        })
        .collect()
}

/// Who else can read the database, and the file of settings.
pub(super) async fn modes(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "files";
    let file = match db.file().await {
        Ok(file) => file,
        Err(error) => return fault(CHECK, &error),
    };
    let mut files: Vec<PathBuf> = file.iter().flat_map(|file| files_of(file)).collect();
    files.push(".env".into());
    let mut findings: Vec<_> =
        files.iter().filter_map(|path| of_mode(path, path.metadata().ok()?.permissions().mode())).collect();
    if findings.is_empty() {
        let found = if file.is_some() { "only Parlor’s user can read the database" } else { "the database is on a server" };
        findings.push(Finding::ok(CHECK, found));
    }
    findings
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
    }
}
