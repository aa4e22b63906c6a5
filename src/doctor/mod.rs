//! The doctor: what is wrong with a server and its surroundings, and what to do about it.
//!
//! Owns the checks, their limits and their sentences, for `parlor doctor` and `/admin/doctor`. It changes nothing that stays: probes are
//! removed. It must not show a secret: no password, token or URL that may hold one is part of a finding.

mod backups;
mod certificate;
mod database;
mod disk;
mod limits;
mod log;
mod network;
mod outside;
mod settings;
mod storage;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;

/// How long one check may take.
const TIME: Duration = Duration::from_secs(10);
/// How long the findings are kept for the page: probes cost something.
const KEPT: Duration = Duration::from_secs(10);

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CheckState)]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and could be better, or may not for long.
    Warning,
    /// It does not work, or data is in danger.
    Failed,
}

impl State {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it; empty if there is nothing to do.
    pub advice: String,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), advice: String::new() }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, state: State::Warning, found: found.into(), advice: advice.into() }
    }

    fn failed(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, state: State::Failed, found: found.into(), advice: advice.into() }
    }
}

/// Whom the doctor looks at.
pub struct Patient {
    /// The settings.
    pub config: Arc<Config>,
    /// The database, or why it cannot be opened.
    pub db: Result<Arc<Db>, String>,
    /// The time.
    pub clock: Clock,
}

/// Makes all checks, each within ten seconds, and returns what they found, in a fixed order.
pub async fn examine(patient: &Patient) -> Vec<Finding> {
    let Patient { config, db, clock } = patient;
    let around = async {
        let (storage, mail, redis, address) = tokio::join!(
            within("storage", storage::check(config)),
            within("mail", network::mail(config)),
            within("redis", network::redis(config)),
            within("address", outside::check(config)),
        );
        [storage, mail, redis, address].concat()
    };
    let inside = async {
        let db = match db {
            Ok(db) => db,
            Err(why) => {
                let advice =
                    "Check DATABASE_URL, and that the database runs and lets Parlor in. Everything about it is left out below.";
                return vec![Finding::failed("database", why, advice)];
            }
        };
        let (
            answers,
            migrations,
            durability,
            sync,
            space,
            files,
            clocks,
            nodes,
            search,
            log,
            jobs,
            deliveries,
            push,
            backups,
            tls,
        ) = tokio::join!(
            within("database", database::answers(db)),
            within("migrations", database::migrations(db)),
            within("durability", database::durability(db)),
            within("sync", disk::sync(db)),
            within("space", disk::space(db, config)),
            within("files", disk::modes(db, config)),
            within("clock", database::clock(db, clock)),
            within("nodes", database::nodes(db)),
            within("search", log::search(db)),
            within("log", log::gaps(db)),
            within("jobs", log::jobs(db, clock)),
            within("deliveries", log::deliveries(db)),
            within("push", database::push(db)),
            within("backups", backups::check(db, config, clock)),
            within("certificate", certificate::obtained(config, db, clock)),
        );
        [answers, migrations, durability, sync, space, files, clocks, nodes, search, log, jobs, deliveries, push, backups, tls]
            .concat()
    };
    let (inside, around) = tokio::join!(inside, around);
    [settings::check(config), certificate::in_files(config, clock), inside, limits::check(config), around].concat()
}

async fn within(check: &'static str, checking: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    tokio::time::timeout(TIME, checking).await.unwrap_or_else(|_| {
        let found = format!("no answer within {} seconds", TIME.as_secs());
        vec![Finding::failed(check, found, "Find out what does not answer: the network, the disk or the database.")]
    })
}

/// Makes a check that asks the disk, on a thread that may block: a network mount that hangs holds up this check, which then ends by its
/// limit, and nothing else. Nothing is found if the server stops.
async fn on_disk(checking: impl FnOnce() -> Vec<Finding> + Send + 'static) -> Vec<Finding> {
    tokio::task::spawn_blocking(checking).await.unwrap_or_default()
}

/// The doctor of a running server: of several who ask at once, one is examined.
#[derive(Debug, Default)]
pub struct Doctor(Mutex<Option<(Instant, Arc<[Finding]>)>>);

impl Doctor {
    /// What is found now, or was a few seconds ago.
    pub async fn examine(&self, patient: &Patient) -> Arc<[Finding]> {
        let mut last = self.0.lock().await;
        if let Some((at, findings)) = &*last
            && at.elapsed() < KEPT
        {
            return findings.clone();
        }
        let findings: Arc<[Finding]> = examine(patient).await.into();
        *last = Some((Instant::now(), findings.clone()));
        findings
    }
}

/// The worst of some findings.
#[must_use]
pub fn worst(findings: &[Finding]) -> State {
    findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_fails_in_time() {
        let findings = within("mail", std::future::pending()).await;
        assert_eq!((findings[0].check, findings[0].state), ("mail", State::Failed));
        assert!(findings[0].found.contains("10 seconds"));
    }

    #[tokio::test]
    async fn a_disk_that_hangs_holds_up_nothing_else() {
        let (answer, disk) = std::sync::mpsc::channel();
        let checking = tokio::spawn(on_disk(move || {
            disk.recv().expect("it answers in the end");
            vec![Finding::ok("space", "")]
        }));
        // On the only thread of this runtime, others go on meanwhile.
        tokio::task::yield_now().await;
        assert!(!checking.is_finished());
        answer.send(()).expect("it still waits");
        assert_eq!(checking.await.expect("it ends").len(), 1);
    }

    #[test]
    fn the_worst_counts() {
        let all = [Finding::ok("a", ""), Finding::failed("b", "", ""), Finding::warning("c", "", "")];
        assert_eq!((worst(&all), worst(&all[..1]), worst(&[])), (State::Failed, State::Ok, State::Ok));
    }
}
