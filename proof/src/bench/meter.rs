//! What processors were used, and what the machine is like.
//!
//! Owns reading `/proc`. It must not know what is measured.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Result;
use super::options::Options;
use super::server::Server;

/// What the server and this program used of their processors while something happened.
pub struct Meter {
    began: Instant,
    server: Duration,
    load: Duration,
}

/// What was used.
pub struct Used {
    /// How long it took.
    pub time: Duration,
    /// The server's processor time.
    pub server: Duration,
    /// This program's.
    pub load: Duration,
}

impl Meter {
    /// Begins to count.
    pub fn start(server: &Server) -> Result<Self> {
        Ok(Self { began: Instant::now(), server: server.cpu()?, load: cpu(std::process::id())? })
    }

    /// What has been used since.
    pub fn stop(&self, server: &Server) -> Result<Used> {
        let time = self.began.elapsed();
        Ok(Used {
            time,
            server: server.cpu()?.saturating_sub(self.server),
            load: cpu(std::process::id())?.saturating_sub(self.load),
        })
    }
}

impl Used {
    /// The server's time for each of so many things, in µs.
    pub fn each(&self, things: usize) -> f64 {
        self.server.as_secs_f64() * 1e6 / things.max(1) as f64
    }

    /// How many of them there were a second.
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

/// The processor time of a process, of all its threads.
pub fn cpu(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))?.flatten() {
        // A thread may end in between; those that ended before are counted by the kernel in ticks only, and there are few.
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        nanoseconds += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// How much of a process's memory is in use, in bytes.
pub fn memory(pid: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("smaps_rollup has no Rss")?;
    let kib: u64 = rss.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

/// A process's children.
pub fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Below which so many thousandths of all lie.
pub fn quantile<T: Copy + Ord + Default>(values: &mut [T], thousandths: usize) -> T {
    values.sort_unstable();
    values.get((values.len() * thousandths / 1000).min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Where and when this is measured.
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

/// What a program prints, or `?`.
pub fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "?".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
