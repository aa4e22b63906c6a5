//! Measures Parlor and its peers from the outside: starts each server in turn, talks to it as any client does, and writes what it saw.
//!
//! Owns nothing of the servers: it knows only the pages, the JSON and the Socket.IO events that are documented for everybody.
//! It must stay cheaper than what it measures, because it has one core, as the server has.
//!
//! ```text
//! cargo run --release -p proof -- bench                          # everything
//! cargo run --release -p proof -- bench --quick                  # a small run of everything
//! cargo run --release -p proof -- bench posts --servers parlor,node
//! ```
//!
//! Reading order: `options`; `field` (the servers) and `server` (a process); `http` and `socket` (one connection), `sender`, `counter` and
//! `listeners` (very many of them); `cases`; then `results`, `tables`, `aims`, `chart` and `document`, which only show.

mod aims;
mod cases;
mod chart;
mod document;
mod field;
mod floor;
mod frame_counter;
mod http;
mod listeners;
mod meter;
mod options;
mod people;
mod prose;
mod results;
mod sender;
mod server;
mod socket;
mod tables;

use std::error::Error;
use std::process::{Command, ExitCode};

pub use self::floor::main as floor;
pub use self::options::Options;

use self::cases::Fixture;
use self::results::Results;

/// Anything that can go wrong ends a measurement: one with an error in it is none.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Runs what was asked for.
pub fn main(options: &Options) -> ExitCode {
    match run(options) {
        Ok(results) if results.failures.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("proof bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Results> {
    if let Some(file) = &options.render {
        let results = serde_json::from_slice(&std::fs::read(file)?)?;
        document::write(&results, options)?;
        return Ok(results);
    }
    // Before this program is on its one processor and sees no other.
    let machine = crate::docs::machine();
    stay_on(&options.load_cpus)?;
    let mut fixture = Fixture::new(options)?;
    let mut results = Results::begin(machine, options, fixture.versions());
    for case in options.cases() {
        for round in 1..=options.rounds() {
            for server in options.servers_for(case) {
                eprintln!("{case}, round {round} of {}: {server}", options.rounds());
                let mut seen = Vec::new();
                if let Err(error) = cases::measure(&mut fixture, case, server, &mut seen) {
                    results.fail(case, server, round, &*error);
                }
                results.add(case, server, seen);
            }
        }
    }
    results.finish();
    document::write(&results, options)?;
    Ok(results)
}

/// Keeps this program, and every thread that it starts later, off the server's processors, and allows it and them many files.
fn stay_on(cpus: &str) -> Result<()> {
    let pid = std::process::id().to_string();
    let run = |program: &str, arguments: &[&str]| -> Result<()> {
        let output = Command::new(program).args(arguments).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into())
    };
    run("taskset", &["-cp", cpus, &pid])?;
    // Each connection is a file here and another there. Where the machine allows fewer, cases with very many of them say so.
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let hard = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().nth(1)?.parse().ok());
    let files = hard.unwrap_or(u64::MAX).min(65_536);
    run("prlimit", &["--pid", &pid, &format!("--nofile={files}:")])
}
