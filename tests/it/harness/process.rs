//! Parlor's own program, as an administrator runs it.
//!
//! Owns which program that is; how any is started, what it says and how it ends is in `proof::infra::process`.

use std::path::Path;

pub use proof::infra::process::{Ended, Process};

/// The program's path.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_parlor");

/// Runs it to its end.
pub async fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)], stdin: &str) -> Ended {
    proof::infra::process::run(Path::new(PROGRAM), folder, arguments, settings, stdin).await
}

/// Starts it on the database at `url`, and waits until it says that it listens.
pub async fn start(folder: &Path, url: &str, settings: &[(&str, &str)]) -> Process {
    Process::start(Path::new(PROGRAM), &[], folder, url, settings).await
}
