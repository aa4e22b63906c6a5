//! The processor time of the server and of the load, and what the machine is like.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Result;
use super::options::Options;
use super::server::Server;
use crate::infra::proc_stats::{ENDED_CHILDREN, OWN, ticks};

/// The processor time of the server and of this program.
pub struct Meter {
    began: Instant,
    server: Clock,
    load: Clock,
}

pub struct Used {
    pub time: Duration,
    pub server: Duration,
    pub load: Duration,
}

impl Meter {
    pub fn start(server: &Server) -> Result<Self> {
        Ok(Self { began: Instant::now(), server: server.clock()?, load: Clock::read(&[std::process::id()], None)? })
    }

    pub fn stop(&self, server: &Server) -> Result<Used> {
        let time = self.began.elapsed();
        let load = Clock::read(&[std::process::id()], None)?;
        Ok(Used { time, server: server.clock()?.since(&self.server), load: load.since(&self.load) })
    }
}

impl Used {
    /// The server's processor time for each operation, in µs.
    pub fn each(&self, things: usize) -> f64 {
        self.server.as_secs_f64() * 1e6 / things.max(1) as f64
    }

    pub fn rate(&self, things: usize) -> f64 {
        things as f64 / self.time.as_secs_f64()
    }

    /// How busy the server was, in percent.
    pub fn server_busy(&self) -> f64 {
        self.server.as_secs_f64() / self.time.as_secs_f64() * 100.0
    }

    /// How busy this program was, in percent.
    pub fn load_busy(&self) -> f64 {
        self.load.as_secs_f64() / self.time.as_secs_f64() * 100.0
    }
}

/// The processor time of some processes at one moment, from two sources.
pub struct Clock {
    /// Each thread's, to the nanosecond. Threads that have ended are missing.
    threads: BTreeMap<u64, u64>,
    /// The sum, with threads that have ended, to the tick: a hundredth of a second.
    all: Duration,
}

impl Clock {
    /// Reads it for these processes, and for the ended children of `parent`.
    pub fn read(processes: &[u32], parent: Option<u32>) -> Result<Self> {
        let mut threads = BTreeMap::new();
        let mut all = Duration::ZERO;
        for pid in processes {
            // Processes and threads may end in between.
            for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
                let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
                let id: Option<u64> = task.file_name().to_str().and_then(|id| id.parse().ok());
                let used: Option<u64> = text.split(' ').next().and_then(|first| first.parse().ok());
                threads.extend(id.zip(used));
            }
            all += ticks(*pid, OWN);
        }
        all += parent.map_or(Duration::ZERO, |parent| ticks(parent, ENDED_CHILDREN));
        if threads.is_empty() {
            return Err("the server is gone".into());
        }
        Ok(Self { threads, all })
    }

    pub fn since(&self, before: &Self) -> Duration {
        let used = |(id, now): (&u64, &u64)| now.saturating_sub(before.threads.get(id).copied().unwrap_or_default());
        let exact = Duration::from_nanos(self.threads.iter().map(used).sum());
        let coarse = self.all.saturating_sub(before.all);
        // A large difference: a thread has ended, and its time is missing.
        if coarse > exact + Duration::from_millis(30) { coarse } else { exact }
    }
}

pub fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub fn surroundings(options: &Options) -> Vec<String> {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    let disk = said(Command::new("findmnt").args(["-no", "FSTYPE", "-T"]).arg(&options.dir));
    let commit = said(Command::new("git").args(["describe", "--always", "--dirty"]));
    vec![
        format!("servers on processor {}, load on {}", options.server_cpus, options.load_cpus),
        format!("databases on {disk}"),
        format!("load average before: {load}"),
        format!("commit {commit}"),
    ]
}

pub fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "?".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
