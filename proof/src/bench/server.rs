//! A server under measurement: its own process, on its own processor, with a database of its own.
//!
//! Owns its start, its end and its resource usage. It must not know what is measured.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Result;
use super::meter::{Clock, children};
use crate::infra::proc_stats;

pub struct Site {
    pub(super) dir: TempDir,
    pub(super) command: Vec<OsString>,
    pub(super) cpus: String,
    pub(super) settings: Vec<(String, String)>,
    pub(super) companion: Option<Companion>,
}

/// A database server. Its work counts as the chat server's.
#[derive(Clone, Copy, Debug)]
pub struct Companion {
    pub postmaster: u32,
}

impl Site {
    pub fn start_with(&self, more: &[(&str, &str)]) -> Result<Server> {
        let log = self.dir.path().join("log");
        let began = Instant::now();
        let mut child = self
            .command(&[])
            .envs(more.iter().copied())
            .stdin(Stdio::null())
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
        let took = began.elapsed();
        Ok(Server { child, address, took, companion: self.companion, others: Vec::new(), redis: None, _stdout: stdout })
    }

    /// Its program with further arguments, on its processors and with its settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", &self.cpus]).args(&self.command).args(arguments);
        command.current_dir(self.dir.path()).envs(self.settings.iter().cloned());
        command
    }

    /// Makes each sync of the disk take longer, by delaying its return.
    #[must_use]
    pub fn with_slow_disk(mut self, longer: Duration) -> Self {
        let delay = format!("inject=fsync,fdatasync:delay_exit={}", longer.as_micros());
        // Traced by a detached process (`-D`), so that the child here is the server itself; only syncs are traced.
        let strace =
            ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &delay];
        self.command.splice(0..0, strace.map(OsString::from));
        self
    }

    pub fn start(&self) -> Result<Server> {
        self.start_with(&[])
    }
}

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// The time from its start until it listened.
    pub took: Duration,
    companion: Option<Companion>,
    /// Further nodes on the same database.
    pub others: Vec<Server>,
    /// A Redis between them. Its work counts too.
    pub redis: Option<u32>,
    /// Kept open: a server whose output is closed would fail to write.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Where the nth client connects: nodes take turns.
    pub fn address_of(&self, nth: usize) -> SocketAddr {
        match nth % (self.others.len() + 1) {
            0 => self.address,
            nth => self.others[nth - 1].address,
        }
    }

    /// Stops it, and requires a clean exit.
    pub fn stop(mut self) -> Result<()> {
        self.others.drain(..).try_for_each(Self::stop)?;
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the server ended with {status}").into()),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err("the server did not end when it was told to".into())
    }

    /// Its processor time so far, with that of its database server.
    pub fn clock(&self) -> Result<Clock> {
        let nodes = self.others.iter().map(|other| other.child.id()).chain([self.child.id()]).chain(self.redis);
        let Some(Companion { postmaster }) = self.companion else { return Clock::read(&nodes.collect::<Vec<_>>(), None) };
        let mut processes = children(postmaster);
        processes.extend(nodes.chain([postmaster]));
        Clock::read(&processes, Some(postmaster))
    }

    /// Its resident memory in bytes, without a database server's.
    pub fn memory(&self) -> u64 {
        proc_stats::memory(self.child.id(), "Rss")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
