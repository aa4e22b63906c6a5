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

/// Runs it with a limit on the size of files, in blocks of 512 bytes: one that may not grow fails as a full disk does, and not with a signal.
pub async fn limited(folder: &Path, blocks: u32, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
    let script = format!("trap '' XFSZ; ulimit -S -f {blocks} && exec \"$@\"");
    let all = [&["-c", &script, "sh", PROGRAM], arguments].concat();
    proof::infra::process::run(Path::new("sh"), folder, &all, settings, "").await
}

/// Starts it on the database at `url`, and waits until it says that it listens.
pub async fn start(folder: &Path, url: &str, settings: &[(&str, &str)]) -> Process {
    Process::start(Path::new(PROGRAM), &[], folder, url, settings).await
}
