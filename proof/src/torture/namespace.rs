//! Runs a case in a network namespace of its own, whose loopback interface the case may break.
//!
//! Owns entering it: this program runs itself inside, for that one case, and reads the outcome from a file. Nothing outside the namespace
//! is touched.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::report::Line;
use super::{Case, Db, NotRun, Outcome};
use crate::infra::watchdog;

/// Brings the interface up, and runs the given program.
const ENTER: &str = r#"ip link set lo up && exec "$@""#;

pub fn can_be_made() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let tried = Command::new("unshare").args(["--net", "sh", "-c", ENTER, "sh", "true"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

pub(super) fn play(case: &'static Case, db: Db, rounds: u32, server: &Path) -> Line {
    let folder = watchdog::folder();
    let file = folder.path().join("outcome.json");
    let played = std::env::current_exe().and_then(|program| {
        Command::new("unshare")
            .args(["--net", "sh", "-c", ENTER, "sh"])
            .arg(program)
            .args(["torture", "--case", case.name, "--db", &db.to_string(), "--rounds", &rounds.to_string(), "--server"])
            .arg(server)
            .arg("--outcome")
            .arg(&file)
            .stdout(Stdio::null())
            .status()
    });
    match played {
        Ok(_) => match Line::read(case, &file) {
            Some(line) => line,
            None => Line::new(case, db, rounds, Ok(Outcome::failed("it ended without an outcome"))),
        },
        Err(error) => Line::new(case, db, rounds, Err(NotRun(format!("no namespace: {error}")))),
    }
}
