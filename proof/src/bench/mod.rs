//! Measures Parlor and its peers from the outside: starts each server in turn, acts as its clients, and writes figures.
//!
//! It uses only the public protocol. It must use less processor time than what it measures, because it has one core, as the server has.
//!
//! ```text
//! cargo run --release -p proof -- bench                          # everything
//! cargo run --release -p proof -- bench --quick                  # a small run of everything
//! cargo run --release -p proof -- bench posts --servers parlor,node
//! ```
//!
//! Reading order: `options`; `field` (the servers) and `server` (a process); `http` and `socket` (one connection), `sender`,
//! `frame_counter` and `listeners` (very many of them); `cases`; then the output: `results`, `tables`, `aims`, `chart`, `document`.

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

/// Any error ends a measurement.
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
    // Before this program is pinned to one processor.
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

/// Runs `work` on so many threads at the same time, and returns all results.
fn on_threads<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count).map(|nth| scope.spawn(move || work(nth))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread of the load panicked")).collect()
    })
}

/// Pins this program, with all threads that it starts later, to its processors, and raises its limit of open files.
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
    // Each connection is a file here and one in the server. Where the limit is too low, cases with very many of them fail.
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let hard = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().nth(1)?.parse().ok());
    let files = hard.unwrap_or(u64::MAX).min(65_536);
    run("prlimit", &["--pid", &pid, &format!("--nofile={files}:")])
}
