//! Measures Parlor from the outside: starts the server, talks to it as any client does, and prints what it saw.
//!
//! Owns nothing of the server: it knows only the pages, the JSON and the Socket.IO events that are documented for everybody.
//! It must stay cheaper than what it measures, because it has one core, as the server has.
//!
//! ```text
//! cargo run --release -p proof -- bench posts fanout idle joins pages depth
//! ```
//!
//! Reading order: `server` (the process), `http` and `socket` (one connection), `walker` and `crowd` (very many of them), then
//! the cases.

mod cases;
mod crowd;
mod http;
mod people;
mod report;
mod sender;
mod server;
mod socket;
mod walker;

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Args, ValueEnum};

use self::report::{Figure, Report};

/// Anything that can go wrong ends the program: a measurement with an error in it is none.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Acknowledged posts a second, and how long an acknowledgement takes.
    Posts,
    /// Deliveries a second to very many listeners of one room.
    Fanout,
    /// The server's memory for each connection that only waits.
    Idle,
    /// What entering a room with a replay of 50 messages costs.
    Joins,
    /// Room pages a second.
    Pages,
    /// The first, a middle and the last page of a very long room.
    Depth,
}

/// Runs the named cases, each a few times against a fresh server.
#[derive(Debug, Args)]
pub struct Options {
    /// What to measure; everything when nothing is named.
    cases: Vec<Case>,
    /// How often each case is repeated; the middle result counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The server to measure.
    #[arg(long, default_value = "target/release/parlor")]
    server: PathBuf,
    /// Where each server's database is made; its disk is part of what is measured.
    #[arg(long, default_value = "target")]
    dir: PathBuf,
    /// The processors of the server, as `taskset` writes them.
    #[arg(long, default_value = "0")]
    server_cpus: String,
    /// The processors of this program.
    #[arg(long, default_value = "1")]
    load_cpus: String,
    /// Further settings of the server, `NAME=value`.
    #[arg(long = "set", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// How long a timed round lasts, in seconds.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// `posts`: how many people post.
    #[arg(long, default_value_t = 16)]
    senders: usize,
    /// `posts`: how many posts of each are under way.
    #[arg(long, default_value_t = 8)]
    in_flight: usize,
    /// `fanout`: how many sockets listen.
    #[arg(long, default_value_t = 1_000)]
    listeners: usize,
    /// `fanout`: how many messages each of them gets.
    #[arg(long, default_value_t = 4_000)]
    messages: usize,
    /// `idle`: how many connections wait.
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// `joins`: how many sockets come and go.
    #[arg(long, default_value_t = 6_000)]
    joins: usize,
    /// `joins` and `pages`: how many ask at the same time.
    #[arg(long, default_value_t = 4)]
    parallel: usize,
    /// `depth`: how many messages the room has.
    #[arg(long, default_value_t = 1_000_000)]
    depth: i64,
}

fn setting(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs what was asked for, and prints what was seen.
pub fn main(options: &Options) -> ExitCode {
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proof bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    stay_on(&options.load_cpus)?;
    report::machine(options);
    let cases = if options.cases.is_empty() { Case::value_variants() } else { &options.cases };
    for case in cases {
        let mut report = Report::default();
        for round in 1..=options.rounds {
            eprintln!("{case:?}, round {round} of {}", options.rounds);
            report.add(measure(*case, options)?);
        }
        report.print(&format!("{case:?}").to_lowercase());
    }
    Ok(())
}

fn measure(case: Case, options: &Options) -> Result<Vec<Figure>> {
    match case {
        Case::Posts => cases::posts::measure(options),
        Case::Fanout => cases::fanout::measure(options),
        Case::Idle => cases::idle::measure(options),
        Case::Joins => cases::joins::measure(options),
        Case::Pages => cases::pages::measure(options),
        Case::Depth => cases::depth::measure(options),
    }
}

/// Keeps this program, and every thread that it starts later, off the server's processors.
fn stay_on(cpus: &str) -> Result<()> {
    let pid = std::process::id().to_string();
    let output = Command::new("taskset").args(["-cp", cpus, &pid]).output()?;
    if !output.status.success() {
        return Err(format!("taskset -cp {cpus}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(())
}
