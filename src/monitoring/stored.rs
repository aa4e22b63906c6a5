//! Numbers that only the database knows.
//!
//! Owns how often it is asked: however many read the numbers, at most every few seconds, and never for long. A database that does not
//! answer is a number too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Parts;
use crate::clock::Millis;
use crate::cluster::nodes::{self, Listed};
use crate::db::deliveries::OutboxCounts;
use crate::db::jobs::JobCounts;
use crate::db::overview::Engine;
use crate::db::retention::RetentionState;
use crate::db::search::IndexProgress;

/// How long the numbers are kept.
const KEPT: Duration = Duration::from_secs(5);
/// How long the database may take for all of them.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the database says.
#[derive(Debug)]
pub(super) struct Answer {
    pub engine: Engine,
    pub jobs: JobCounts,
    pub outbox: OutboxCounts,
    pub outbox_due_since: Option<Millis>,
    pub index: IndexProgress,
    pub index_lag: i64,
    pub nodes: Vec<Listed>,
    pub retention: RetentionState,
    pub asked_at: Millis,
}

impl Answer {
    /// How long ago everything that had expired was deleted, in milliseconds: nothing that has expired waits for longer. None: it never was.
    pub fn retention_lag(&self) -> Option<u64> {
        let lag = |done_at: Millis| u64::try_from(self.asked_at.0 - done_at.0).unwrap_or_default();
        self.retention.done_at.map(lag)
    }

    /// How far the clocks of the nodes are apart, in milliseconds.
    pub fn clocks_apart(&self) -> u64 {
        nodes::clocks_apart(&self.nodes)
    }
}

/// The last answer; none if the database did not answer in time.
type Last = Option<Arc<Answer>>;

/// The last answer, and when it was given.
#[derive(Debug, Default)]
pub(super) struct Stored(Mutex<Option<(Instant, Last)>>);

impl Stored {
    /// What the database says, or said a few seconds ago.
    pub async fn get(&self, parts: &Parts) -> Last {
        // Held while it is asked: of several who come at once, one asks.
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < KEPT
        {
            return answer.clone();
        }
        let asked = tokio::time::timeout(PATIENCE, ask(parts)).await;
        let answer = match asked {
            Ok(Ok(answer)) => Some(Arc::new(answer)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the database gave no numbers");
                None
            }
            Err(_) => None,
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

async fn ask(parts: &Parts) -> crate::error::Result<Answer> {
    let Parts { db, realtime, node, clock, retention, .. } = parts;
    Ok(Answer {
        engine: db.engine().await?,
        jobs: db.count_jobs(clock.now()).await?,
        outbox: db.count_outbox().await?,
        outbox_due_since: db.outbox_due_since(clock.now()).await?,
        index: db.index_progress().await?,
        index_lag: db.index_lag().await?,
        nodes: nodes::list(db, node, clock, realtime.sockets()).await?,
        retention: retention.state().await?,
        asked_at: clock.now(),
    })
}
