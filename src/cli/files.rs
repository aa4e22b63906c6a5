//! `parlor files`: what an operator does with the storage of files.
//!
//! Owns the arguments and what is printed: progress on standard error, findings on standard output.

use std::io::IsTerminal;

use clap::Subcommand;

use super::{Failure, failed};
use crate::clock::Clock;
use crate::config::{Config, FilesUrl, files_url};
use crate::db::{Db, Purpose};
use crate::files::check::{Depth, check};
use crate::files::in_words;
use crate::files::moving::copy_all;
use crate::files::storage::Storage;

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
    let db = Db::open_with(&config.database_url, config.database_connections, Purpose::Visit, config.checkpoints)
        .await
        .map_err(failed)?;
    let storage = Storage::open(url, config).map_err(wrong)?;
    match command {
        FilesCommand::Check { content, delete_strays } => {
            let mut findings = 0u64;
            let depth = Depth { content, delete_strays };
            let clock = Clock::default();
            let checked = check(&db, &storage, &clock, depth, |finding| {
                findings += 1;
                println!("{finding}");
            });
            let checked = checked.await.map_err(failed)?;
            eprintln!("checked {} objects with {}", checked.known, in_words(checked.bytes));
            if findings > 0 { Err((1, format!("found {findings}, listed above"))) } else { Ok(()) }
        }
        FilesCommand::Move { to } => {
            if to == *url {
                return Err((2, "--to: the files are there already".into()));
            }
            let target = Storage::open(&to, config).map_err(|problem| wrong(problem.replace("FILES_URL", "--to")))?;
            let shows = std::io::stderr().is_terminal();
            let moved = copy_all(
                &db,
                &storage,
                &target,
                |moved| {
                    if shows {
                        eprint!("\rcopied {} objects, {}", moved.copied, in_words(moved.bytes));
                    }
                },
                |lost| println!("missing {lost}"),
            );
            let moved = moved.await.map_err(failed)?;
            if shows {
                eprintln!();
            }
            println!("copied {} objects with {}; {} were there already", moved.copied, in_words(moved.bytes), moved.skipped);
            if moved.missing > 0 { Err((1, format!("{} objects are missing or damaged", moved.missing))) } else { Ok(()) }
        }
    }
}
