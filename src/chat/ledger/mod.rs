//! The one write path: a bounded queue, and a task that commits everything queued as one transaction.
//!
//! Owns the order of changes, their durability and their acknowledgement. An outcome is sent only after the commit and after the
//! caches in memory (recent messages, linked names) are updated, so that the requester's next read includes the change. It must
//! not decide what is allowed; `rules` does. It must not send anything except outcomes; subscribers of `events` do.

pub mod change;
pub mod measures;
pub mod recent;
pub mod rules;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, warn};

use super::names::Names;
use crate::chat::ledger::change::{Change, Effect, Outcome, Request};
use crate::chat::ledger::measures::Measures;
use crate::chat::ledger::recent::RecentCache;
use crate::chat::ledger::rules::Batch;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::ledger::LARGEST_BATCH;
use crate::error::{Error, Result};
use crate::events::{Bus, Event};
use crate::jobs::Jobs;
use crate::model::Logged;
use crate::model::{RoomId, Visibility};
use crate::outbox::Outbox;
use crate::permissions::Caller;
use crate::security_log::{self, Source};

/// Capacity of the queue; beyond it requests are refused as `busy`.
pub const QUEUE: usize = 4096;
/// How long a requester waits. The change may still be committed later; a retry with the same nonce finds out.
const PATIENCE: Duration = Duration::from_secs(15);

/// The ledger. Changes can be queued from any task without waiting.
#[derive(Debug)]
pub struct Ledger {
    /// `None` once the ledger is closed.
    queue: RwLock<Option<mpsc::Sender<Request>>>,
    /// Cancelled once the last change is committed and published.
    ended: CancellationToken,
    measures: Arc<Measures>,
}

/// A queued change.
#[derive(Debug)]
#[must_use = "the outcome tells whether the change was committed"]
pub struct Pending(oneshot::Receiver<Outcome>);

impl Pending {
    /// Waits until the change is committed or refused.
    pub async fn outcome(self) -> Outcome {
        match tokio::time::timeout(PATIENCE, self.0).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_stopped)) => Err(Error::BUSY),
            Err(_elapsed) => Err(Error::NotSaved),
        }
    }

    /// Waits for a change of a message; returns the message.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn message(self) -> Result<Arc<Logged>> {
        self.posted().await.map(|(logged, _)| logged)
    }

    /// Waits for a message to be posted; returns it, and whether it is new, or was posted with the same nonce before.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn posted(self) -> Result<(Arc<Logged>, bool)> {
        match self.outcome().await? {
            Effect::Message(logged) => Ok((logged, true)),
            Effect::Posted(logged) => Ok((logged, false)),
            Effect::ReadMarker(_) | Effect::Deleted(_) | Effect::Expired { .. } | Effect::Unchanged => {
                Err(Error::Internal("a change came to no message".into()))
            }
        }
    }
}

impl Ledger {
    /// Starts the ledger's task, which ends when it is closed and the queue is committed. Events are published in commit order,
    /// those of a commit together.
    pub fn start(
        db: Arc<Db>,
        clock: Clock,
        recent: Arc<RecentCache>,
        names: Arc<Names>,
        events: Bus,
        jobs: Jobs,
        outbox: Outbox,
    ) -> Self {
        let (queue, requests) = mpsc::channel(QUEUE);
        let ended = CancellationToken::new();
        let measures = Arc::new(Measures::default());
        let committer = Committer { db, clock, recent, names, jobs, outbox, measures: measures.clone() };
        let guard = ended.clone().drop_guard();
        tokio::spawn(async move {
            run(committer, requests, events).await;
            drop(guard);
        });
        Self { queue: RwLock::new(Some(queue)), ended, measures }
    }

    /// Waits until the ledger is closed and everything is committed and published.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// What it has counted.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// How many changes wait.
    pub fn waiting(&self) -> usize {
        self.queue.read().as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Queues a change. Changes are committed in the order of calls.
    ///
    /// # Errors
    /// [`Error::Busy`] if the queue is full or the server is stopping.
    pub fn submit(&self, caller: Caller, room: RoomId, change: Change) -> Result<Pending> {
        self.submit_from(caller, room, change, &Source::default())
    }

    /// Queues a change that the audit log may record.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub fn submit_from(&self, caller: Caller, room: RoomId, change: Change, source: &Source) -> Result<Pending> {
        let (reply, outcome) = oneshot::channel();
        let queue = self.queue.read();
        let source = source.clone();
        let request = Request { caller, room, change, source, reply };
        let sent = queue.as_ref().is_some_and(|queue| queue.try_send(request).is_ok());
        if sent {
            return Ok(Pending(outcome));
        }
        self.measures.busy.inc();
        Err(Error::BUSY)
    }

    /// Accepts no more changes. Queued ones are still committed and published; then the ledger ends.
    pub fn close(&self) {
        self.queue.write().take();
    }
}

