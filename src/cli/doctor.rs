//! `parlor doctor`: what is wrong, and what to do about it.
//!
//! Owns what is printed, and the exit status: 0 if nothing failed, 1 if something did.

use std::sync::Arc;

use serde_json::json;

use super::output::{note, out, result};
use super::{Failure, failed};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::doctor::missing_file;
use crate::db::{Db, Purpose};
use crate::doctor::{Finding, Patient, State, examine, worst};

/// Examines the server of these settings.
pub async fn run(config: Config, is_json: bool) -> Result<(), Failure> {
    let db = open(&config).await.map(Arc::new);
    let findings = examine(&Patient { config: Arc::new(config), db, clock: Clock::default() }).await;
    let state = worst(&findings);
    if is_json {
        out!("{}", json!({ "state": state, "checks": findings }))?;
    } else {
        result(text(&findings).as_bytes())?;
    }
    let summary = summary(&findings);
    if state == State::Failed {
        return Err(failed(summary));
    }
    note!("{summary}");
    Ok(())
}

/// Opens the database, without making one.
async fn open(config: &Config) -> Result<Db, String> {
    if let Some(file) = missing_file(&config.database_url) {
        return Err(format!("there is no database {} yet: the first start of Parlor makes it", file.display()));
    }
    let opened = Db::open_with(&config.database_url, config.database_connections, Purpose::Visit, config.checkpoints);
    opened.await.map_err(|error| error.to_string())
}

/// A line for each finding, and what to do below it.
fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { check, state, found, advice } in findings {
        text += &format!("{:<8} {check:<11} {found}\n", state.as_str());
        if !advice.is_empty() {
            text += &format!("{:20} → {advice}\n", "");
        }
    }
    text
}

/// How many are how, and which are not well.
fn summary(findings: &[Finding]) -> String {
    let of = |state| findings.iter().filter(move |finding| finding.state == state);
    let names = |state| {
        let mut names: Vec<_> = of(state).map(|finding| finding.check).collect();
        names.dedup();
        names.join(", ")
    };
    let mut parts = vec![format!("{} ok", of(State::Ok).count())];
    for (state, what) in [(State::Warning, "warnings"), (State::Failed, "failed")] {
        let count = of(state).count();
        if count > 0 {
            let what = if (state, count) == (State::Warning, 1) { "warning" } else { what };
            parts.push(format!("{count} {what} ({})", names(state)));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_a_line_and_the_last_names_what_is_not_well() {
        let finding = |check, state, advice: &str| Finding { check, state, found: "it is so".into(), advice: advice.into() };
        let findings = [
            finding("database", State::Ok, ""),
            finding("files", State::Failed, "chmod 600 parlor.db"),
            finding("files", State::Failed, "chmod 600 .env"),
            finding("limits", State::Warning, "raise it"),
        ];
        assert_eq!(
            text(&findings[..2]),
            "ok       database    it is so\nfailed   files       it is so\n                     → chmod 600 parlor.db\n"
        );
        assert_eq!(summary(&findings), "1 ok, 1 warning (limits), 2 failed (files)");
        assert_eq!(summary(&findings[..1]), "1 ok");
    }
}
