//! The real program, as an administrator runs it.
//!
//! Owns starting it with a clean environment, its output, and ending it by signals.

use std::ops::Deref;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::proc_stats::ProcStats;
use super::watchdog::Watchdog;
use crate::client::{DEADLINE, Site};

/// A command in `folder` with only these settings.
pub fn command(program: impl AsRef<Path>, folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program.as_ref());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(settings.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The output of a command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program to its end.
pub async fn run(program: &Path, folder: &Path, arguments: &[&str], settings: &[(&str, &str)], stdin: &str) -> Ended {
    let mut child =
        command(program, folder, settings).args(arguments).stdin(Stdio::piped()).spawn().expect("the program was built");
    let mut input = child.stdin.take().expect("its input is a pipe");
    // One that does not read its input may be gone already.
    drop(input.write_all(stdin.as_bytes()).await);
    drop(input);
    // It works all the time, perhaps beside many others.
    let output =
        timeout(DEADLINE * 3, child.wait_with_output()).await.expect("it comes to an end").expect("it can be waited for");
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A serving program.
pub struct Process {
    /// What its people see.
    pub site: Site,
    child: Child,
    stdout: Output,
    stderr: Output,
    _watchdog: Watchdog,
}

impl Process {
    /// Starts the server, or a program that starts it (such as strace), on the database at `url`, and waits until it listens. Rate limits
    /// are off, unless `settings` says otherwise.
    pub async fn start(program: &Path, arguments: &[&str], folder: &Path, url: &str, settings: &[(&str, &str)]) -> Self {
        match Self::try_start(program, arguments, folder, url, settings).await {
            Ok(process) => process,
            Err(said) => panic!("it did not start:\n{said}"),
        }
    }

    /// The same for a server that may not start.
    pub async fn try_start(
        program: &Path,
        arguments: &[&str],
        folder: &Path,
        url: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self, String> {
        let lifted = ["POST_RATE", "ACT_RATE", "REGISTRATION_RATE"].map(|name| (name, "off"));
        let mut all: Vec<_> = [("DATABASE_URL", url), ("LISTEN", "127.0.0.1:0")].into_iter().chain(lifted).collect();
        all.retain(|(name, _)| settings.iter().all(|(given, _)| given != name));
        all.extend(settings);
        let mut child = command(program, folder, &all).args(arguments).process_group(0).spawn().expect("the program can be run");
        let watchdog = Watchdog::over_group(child.id().expect("it has just been started")).expect("a watchdog");
        let stdout = Output::read(child.stdout.take().expect("its output is a pipe"));
        let stderr = Output::read(child.stderr.take().expect("its errors are a pipe"));
        // A new database takes a sync for each migration.
        let ready = timeout(DEADLINE * 3, stdout.line_at_last(|line| line.starts_with("listening on http"))).await.ok().flatten();
        let Some(ready) = ready else {
            // The two pipes are read independently.
            stderr.line(|_| false).await;
            return Err(format!("{}\n{}", stdout.all(), stderr.all()));
        };
        let (_, address) = ready.split_once("://").expect("the line names a URL");
        let site = Site::at(address.trim_end_matches('/').parse().expect("the line names an address"));
        Ok(Self { site, child, stdout, stderr, _watchdog: watchdog })
    }

    /// Its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.all()
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.all()
    }

    /// The first line of its standard error with this text.
    pub async fn logs(&self, text: &str) -> String {
        match self.stderr.line(|line| line.contains(text)).await {
            Some(line) => line,
            None => panic!("it does not log {text:?}:\n{}", self.stderr()),
        }
    }

    /// Its whole standard error, once it has ended.
    pub async fn all_stderr(&self) -> String {
        self.stderr.line(|_| false).await;
        self.stderr.all()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    /// What it uses now.
    pub fn stats(&self) -> ProcStats {
        ProcStats::of(self.id())
    }

    /// Sends it a signal by name.
    pub async fn signal(&self, name: &str) {
        signal(name, &self.id().to_string()).await;
    }

    /// Waits for its end.
    pub async fn end(&mut self) -> ExitStatus {
        match timeout(DEADLINE, self.child.wait()).await {
            Ok(status) => status.expect("it can be waited for"),
            Err(_) => panic!("it does not end; it said:\n{}", self.stderr()),
        }
    }

    /// Kills it with SIGKILL.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a process of ours can be killed");
    }
}

impl Deref for Process {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// Sends a signal to a process, or to a group of them.
pub async fn signal(name: &str, process: &str) {
    let sent = Command::new("sh").args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", name, process]).status().await;
    assert!(sent.expect("there is a shell").success(), "{name} could not be sent");
}

/// The output of a program, as it comes.
pub(super) struct Output {
    text: Arc<Mutex<String>>,
    changed: watch::Receiver<usize>,
}

impl Output {
    pub(super) fn read(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let (changes, changed) = watch::channel(0);
        let all = text.clone();
        tokio::spawn(async move {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.push_str(&String::from_utf8_lossy(&line));
                line.clear();
                changes.send_replace(all.len());
            }
        });
        Self { text, changed }
    }

    /// The first line that fits, within [`DEADLINE`]; nothing when the program ends without it.
    pub(super) async fn line(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        timeout(DEADLINE, self.line_at_last(fits)).await.ok().flatten()
    }

    /// The same, without a deadline.
    pub(super) async fn line_at_last(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let mut changed = self.changed.clone();
        loop {
            changed.mark_unchanged();
            if let Some(line) = self.all().lines().find(|line| fits(line)) {
                return Some(line.to_owned());
            }
            changed.changed().await.ok()?;
        }
    }

    pub(super) fn all(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
