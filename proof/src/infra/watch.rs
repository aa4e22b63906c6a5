//! Watching a server while something is done to it: how much memory it takes, and whether it panics.
//!
//! Owns the measuring. What is too much is up to tests and cases.

use std::time::Duration;

use super::proc_stats::ProcStats;
use super::process::Process;

/// How often the server is polled: Linux does not notify of a process's memory.
const INTERVAL: Duration = Duration::from_millis(20);
/// A server that has grown by so many bytes has failed. It must not take all memory of the machine.
const ENOUGH: u64 = 512 << 20;

/// Runs `work`, and reports the most memory, descriptors and threads that the server had meanwhile.
pub async fn peak_during<T>(server: &Process, work: impl Future<Output = T>) -> (T, ProcStats) {
    let mut peak = server.stats();
    let most = peak.memory + ENOUGH;
    let watching = async {
        let mut again = tokio::time::interval(INTERVAL);
        loop {
            again.tick().await;
            peak = peak.max(server.stats());
            assert!(peak.memory <= most, "the server's memory has grown to {:.0} MiB", peak.mebibytes());
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = watching => unreachable!("watching has no end"),
    };
    (done, peak)
}

/// Runs `work`, and reports by how many bytes the server's memory grew at its peak.
pub async fn growth_during<T>(server: &Process, work: impl Future<Output = T>) -> (T, u64) {
    let before = server.stats().memory;
    let (done, peak) = peak_during(server, work).await;
    (done, peak.memory - before)
}

/// Panics when the server has panicked at any time: its output is searched for the message of Rust's own hook.
pub fn never_panicked(server: &Process) {
    for output in [server.stderr(), server.stdout()] {
        let found = output.lines().find(|line| line.contains("panicked"));
        assert!(found.is_none(), "the server panicked: {}", found.unwrap_or_default());
    }
}
