//! What a process uses, as Linux tells it of any process of ours.
//!
//! Owns the reading of `/proc`. It must not judge what is too much.

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The kernel's clock ticks a second, in which it counts processor time: 100 on every Linux (`getconf CLK_TCK`).
const TICKS: u64 = 100;

/// What a process has at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gauge {
    /// Memory of its own, in bytes: neither its program's pages nor those of files.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Gauge {
    /// Reads it.
    ///
    /// # Panics
    /// When there is no such process of ours.
    pub fn of(process: u32) -> Self {
        let map = read(process, "smaps_rollup");
        let kilobytes =
            map.lines().find_map(|line| line.strip_prefix("Anonymous:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        let entries = |folder: &str| fs::read_dir(format!("/proc/{process}/{folder}")).map_or(0, Iterator::count);
        Self {
            memory: kilobytes.expect("the kernel says how much memory is anonymous") * 1024,
            descriptors: entries("fd"),
            threads: entries("task"),
        }
    }

    /// The memory in mebibytes.
    pub fn mebibytes(&self) -> f64 {
        self.memory as f64 / 1_048_576.0
    }
}

impl fmt::Display for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} MiB, {} descriptors, {} threads", self.mebibytes(), self.descriptors, self.threads)
    }
}

/// The processor time that a process has used since it began.
///
/// # Panics
/// When there is no such process of ours.
pub fn processor_time(process: u32) -> Duration {
    let stat = read(process, "stat");
    // The name, in parentheses, may hold anything; user and system time are the 14th and 15th field (proc_pid_stat(5)).
    let after_name = stat.rsplit_once(')').expect("a process has a name").1;
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS)
}

/// How many bytes wait in this machine's network for those who are connected to a port and do not take them, all together.
pub fn unsent(port: u16) -> u64 {
    connections(port, |fields| u64::from_str_radix(fields.get(4)?.split(':').next()?, 16).ok()).into_iter().sum()
}

/// How many connections to a port neither side has closed.
pub fn established(port: u16) -> usize {
    connections(port, |fields| (*fields.get(3)? == "01").then_some(())).len()
}

/// What `of` says of each connection to a port.
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
    let gauge = Gauge::of(std::process::id());
    assert!(gauge.memory > 0 && gauge.descriptors > 2 && gauge.threads > 0, "{gauge}");
    let before = processor_time(std::process::id());
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(100) {
        std::hint::spin_loop();
    }
    assert!(processor_time(std::process::id()) > before);
}
