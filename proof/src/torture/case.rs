//! A case and its outcome.
//!
//! Owns what all cases share. A case fails by panicking, as a test does, or by a verdict that is not clean.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

use super::{Db, Fixture};
use crate::checker::Verdict;
use crate::infra::programs::{self, Program};

pub struct Case {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, and when it passes: one line.
    pub about: &'static str,
    pub databases: &'static [Db],
    /// How many rounds the long run has.
    pub rounds: u32,
    /// How many the short selection has; 0 when it is not in it.
    pub short: u32,
    pub needs: &'static [Need],
    pub run: fn(Fixture, u32) -> CaseFuture,
}

impl Case {
    /// A case that needs nothing special.
    pub const fn new(
        name: &'static str,
        databases: &'static [Db],
        rounds: u32,
        short: u32,
        run: fn(Fixture, u32) -> CaseFuture,
    ) -> Self {
        Self { name, about: "", databases, rounds, short, needs: &[], run }
    }

    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }
}

pub type CaseFuture = Pin<Box<dyn Future<Output = CaseResult> + Send>>;

pub type CaseResult = Result<Outcome, NotRun>;

/// Why a case was not run. It never counts as passed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotRun(pub String);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    pub verdict: Verdict,
    /// The longest time until the server had recovered, in cases with a fault.
    pub recovery: Option<Duration>,
    /// Further measurements and observations.
    pub notes: Vec<String>,
    pub failure: Option<String>,
}

impl Outcome {
    pub fn failed(why: &str) -> Self {
        Self { failure: Some(why.to_owned()), ..Self::default() }
    }

    pub fn add(&mut self, verdict: Verdict) {
        self.verdict += verdict;
    }

    /// Notes how long the server took to recover; the longest counts.
    pub fn recovered(&mut self, time: Duration) {
        self.recovery = self.recovery.max(Some(time));
    }

    pub fn note(&mut self, words: impl fmt::Display) {
        self.notes.push(words.to_string());
    }

    pub fn is_well(&self) -> bool {
        self.failure.is_none() && self.verdict.is_clean()
    }
}

/// What a case needs of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Postgres' programs. A case on Postgres needs not say so.
    Postgres,
    /// Redis, or Valkey.
    Redis,
    /// To be root: for mounts and limits.
    Root,
    /// A network namespace with only a loopback interface, in which the whole case runs.
    Namespace,
    /// The servers of `tests/servers`.
    Servers,
    Program(&'static str),
}

impl Need {
    /// Why the machine does not have it; nothing when it does.
    pub fn missing(self) -> Option<NotRun> {
        let (is_here, why) = match self {
            Self::Postgres => (Program::Postgres.is_here(), "Postgres is not on this machine".to_owned()),
            Self::Redis => (Program::Redis.is_here(), "Redis is not on this machine".to_owned()),
            Self::Root => (programs::is_root(), "only root may do this".to_owned()),
            Self::Namespace => (super::namespace::can_be_made(), "no network namespace can be made here".to_owned()),
            Self::Servers => (Program::Servers.is_here(), "the servers of tests/servers are not on this machine".to_owned()),
            Self::Program(name) => (programs::on_path(name).is_some(), format!("{name} is not on this machine")),
        };
        (!is_here).then_some(NotRun(why))
    }
}

pub(super) fn panic_message(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was ended".to_owned() };
    let said = panic.downcast_ref::<String>().cloned();
    said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "it panicked without a word".to_owned())
}
