//! `parlor import`.
//!
//! Owns its arguments, what it prints and its exit statuses: 0 done, 1 failed, 2 wrong arguments, 3 done with things left out.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::interrupted::{LEFT_OUT, interrupted};
use super::output::out;
use super::progress::Progress;
use super::{Failure, failed};
use crate::clock::Clock;
use crate::config::Config;
use crate::import::{self, Kind, Report, Wanted};

/// `parlor import`.
#[derive(Args)]
pub struct ImportArguments {
    /// What it is
    kind: From,
    /// Where it is: a zip, a folder, or a file with JSON lines
    from: PathBuf,
    /// Write nothing, and say what would be imported and what not
    #[arg(long)]
    dry_run: bool,
    /// A file that says who is who here: lines `their id, username or address = username here`
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The name of the source, as an earlier import reported it: what came over then is not imported again. By default it is recognised
    #[arg(long, value_name = "NAME", value_parser = import::parse_name)]
    source: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Where Slack's files are, for tests
    #[arg(long, hide = true, value_name = "ORIGIN")]
    files_from: Option<String>,
}

/// What can be imported.
#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// A zip that Slack has exported
    Slack,
    /// The storage folder of a Campfire
    Campfire,
    /// A bulk export of Mattermost's: its .jsonl file, or a zip with it and its data
    Mattermost,
    /// The folder of `parlor export`
    Parlor,
}

/// Imports something.
pub async fn run(config: &Config, arguments: ImportArguments) -> Result<(), Failure> {
    let (clock, mut progress, stop) = (Clock::default(), Progress::new(), interrupted().map_err(failed)?);
    let kind = match arguments.kind {
        From::Slack => Kind::Slack,
        From::Campfire => Kind::Campfire,
        From::Mattermost => Kind::Mattermost,
        From::Parlor => Kind::Parlor,
    };
    let wanted = Wanted {
        kind,
        from: arguments.from,
        is_dry_run: arguments.dry_run,
        map: arguments.map,
        source: arguments.source,
        files_from: arguments.files_from,
    };
    let mut watch = |now: import::Progress| {
        progress.set("import", now.done, now.total, false);
        !stop.is_cancelled()
    };
    let imported = import::import(config, &wanted, &clock, &mut watch).await;
    let report =
        imported.map_err(|error| (if error.is_of_arguments() { 2 } else { 1 }, format!("the import failed: {error}")))?;
    progress.finish();
    if arguments.json {
        out!("{}", serde_json::to_string(&report).map_err(failed)?)?;
    } else {
        print(&report)?;
    }
    let left_out: u64 = report.left_out.values().sum();
    if left_out == 0 { Ok(()) } else { Err((LEFT_OUT, format!("{left_out} things were left out, listed above"))) }
}

fn print(report: &Report) -> Result<(), Failure> {
    let Report { people, rooms, .. } = report;
    out!("{} of {}", if report.dry_run { "what would be imported" } else { "imported" }, report.source)?;
    out!("people: {} new, {} have accounts, {} were there", people.created, people.matched, people.already)?;
    out!("rooms: {} new, {} are used, {} were there", rooms.created, rooms.used, rooms.already)?;
    out!("messages: {} new, {} were there", report.messages, report.messages_already)?;
    out!("reactions: {}, pins: {}, files: {}", report.reactions, report.pins, report.files)?;
    report.notes.iter().try_for_each(|(what, count)| out!("note: {count} {what}"))?;
    report.left_out.iter().try_for_each(|(what, count)| out!("left out: {count} {what}"))
}
