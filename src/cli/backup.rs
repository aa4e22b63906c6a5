//! `parlor backup`, `parlor restore` and `parlor verify`.
//!
//! Owns their arguments, what they print and their exit statuses: 0 done, 1 failed, 2 wrong arguments, 3 done with files left out.

use std::io;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::interrupted::{LEFT_OUT, interrupted, interrupted_and};
use super::output::{note, out};
use super::progress::Progress;
use super::{Failure, failed};
use crate::backup::{self, BackupError, Leftover, Made, Restored, Verified};
use crate::clock::Clock;
use crate::config::{Config, Place};
use crate::files::in_words;

/// `parlor backup`.
#[derive(Args)]
pub struct BackupArguments {
    /// A file, a directory (the backup gets a dated name there), or s3://BUCKET/PREFIX; what exists is never replaced
    to: Place,
    /// Include the files that people sent
    #[arg(long)]
    files: bool,
    /// Go on with the draft of a backup with files that was interrupted; the backup holds the state of when it was begun
    #[arg(long, requires = "files")]
    resume: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// `parlor restore` and `parlor verify`.
#[derive(Args)]
pub struct FromArguments {
    /// A backup: a file, a directory (its latest dated one), or the same in s3://BUCKET/PREFIX
    from: Place,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Makes a backup.
pub async fn make(config: &Config, arguments: BackupArguments) -> Result<(), Failure> {
    let (clock, mut progress, stop) = (Clock::default(), Progress::new(), interrupted().map_err(failed)?);
    let mut watch = |now| show(&mut progress, now) && !stop.is_cancelled();
    let BackupArguments { to, files, resume, json } = arguments;
    let made = if resume {
        backup::resume(config, &to, &mut watch).await
    } else {
        if let Some(draft) = to.find_draft() {
            note!("{} is the draft of a backup that was interrupted: --files --resume goes on with it", draft.display());
        }
        backup::make(config, &to, files, Leftover::Kept, &clock, &mut watch).await
    };
    let made = made.map_err(|error| failure("no backup was made: ", &error))?;
    progress.finish();
    let Made { to, bytes, created_at, rows, files: count, file_bytes, files_already, left_out } = &made;
    if json {
        print(&made)?;
    } else {
        let with = if files { format!(" and {count} files of {}", in_words(*file_bytes)) } else { String::new() };
        out!("{to}: {}, {rows} rows{with}", in_words(*bytes))?;
        if resume {
            out!("It holds the state of {created_at}, when it was begun; {files_already} of its files were in the draft.")?;
        }
        list(left_out)?;
    }
    unless_left_out(left_out)
}

/// Restores one.
pub async fn restore(config: &Config, arguments: FromArguments) -> Result<(), Failure> {
    let (clock, mut progress, stop) = (Clock::default(), Progress::new(), interrupted().map_err(failed)?);
    let mut watch = |now| show(&mut progress, now) && !stop.is_cancelled();
    let restored = backup::restore(config, &arguments.from, &clock, &mut watch);
    let restored = restored.await.map_err(|error| match error {
        BackupError::Unfinished(_) => (1, format!("{error}. Once that is mended, parlor migrate finishes it")),
        BackupError::Interrupted => (
            1,
            "nothing was restored: it was interrupted. Files that were put into FILES_URL stay there for the next run".to_owned(),
        ),
        error => failure("nothing was restored: ", &error),
    })?;
    progress.finish();
    let Restored { from, created_at, rows, files, has_files, left_out, .. } = &restored;
    if arguments.json {
        print(&restored)?;
    } else {
        out!("restored {from} of {created_at}: {rows} rows, {files} files")?;
        if !has_files {
            out!("Files are not in this backup: those in FILES_URL are used; parlor files check finds what is missing.")?;
        }
        out!("Everybody has to log in again, and search finds old messages once the server has indexed them.")?;
        list(left_out)?;
    }
    unless_left_out(left_out)
}

/// Verifies one.
pub async fn verify(config: &Config, arguments: FromArguments) -> Result<(), Failure> {
    // Only its owner can enter it. It goes in any case: it has everybody's messages.
    let scratch = tempfile::tempdir().map_err(|error| (1, format!("can’t use {}: {error}", std::env::temp_dir().display())))?;
    let folder = scratch.path().to_owned();
    let stop = interrupted_and(move || remove(&folder)).map_err(failed)?;
    let (clock, mut progress) = (Clock::default(), Progress::new());
    let mut watch = |now| show(&mut progress, now) && !stop.is_cancelled();
    let verified = backup::verify(config, &arguments.from, scratch.path(), &clock, &mut watch);
    let verified = verified.await.map_err(|error| failure("", &error))?;
    progress.finish();
    let Verified { from, created_at, made_by, database, rows, files, problems, left_out, .. } = &verified;
    if arguments.json {
        print(&verified)?;
    } else {
        out!("{from} of {created_at}, made by Parlor {made_by} of a {database} database: {rows} rows, {files} files")?;
        problems.iter().try_for_each(|problem| out!("wrong: {problem}"))?;
        list(left_out)?;
    }
    if problems.is_empty() {
        return unless_left_out(left_out);
    }
    Err((1, format!("the backup can be restored, but {} things in it are wrong, listed above", problems.len())))
}

/// Deletes a folder in which others may still write.
fn remove(folder: &Path) {
    const TRIES: usize = 10;
    for _ in 0..TRIES {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return,
        }
    }
}

/// What an error ends with: wrong arguments and settings have a status of their own.
fn failure(what: &str, error: &BackupError) -> Failure {
    (if error.is_of_arguments() { 2 } else { 1 }, format!("{what}{error}"))
}

/// Shows how far it is; always true.
fn show(progress: &mut Progress, now: backup::Progress) -> bool {
    progress.set(now.what, now.done, now.total, now.is_bytes);
    true
}

/// Prints a result for machines.
pub(super) fn print(result: &impl Serialize) -> Result<(), Failure> {
    out!("{}", serde_json::to_string(result).map_err(failed)?)
}

/// Prints what was left out.
pub(super) fn list(left_out: &[String]) -> Result<(), Failure> {
    left_out.iter().try_for_each(|what| out!("left out: {what}"))
}

/// The failure of what was done, but not for everything.
pub(super) fn unless_left_out(left_out: &[String]) -> Result<(), Failure> {
    if left_out.is_empty() { Ok(()) } else { Err((LEFT_OUT, format!("{} things were left out, listed above", left_out.len()))) }
}
