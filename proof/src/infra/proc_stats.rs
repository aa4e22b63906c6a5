//! What a process uses, from `/proc`.

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The kernel's clock ticks a second, in which it counts processor time: 100 on every Linux (`getconf CLK_TCK`).
const TICKS: u64 = 100;

/// What a process has at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcStats {
    /// Anonymous memory in bytes: without pages of files.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl ProcStats {
    /// Reads it.
    pub fn of(process: u32) -> Self {
        let entries = |folder: &str| fs::read_dir(format!("/proc/{process}/{folder}")).map_or(0, Iterator::count);
        Self { memory: memory(process, "Anonymous"), descriptors: entries("fd"), threads: entries("task") }
    }

    /// The maximum of each field.
    pub fn max(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
            threads: self.threads.max(other.threads),
        }
    }

    /// The memory in mebibytes.
    pub fn mebibytes(&self) -> f64 {
        self.memory as f64 / 1_048_576.0
    }
}

impl fmt::Display for ProcStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} MiB, {} descriptors, {} threads", self.mebibytes(), self.descriptors, self.threads)
    }
}

/// The processor time that a process has used since it began.
pub fn processor_time(process: u32) -> Duration {
    ticks(process, OWN)
}

/// The index of the process's own user and system time in `stat`, counted after its name (proc_pid_stat(5)).
pub const OWN: usize = 11;
/// The index of those of its ended children.
pub const ENDED_CHILDREN: usize = 13;

/// User and system time together, to the tick; zero when there is no such process.
pub fn ticks(process: u32, place: usize) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(place).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// A kind of memory of a process in bytes, such as `Rss`.
pub fn memory(process: u32, kind: &str) -> u64 {
    let map = read(process, "smaps_rollup");
    let kilobytes = map.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
    kilobytes.and_then(|text| text.parse::<u64>().ok()).expect("the kernel says how much memory there is") * 1024
}

/// How many bytes wait in the kernel's buffers to be read by clients of a port.
pub fn unsent(port: u16) -> u64 {
    connections(port, |fields| u64::from_str_radix(fields.get(4)?.split(':').next()?, 16).ok()).into_iter().sum()
}

/// How many connections to a port are established.
pub fn established(port: u16) -> usize {
    connections(port, |fields| (*fields.get(3)? == "01").then_some(())).len()
}

/// Maps each connection to a port.
fn connections<T>(port: u16, of: impl Fn(&[&str]) -> Option<T>) -> Vec<T> {
    // Addresses and ports in hexadecimal; then the state, and what waits to be sent and to be read (proc_pid_net(5)).
    let all = fs::read_to_string("/proc/self/net/tcp").expect("the kernel lists its connections");
    let of_port = all.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let is_local = fields.get(1)?.ends_with(&format!(":{port:04X}"));
        is_local.then(|| of(&fields))?
    });
    of_port.collect()
}

fn read(process: u32, what: &str) -> String {
    let file = format!("/proc/{process}/{what}");
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn a_process_can_be_read() {
    let gauge = ProcStats::of(std::process::id());
    assert!(gauge.memory > 0 && gauge.descriptors > 2 && gauge.threads > 0, "{gauge}");
    let before = processor_time(std::process::id());
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(100) {
        std::hint::spin_loop();
    }
    assert!(processor_time(std::process::id()) > before);
}
