//! `parlor export`.
//!
//! Owns its arguments, what it prints and its exit statuses: 0 done, 1 failed, 2 wrong arguments, 3 done with files left out.

use std::path::PathBuf;

use clap::Args;

use super::backup::{list, print, unless_left_out};
use super::interrupted::interrupted;
use super::progress::Progress;
use super::{Failure, failed};
use crate::clock::Clock;
use crate::config::Config;
use crate::export::{self, Exported, Form, What};
use crate::files::in_words;

/// `parlor export`.
#[derive(Args)]
pub struct ExportArguments {
    #[command(flatten)]
    what: Asked,
    /// A directory that is empty or does not exist
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Write pages for a browser, instead of JSON lines
    #[arg(long)]
    html: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Asked {
    /// The slug of a room: the last part of its address
    room: Option<String>,
    /// All rooms and people
    #[arg(long)]
    all: bool,
    /// What one person wrote, and what is stored about them
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
}

impl From<Asked> for What {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked { room: Some(slug), .. } => Self::Room(slug),
            Asked { person: Some(name), .. } => Self::Person(name),
            Asked { .. } => Self::All,
        }
    }
}

/// Makes an export.
pub async fn run(config: &Config, arguments: ExportArguments) -> Result<(), Failure> {
    let ExportArguments { what, to, html, json } = arguments;
    let (clock, mut progress, stop) = (Clock::default(), Progress::new(), interrupted().map_err(failed)?);
    let mut watch = |now: export::Progress| progress.set(now.what, now.done, now.total, now.is_bytes);
    let form = if html { Form::Html } else { Form::Records };
    let what = what.into();
    let exporting = export::export(config, &what, &to, form, &clock, &mut watch);
    let exported = tokio::select! {
        exported = exporting => exported.map_err(|error| {
            if error.is_of_arguments() { (2, error.to_string()) } else { (1, format!("nothing was exported: {error}")) }
        })?,
        // What was begun is deleted with the future.
        () = stop.cancelled() => return Err((1, "nothing was exported: it was interrupted".to_owned())),
    };
    progress.finish();
    let Exported { to, people, rooms, messages, files, file_bytes, left_out, .. } = &exported;
    if json {
        print(&exported)?;
    } else {
        println!("{to}: {messages} messages in {rooms} rooms, {people} people, {files} files of {}", in_words(*file_bytes));
        list(left_out);
    }
    unless_left_out(left_out)
}
