//! `parlor files`: what an operator does with the storage of files.
//!
//! Owns the arguments and what is printed: progress on standard error, findings on standard output. Either can be interrupted.

use clap::Subcommand;

use super::interrupted::interrupted;
use super::output::{note, out};
use super::progress::Progress;
use super::{Failure, existing, failed};
use crate::clock::Clock;
use crate::config::{Config, FilesUrl, files_url};
use crate::db::Purpose;
use crate::files::check::{Depth, Finding, check};
use crate::files::in_words;
use crate::files::moving::{Moved, copy_all};
use crate::files::storage::Storage;
use crate::files::transfer::Transfer;

#[derive(Subcommand)]
pub enum FilesCommand {
    /// Compare the database with the storage: files that are missing or damaged, and objects that nothing knows of
    Check {
        /// Read every file, and compare its content with its checksum
        #[arg(long)]
        content: bool,
        /// Delete the objects that nothing knows of
        #[arg(long)]
        delete_strays: bool,
    },
    /// Copy all files, previews among them, into another storage. Goes on where it stopped; afterwards, change FILES_URL
    Move {
        /// Where to: file://PATH or s3://BUCKET/PREFIX
        #[arg(long, value_name = "URL", value_parser = files_url)]
        to: FilesUrl,
    },
}

/// Runs a command.
pub async fn run(config: &Config, command: FilesCommand) -> Result<(), Failure> {
    let none = || (2, "FILES_URL: this server has no storage for files".to_owned());
    let url = config.files_url.as_ref().ok_or_else(none)?;
    let wrong = |problem: String| (1, problem);
    let db = existing(config, Purpose::Visit).await?;
    let missing = || (2, "FILES_URL: there is no such directory; it is the one of the server’s settings".to_owned());
    let storage = Storage::existing(url, config).map_err(wrong)?.ok_or_else(missing)?;
    let (stop, mut progress) = (interrupted().map_err(failed)?, Progress::new());
    match command {
        FilesCommand::Check { content, delete_strays } => {
            let mut findings = 0u64;
            let depth = Depth { content, delete_strays };
            let clock = Clock::default();
            let found = |finding: &Finding| {
                findings += 1;
                // Their number is in the status, and where to see them is not.
                drop(out!("{finding}"));
            };
            let checking = check(&db, &storage, &clock, depth, found, |done, total| progress.set("check", done, total, false));
            let checked = stop.run_until_cancelled(checking).await;
            progress.finish();
            let checked = checked.ok_or_else(|| wrong("it was interrupted; what was found until then is listed".to_owned()))?;
            let checked = checked.map_err(failed)?;
            note!("checked {} objects with {}", checked.known, in_words(checked.bytes));
            if findings > 0 { Err((1, format!("found {findings}, listed above"))) } else { Ok(()) }
        }
        FilesCommand::Move { to } => {
            if to == *url {
                return Err((2, "--to: the files are there already".into()));
            }
            let target = Storage::open(&to, config).map_err(|problem| wrong(problem.replace("FILES_URL", "--to")))?;
            let transfer = Transfer::until(stop.clone());
            let show = |moved: &Moved| progress.set("move", moved.done(), moved.total, false);
            let moved = copy_all(&db, &storage, &target, &transfer, show, |lost| drop(out!("missing {lost}"))).await;
            progress.finish();
            if moved.is_err() && transfer.is_stopped() {
                return Err(wrong("it was interrupted; run it again to go on".to_owned()));
            }
            let moved = moved.map_err(failed)?;
            out!("copied {} objects with {}; {} were there already", moved.copied, in_words(moved.bytes), moved.skipped)?;
            if moved.missing > 0 { Err((1, format!("{} objects are missing or damaged", moved.missing))) } else { Ok(()) }
        }
    }
}
