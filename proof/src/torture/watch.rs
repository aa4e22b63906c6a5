//! An eye on a server while something is done to it: how much memory it takes, and whether it panics.
//!
//! Owns the looking. What is too much is for the cases to say.

use std::time::Duration;

use crate::ground::gauge::Gauge;
use crate::ground::process::Process;

/// Often enough that no peak is missed that lasts.
const OFTEN: Duration = Duration::from_millis(20);

/// Runs `doing`, and says how many bytes of memory the server had more at its height than before.
pub async fn memory_during<T>(server: &Process, doing: impl Future<Output = T>) -> (T, u64) {
    let before = Gauge::of(server.id()).memory;
    let mut highest = before;
    let looking = async {
        // Nothing tells of a process's memory: it has to be looked at.
        let mut again = tokio::time::interval(OFTEN);
        loop {
            again.tick().await;
            highest = highest.max(Gauge::of(server.id()).memory);
        }
    };
    let done = tokio::select! {
        done = doing => done,
        () = looking => unreachable!("it looks for ever"),
    };
    (done, highest - before)
}

/// Panics when the server has panicked at any time: what it wrote is searched for what Rust's own hook says then.
pub fn never_panicked(server: &Process) {
    for said in [server.stderr(), server.stdout()] {
        let found = said.lines().find(|line| line.contains("panicked"));
        assert!(found.is_none(), "the server panicked: {}", found.unwrap_or_default());
    }
}
