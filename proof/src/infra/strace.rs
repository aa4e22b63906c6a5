//! Looking at a process's system calls, and making them fail, with `strace`.
//!
//! Owns the attaching and the letting go. What is looked for is its caller's.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::process::signal;
use crate::client::DEADLINE;

/// A strace that is attached to processes, until it is told to let go.
#[derive(Debug)]
pub struct Strace(Child);

impl Strace {
    /// Attaches one, by its command line; gives nothing where processes may not be traced.
    ///
    /// # Panics
    /// When there is no strace, or it says nothing in time.
    pub async fn attach(arguments: &[&str]) -> Option<Self> {
        let mut strace = Command::new("strace")
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it was asked whether it is here");
        let mut said = BufReader::new(strace.stderr.take().expect("it is a pipe")).lines();
        let attached = async {
            while let Ok(Some(line)) = said.next_line().await {
                if line.contains("attached") {
                    return true;
                }
            }
            false
        };
        let is_attached = tokio::time::timeout(DEADLINE, attached).await.expect("strace says what it does");
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        is_attached.then_some(Self(strace))
    }

    /// Lets go.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn end(mut self) {
        signal("INT", &self.0.id().expect("it runs").to_string()).await;
        tokio::time::timeout(DEADLINE, self.0.wait()).await.expect("strace lets go").expect("it can be waited for");
    }
}
