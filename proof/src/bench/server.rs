//! The server under measurement: its own process, on its own processor, with a database of its own.
//!
//! Owns its start, its end and what the kernel says about it. It must not know what is measured.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::bench::{Options, Result};

/// Limits that are there for strangers; one machine plays a thousand clients here.
const LIFTED: [(&str, &str); 4] =
    [("POST_RATE", "off"), ("LOGIN_RATE", "off"), ("CONNECTION_LIMIT", "off"), ("ADDRESS_CONNECTION_LIMIT", "off")];

/// A place for a server: its directory and its command line.
pub struct Site {
    dir: TempDir,
    program: PathBuf,
    cpus: String,
    settings: Vec<(String, String)>,
}

impl Site {
    /// An empty one.
    pub fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            dir: TempDir::with_prefix_in("load-", &options.dir)?,
            program: fs::canonicalize(&options.server)?,
            cpus: options.server_cpus.clone(),
            settings: options.settings.clone(),
        })
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.dir.path().join("parlor.db")
    }

    /// Starts the server, and waits until it listens.
    pub fn start(&self) -> Result<Server> {
        let log = self.dir.path().join("log");
        let mut child = Command::new("taskset")
            .args(["-c", &self.cpus])
            .arg(&self.program)
            .current_dir(self.dir.path())
            .env("DATABASE_URL", format!("sqlite://{}", self.database().display()))
            .env("LISTEN", "127.0.0.1:0")
            .envs(LIFTED)
            .envs(self.settings.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                child.wait()?;
                return Err(format!("the server did not start: {}", fs::read_to_string(&log)?).into());
            }
            if let Some(address) = line.trim().strip_prefix("listening on http://") {
                break address.parse()?;
            }
        };
        Ok(Server { child, address, _stdout: stdout })
    }
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Kept open, so that it never writes to nobody.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Stops it in its own time, and insists on a clean end.
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }

    /// How much processor time it has used so far.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(&self.child.id().to_string())
    }

    /// How much of its memory is in use, in bytes.
    pub fn memory(&self) -> Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("smaps_rollup has no Rss")?;
        let kib: u64 = rss.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time of a process, of all its threads, those that have ended too; `self` is this program.
pub fn cpu(pid: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold anything; what follows it are fields 3 and on, of which 14 and 15 count ticks.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 =
        fields.get(11).ok_or("a short stat")?.parse::<u64>()? + fields.get(12).ok_or("a short stat")?.parse::<u64>()?;
    // A hundredth of a second on every Linux that this runs on (USER_HZ).
    Ok(Duration::from_millis(ticks * 10))
}