async fn run(committer: Committer, mut requests: mpsc::Receiver<Request>, bus: Bus) {
    let mut queued = Vec::with_capacity(LARGEST_BATCH);
    // A bounded batch, so that no change waits long for its neighbors.
    while requests.recv_many(&mut queued, LARGEST_BATCH).await > 0 {
        let batch = std::mem::take(&mut queued);
        let span = tracing::debug_span!("commit", changes = batch.len());
        // A task of its own, so that a panic in one batch fails its requesters and does not end the ledger. Boxed, because the
        // future is large and `spawn` moves it several times.
        let commit = tokio::spawn(Box::pin(committer.clone().commit(batch)).instrument(span));
        match commit.await {
            Ok(events) if events.is_empty() => {}
            Ok(events) => bus.publish(events).await,
            Err(fault) => error!(%fault, "a batch was lost to a fault; its requesters will retry"),
        }
    }
}

/// What is needed to commit.
#[derive(Clone)]
struct Committer {
    db: Arc<Db>,
    clock: Clock,
    recent: Arc<RecentCache>,
    names: Arc<Names>,
    jobs: Jobs,
    outbox: Outbox,
    measures: Arc<Measures>,
}

impl Committer {
    /// Commits a batch and sends the outcomes. If the database refuses the batch, each change is committed alone, so that only
    /// the faulty one fails.
    async fn commit(self, batch: Vec<Request>) -> Vec<Event> {
        match self.try_commit(&batch).await {
            Ok((outcomes, events)) => {
                send_outcomes(batch, outcomes);
                events
            }
            Err(refusal) if batch.len() > 1 && is_about_a_row(&refusal) => {
                warn!(%refusal, changes = batch.len(), "the database refused a batch; trying each change alone");
                let mut events = Vec::new();
                for request in batch {
                    let alone = std::slice::from_ref(&request);
                    match self.try_commit(alone).await {
                        Ok((outcomes, its_events)) => {
                            send_outcomes(vec![request], outcomes);
                            events.extend(its_events);
                        }
                        Err(refusal) => {
                            self.measures.failed.inc();
                            send_outcomes(vec![request], vec![Err(refusal.into())]);
                        }
                    }
                }
                events
            }
            Err(failure) => {
                error!(%failure, changes = batch.len(), "the database could not commit");
                self.db.note_failure(&failure);
                self.measures.failed.inc_by(batch.len() as u64);
                let outcomes = batch.iter().map(|_| Err(Error::NotSaved)).collect();
                send_outcomes(batch, outcomes);
                Vec::new()
            }
        }
    }

    async fn try_commit(&self, batch: &[Request]) -> sqlx::Result<(Vec<Outcome>, Vec<Event>)> {
        let keys = rules::keys(batch.iter());
        let (mut adds_jobs, mut tells) = (false, false);
        let began = Instant::now();
        let (outcomes, events, recorded): (Vec<Outcome>, Vec<Event>, Vec<security_log::Event>) = self
            .db
            .commit_batch(&keys, |snapshot| {
                let mut state = Batch::new(snapshot, self.clock.now());
                let outcomes = batch.iter().map(|request| state.apply(request)).collect();
                let (known, writes, events) = state.into_parts();
                let recorded = writes.audit.clone();
                (adds_jobs, tells) = (writes.adds_jobs(), writes.fills_outbox(&known));
                ((outcomes, events, recorded), known, writes)
            })
            .await?;
        self.measures.commits.add(began.elapsed());
        self.measures.batches.add(batch.len());
        self.measures.count(&outcomes, &events);
        if adds_jobs {
            self.jobs.wake();
        }
        if tells {
            self.outbox.wake();
        }
        for event in &recorded {
            event.write_line();
        }
        for event in &events {
            match event {
                Event::Message { logged, .. } => self.recent.apply(logged),
                _ => absorb_room(event, &self.names, &self.recent),
            }
        }
        Ok((outcomes, events))
    }
}

/// Updates the caches for a room that was created, changed or deleted, here or on another node.
pub fn absorb_room(event: &Event, names: &Names, recent: &RecentCache) {
    match event {
        Event::RoomChanged { room, now, was, .. } => {
            names.set_room(&now.slug, now.visibility == Visibility::Public);
            if let Some(was) = was {
                names.set_room(was, false);
                recent.forget(*room);
            }
        }
        Event::RoomDeleted { room, slug } => {
            names.set_room(slug, false);
            recent.forget(*room);
        }
        _ => {}
    }
}

fn send_outcomes(batch: Vec<Request>, outcomes: Vec<Outcome>) {
    for (request, outcome) in batch.into_iter().zip(outcomes) {
        // The requester may have gone; the change stays committed, and a retry finds it.
        request.reply.send(outcome).ok();
    }
}

/// Whether the database refused the data, rather than failed.
fn is_about_a_row(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refusal) => {
            refusal.is_unique_violation()
                || refusal.is_foreign_key_violation()
                || refusal.is_check_violation()
                // A deadlock, with another node's batch: two people's nonces, or an administrator's statement.
                || refusal.code().as_deref() == Some("40P01")
                // Postgres's class 22: data exceptions, such as text that it cannot store.
                || refusal.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"))
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        _ => false,
    }
}
