//! The torture chamber: it injects faults into a server while people write, and then the checker looks for lost messages.
//!
//! Owns the command line and the order of the cases. The cases are in `cases`, one file for each subject. Every case runs against
//! a server of its own, in a process of its own, and uses only the public protocol.
//!
//! ```text
//! cargo build && cargo run -p proof -- torture --all
//! cargo run -p proof -- torture --case kill9 --rounds 50 --db postgres
//! ```

mod case;
mod cases;
mod delay_probe;
mod fixture;
mod heavy;
mod latency_probe;
mod load;
mod namespace;
mod nodes;
mod probe;
mod report;

/// What most cases use.
mod prelude {
    pub use std::time::{Duration, Instant};

    pub use futures_util::future::join_all;
    pub use reqwest::Method;
    pub use serde_json::{Value, json};

    pub use super::case::{Case, CaseResult, Need, NotRun, Outcome};
    pub use super::delay_probe::{DelayProbe, Delays};
    pub use super::fixture::{Db, Fixture, until_well};
    pub(super) use super::heavy;
    pub use super::heavy::{Cost, EXTRA, Reader, fail, fill, is_all, is_refused_for_now};
    pub use super::latency_probe::LatencyProbe;
    pub use super::load::{Load, history};
    pub use super::nodes::{Nodes, Presence};
    pub use super::probe::{Probe, until_live};
    pub use crate::client::site::PASSWORD;
    pub use crate::client::{Answer, DEADLINE, Person, Raw, Site, Socket};
    pub use crate::faults::bad_clients::{
        BufferFiller, SMALL, address, connect, invited, online, socket_from, stuck, until_gone, until_released,
    };
    pub use crate::infra::proc_stats::{ProcStats, established, processor_time};
    pub use crate::infra::process::Process;
    pub use crate::infra::watch::{never_panicked, peak_during};
}

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

pub use load::{Load, head, history};

use self::case::{Case, CaseResult, Need, NotRun, Outcome};
use self::fixture::{Db, Fixture};
use self::report::{Line, Report};
use crate::docs;

/// Plays the named cases, each against a fresh server.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The cases to play, by name.
    #[arg(long = "case")]
    cases: Vec<String>,
    /// Plays every case.
    #[arg(long, conflicts_with = "cases")]
    all: bool,
    /// Plays the short selection, a few rounds each: under ten minutes.
    #[arg(long, conflicts_with_all = ["cases", "all"])]
    short: bool,
    /// Lists the cases and ends.
    #[arg(long)]
    list: bool,
    /// On this database only; by default on each that the case is for.
    #[arg(long, value_enum)]
    db: Option<Db>,
    /// How many rounds; each case has its own default.
    #[arg(long)]
    rounds: Option<u32>,
    /// The server; by default the `parlor` beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Writes the tables into this document. Outcomes are kept beside it (`.json`), so that the last run of other cases stays.
    #[arg(long)]
    docs: Option<PathBuf>,
    /// Where a case that runs in a namespace of its own leaves its outcome.
    #[arg(long, hide = true)]
    outcome: Option<PathBuf>,
}

impl Options {
    fn server(&self) -> Result<PathBuf, String> {
        let beside = || Some(std::env::current_exe().ok()?.with_file_name("parlor"));
        let server = self.server.clone().or_else(beside).unwrap_or_default();
        server.canonicalize().map_err(|error| format!("{}: {error}; build it, or say --server", server.display()))
    }

    fn picked(&self) -> Result<Vec<&'static Case>, String> {
        let all = cases::all();
        if let Some(unknown) = self.cases.iter().find(|name| all.iter().all(|case| case.name != **name)) {
            return Err(format!("there is no case called {unknown}; --list shows all"));
        }
        Ok(all
            .into_iter()
            .filter(|case| self.all || self.cases.iter().any(|name| name == case.name) || (self.short && case.short > 0))
            .collect())
    }

    fn rounds(&self, case: &Case) -> u32 {
        self.rounds.unwrap_or(if self.short { case.short } else { case.rounds })
    }
}

/// Plays what was asked for, and prints the table.
pub fn main(options: &Options) -> ExitCode {
    if options.list {
        report::list();
        return ExitCode::SUCCESS;
    }
    match run(options) {
        Ok(report) if report.has_failed() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proof torture: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<Report, String> {
    let server = options.server()?;
    let picked = options.picked()?;
    if picked.is_empty() {
        return Err("nothing to play: say --all, --short or --case NAME; --list shows all".to_owned());
    }
    let mut report = Report::default();
    for case in picked {
        for db in case.databases.iter().copied().filter(|db| options.db.is_none_or(|wanted| wanted == *db)) {
            let rounds = options.rounds(case);
            eprintln!("{} on {db}, {rounds} round(s)", case.name);
            let line = play(case, db, rounds, &server, options);
            eprintln!("  {line}");
            report.add(line);
        }
    }
    if let Some(file) = &options.outcome {
        report.leave(file)?;
        return Ok(report);
    }
    println!("{report}");
    if let Some(file) = &options.docs {
        let kept = file.with_extension("json");
        report = report.with_earlier(&kept)?;
        report.leave(&kept)?;
        docs::put(file, "torture: results", &format!("{}\n\n{report}", docs::machine()))?;
        docs::put(file, "torture: cases", &report::described())?;
    }
    Ok(report)
}

/// Plays one case to its end, whatever that is.
fn play(case: &'static Case, db: Db, rounds: u32, server: &std::path::Path, options: &Options) -> Line {
    if let Some(missing) = case.needs.iter().find_map(|need| need.missing()) {
        return Line::new(case, db, rounds, Err(missing));
    }
    if db == Db::Postgres
        && let Some(missing) = Need::Postgres.missing()
    {
        return Line::new(case, db, rounds, Err(missing));
    }
    if case.needs.contains(&Need::Namespace) && options.outcome.is_none() {
        return namespace::play(case, db, rounds, server);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made");
    let began = std::time::Instant::now();
    let fixture = Fixture::new(db, server);
    let played = runtime.block_on(async { tokio::spawn((case.run)(fixture, rounds)).await });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    let mut line = Line::new(case, db, rounds, played.unwrap_or_else(|error| Ok(Outcome::failed(&case::panic_message(error)))));
    line.seconds = began.elapsed().as_secs_f64();
    line
}
