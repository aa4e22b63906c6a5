//! The table of outcomes.
//!
//! Owns their format. A case that was not run is never counted as passed.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Case, CaseResult, Db, NotRun, Outcome, cases};

#[derive(Serialize, Deserialize)]
pub struct Line {
    name: String,
    db: Db,
    rounds: u32,
    played: Result<Outcome, NotRun>,
    pub seconds: f64,
}

impl Line {
    pub fn new(case: &Case, db: Db, rounds: u32, played: CaseResult) -> Self {
        Self { name: case.name.to_owned(), db, rounds, played, seconds: 0.0 }
    }

    pub fn read(case: &Case, file: &Path) -> Option<Self> {
        let lines: Vec<Self> = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        lines.into_iter().find(|line| line.name == case.name)
    }

    fn has_failed(&self) -> bool {
        self.played.as_ref().is_ok_and(|outcome| !outcome.is_well())
    }

    fn result(&self) -> &'static str {
        match &self.played {
            Err(_) => "not run",
            Ok(outcome) if outcome.is_well() => "passed",
            Ok(_) => "FAILED",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.result())?;
        match &self.played {
            Err(NotRun(why)) => write!(f, ": {why}"),
            Ok(outcome) => {
                write!(f, " in {:.0} s: {}", self.seconds, outcome.verdict)?;
                for note in &outcome.notes {
                    write!(f, "\n  {note}")?;
                }
                outcome.failure.iter().try_for_each(|failure| write!(f, "\n  {failure}"))
            }
        }
    }
}

#[derive(Default)]
pub struct Report {
    lines: Vec<Line>,
}

impl Report {
    pub fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub fn has_failed(&self) -> bool {
        self.lines.iter().any(Line::has_failed)
    }

    /// Adds earlier outcomes from a file: the last run of each case on each database, in the order of the cases.
    pub fn with_earlier(mut self, file: &Path) -> Result<Self, String> {
        let earlier: Vec<Line> = match std::fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?,
            Err(_) => Vec::new(),
        };
        for line in earlier {
            if !self.lines.iter().any(|later| (&later.name, later.db) == (&line.name, line.db)) {
                self.lines.push(line);
            }
        }
        let all = cases::all();
        // Cases that no longer exist are removed.
        self.lines.retain(|line| all.iter().any(|case| case.name == line.name));
        self.lines.sort_by_key(|line| (all.iter().position(|case| case.name == line.name), line.db == Db::Postgres));
        Ok(self)
    }

    pub fn leave(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_vec(&self.lines).map_err(|error| error.to_string())?;
        std::fs::write(file, text).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| case | database | rounds | acknowledged | lost | doubled | out of order | seen by strangers | seconds to recover | result |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---:|---:|---|")?;
        for line in &self.lines {
            write!(f, "| {} | {} | {} ", line.name, line.db, line.rounds)?;
            match &line.played {
                Err(_) => write!(f, "| – | – | – | – | – | – ")?,
                Ok(Outcome { verdict, recovery, .. }) => {
                    let recovery = recovery.map_or_else(|| "–".to_owned(), |time| format!("{:.1}", time.as_secs_f64()));
                    let (lost, doubled, order) = (verdict.lost, verdict.doubled, verdict.out_of_order);
                    write!(f, "| {} | {lost} | {doubled} | {order} ", verdict.acknowledged)?;
                    write!(f, "| {} | {recovery} ", verdict.seen_by_strangers)?;
                }
            }
            writeln!(f, "| {} |", line.result())?;
        }
        let notes = self.lines.iter().flat_map(|line| {
            let what = format!("{} on {}", line.name, line.db);
            match &line.played {
                Err(NotRun(why)) => vec![format!("{what} was not run: {why}")],
                Ok(outcome) => {
                    let failed = outcome.failure.iter().chain(&outcome.verdict.findings).map(|why| format!("FAILED: {why}"));
                    outcome.notes.iter().cloned().chain(failed).map(|words| format!("{what}: {words}")).collect()
                }
            }
        });
        for note in notes {
            write!(f, "\n- {}", note.replace('\n', " "))?;
        }
        let count = |result| self.lines.iter().filter(|line| line.result() == result).count();
        write!(f, "\n\n{} passed, {} failed, {} skipped\n", count("passed"), count("FAILED"), count("not run"))
    }
}

pub fn described() -> String {
    let mut table = "| case | what happens, and when it passes | database |\n|---|---|---|\n".to_owned();
    for case in cases::all() {
        let databases = case.databases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        table.push_str(&format!("| `{}` | {} | {databases} |\n", case.name, case.about));
    }
    table
}

pub fn list() {
    for case in cases::all() {
        let databases: Vec<_> = case.databases.iter().map(ToString::to_string).collect();
        let short = if case.short > 0 { "short" } else { "" };
        println!("{:<22} {:<16} {:>5} {:<6} {}", case.name, databases.join(" "), case.rounds, short, case.about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_case_the_last_run_is_kept_and_all_stay_in_order() {
        let all = cases::all();
        let line = |nth: usize, db, rounds| Line::new(all[nth], db, rounds, Ok(Outcome::default()));
        let folder = tempfile::tempdir().expect("there is room");
        let file = folder.path().join("report.json");
        let first = Report { lines: vec![line(3, Db::Sqlite, 1), line(0, Db::Postgres, 1), line(0, Db::Sqlite, 1)] };
        first.with_earlier(&file).expect("there is none yet").leave(&file).expect("there is room");
        let later = Report { lines: vec![line(1, Db::Sqlite, 2), line(0, Db::Sqlite, 2)] };
        let merged = later.with_earlier(&file).expect("it can be read");
        let shown: Vec<_> = merged.lines.iter().map(|line| (line.name.as_str(), line.db, line.rounds)).collect();
        assert_eq!(
            shown,
            [
                (all[0].name, Db::Sqlite, 2),
                (all[0].name, Db::Postgres, 1),
                (all[1].name, Db::Sqlite, 2),
                (all[3].name, Db::Sqlite, 1)
            ]
        );
    }
}
