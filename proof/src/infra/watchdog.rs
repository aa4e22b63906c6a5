//! Cleaning up after the tests, even if they are killed.
//!
//! Owns small `sh` children that wait for their input to close, which also happens when the test process is killed, and then run a script.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A new folder, which is removed with its owner, and at the latest with this process.
pub fn folder() -> tempfile::TempDir {
    static ALL: OnceLock<(std::path::PathBuf, Watchdog)> = OnceLock::new();
    let (all, _) = ALL.get_or_init(|| {
        let all = tempfile::Builder::new().prefix("parlor-tests-").tempdir().expect("a folder for the run").keep();
        let path = all.to_str().expect("a plain path").to_owned();
        (all, Watchdog::new("rm -rf \"$1\"", &[&path]).expect("a watchdog"))
    });
    tempfile::tempdir_in(all).expect("a folder in it")
}

/// Runs a shell script when it is dropped, or when this process ends in any way.
pub struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Prepares `script`. Its `$1`, `$2` … are `arguments`.
    pub fn new(script: &str, arguments: &[&str]) -> io::Result<Self> {
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("cat > /dev/null\n{script}"))
            .arg("watchdog")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // Its own group, so that a Ctrl-C at the terminal leaves it alive to tidy up.
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }

    /// Kills a process, and all that it started in its group, at the end.
    pub fn over_group(leader: u32) -> io::Result<Self> {
        // A form that every shell accepts.
        Self::new("kill -s KILL -- \"-$1\"", &[&leader.to_string()])
    }

    /// Does it now.
    fn act(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.act();
    }
}
