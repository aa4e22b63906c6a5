//! What is printed: the machine, and one Markdown table for each case.
//!
//! Owns the middle of a few rounds. It must not judge.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::bench::Options;

/// One number of one round.
#[derive(Clone, Debug)]
pub struct Figure {
    name: &'static str,
    value: f64,
    decimals: usize,
}

/// A number without decimals.
pub fn whole(name: &'static str, value: f64) -> Figure {
    Figure { name, value, decimals: 0 }
}

/// A number with two decimals.
pub fn exact(name: &'static str, value: f64) -> Figure {
    Figure { name, value, decimals: 2 }
}

/// A duration in milliseconds.
pub fn millis(name: &'static str, time: Duration) -> Figure {
    exact(name, time.as_secs_f64() * 1e3)
}

/// A share of time, in percent.
pub fn percent(name: &'static str, part: Duration, whole_time: Duration) -> Figure {
    whole(name, part.as_secs_f64() / whole_time.as_secs_f64() * 100.0)
}

/// Below which time so many hundredths of all lie.
pub fn percentile(times: &mut [Duration], hundredths: usize) -> Duration {
    times.sort_unstable();
    times.get((times.len() * hundredths / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The rounds of one case.
#[derive(Debug, Default)]
pub struct Report {
    rounds: Vec<Vec<Figure>>,
}

impl Report {
    /// Adds a round; each has the same figures.
    pub fn add(&mut self, round: Vec<Figure>) {
        self.rounds.push(round);
    }

    /// Prints the table.
    pub fn print(&self, case: &str) {
        println!("\n| {case} | median | rounds |\n|---|---:|---|");
        let figures = self.rounds.first().map_or(0, Vec::len);
        for nth in 0..figures {
            let Figure { name, decimals, .. } = self.rounds[0][nth];
            let values: Vec<f64> = self.rounds.iter().map(|round| round[nth].value).collect();
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let all: Vec<_> = values.iter().map(|value| grouped(*value, decimals)).collect();
            println!("| {name} | {} | {} |", grouped(sorted[sorted.len() / 2], decimals), all.join(" · "));
        }
    }
}

/// A number with its thousands apart.
fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (integer, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut digits = String::new();
    for (place, digit) in integer.chars().enumerate() {
        if place > 0 && (integer.len() - place).is_multiple_of(3) && !digits.ends_with('-') {
            digits.push(',');
        }
        digits.push(digit);
    }
    fraction.map_or(digits.clone(), |fraction| format!("{digits}.{fraction}"))
}

/// Prints where and how this was measured.
pub fn machine(options: &Options) {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map_or("?", |(_, name)| name.trim());
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let busy = read("/proc/loadavg");
    let busy = busy.split(' ').next().unwrap_or("?");
    let disk = said(Command::new("findmnt").args(["-no", "FSTYPE", "-T"]).arg(&options.dir));
    let commit = said(Command::new("git").args(["describe", "--always", "--dirty"]));
    let command: Vec<_> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    println!("{model}, {cores} cores, Linux {}, the database on {disk}; load average before: {busy}", kernel.trim());
    println!("Server on processor {}, load on {}; commit {commit}", options.server_cpus, options.load_cpus);
    println!("`cargo bench --bench load -- {}`", command.join(" "));
}

/// What a program prints, or `?`.
fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "?".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
