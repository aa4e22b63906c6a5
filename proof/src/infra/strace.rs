//! Tracing a process's system calls, and making them fail, with `strace`.

use std::process::Stdio;

use tokio::process::{Child, Command};

use super::process::{Output, signal};
use crate::client::DEADLINE;

/// A strace that is attached to processes.
#[derive(Debug)]
pub struct Strace(Child);

impl Strace {
    /// Attaches one, by its command line; nothing where processes may not be traced.
    pub async fn attach(arguments: &[&str]) -> Option<Self> {
        let mut strace = Command::new("strace")
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it was asked whether it is here");
        let output = Output::read(strace.stderr.take().expect("it is a pipe"));
        let line = output.line_at_last(|line| line.contains("attached"));
        let is_attached = tokio::time::timeout(DEADLINE, line).await.expect("strace says what it does").is_some();
        is_attached.then_some(Self(strace))
    }

    /// Detaches it.
    pub async fn end(mut self) {
        signal("INT", &self.0.id().expect("it runs").to_string()).await;
        tokio::time::timeout(DEADLINE, self.0.wait()).await.expect("strace lets go").expect("it can be waited for");
    }
}
