//! `parlor export`.
//!
//! Owns its arguments, what it prints and its exit statuses: 0 done, 1 failed, 2 wrong arguments, 3 done with files left out.

use std::path::{Path, PathBuf};

use clap::Args;

use super::backup::{list, print, unless_left_out};
use super::interrupted::interrupted;
use super::output::out;
use super::progress::Progress;
use super::{Failure, failed};
use crate::clock::Clock;
use crate::config::Config;
use crate::export::{self, ExportError, Exported, Form, What};
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
    let exported = export::export(config, &what, &to, form, &clock, &mut watch, &stop).await.map_err(|error| match error {
        error if error.is_of_arguments() => (2, error.to_string()),
        // What is there is the other one's.
        ExportError::Busy(_) => (1, format!("nothing was exported: {error}")),
        error => failure(&error, &to),
    })?;
    progress.finish();
    let Exported { to, people, rooms, messages, files, file_bytes, files_already, left_out, .. } = &exported;
    if json {
        print(&exported)?;
    } else {
        out!("{to}: {messages} messages in {rooms} rooms, {people} people, {files} files of {}", in_words(*file_bytes))?;
        if *files_already > 0 {
            out!("{files_already} of the files were there already: an export that was interrupted had copied them.")?;
        }
        list(left_out)?;
    }
    unless_left_out(left_out)
}

/// What an error ends with, and what stays.
fn failure(error: &ExportError, to: &Path) -> Failure {
    let stays = match export::kept(to) {
        Some(kept) => format!(". Files that were copied stay in {}, for the next export to {}", kept.display(), to.display()),
        None => String::new(),
    };
    (1, format!("nothing was exported: {error}{stays}"))
}
