//! A receiver that is served: from the claim until nothing is due, something fails, or others have waited long enough.
//!
//! Owns the claim's renewal, when rows that were delivered are removed, and the wait after a failure. Whoever has lost the claim stops, and
//! removes nothing any more. It must not know what is delivered.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Deliverer, Delivery, TIME};
use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::db::outbox::{Failure, ReceiverId, Row};
use crate::jobs;

/// How long a node that does not come forward keeps a receiver, in milliseconds: longer than [`RENEWAL`] and a delivery together.
pub const LEASE: i64 = 60_000;
/// How old a claim may be when a delivery begins.
const RENEWAL: Duration = Duration::from_secs(15);
/// How long rows that were delivered may wait for their removal: a crash delivers them again, and each removal is a sync to disk.
const UNSAVED: Duration = Duration::from_millis(500);
/// How long a receiver is served while others may wait.
const TURN: Duration = Duration::from_secs(10);
/// How often what was delivered is written if the database does not take it. Then the claim ends, and it is delivered again.
const TRIES: u32 = 5;
/// The longest error, in characters.
const ERROR: usize = 300;
/// What was due so long ago is given up when an attempt fails of a receiver that has failed for so long, in milliseconds.
const GIVE_UP: i64 = 24 * 60 * 60 * 1000;
/// A receiver that has failed for so long is paused.
const PAUSE: i64 = 3 * GIVE_UP;
/// How often a row that waits apart is tried at least, before it is given up: for more than an hour, also after a day in which no server ran.
const APART: i64 = 10;
/// The longest wait that a receiver can ask for.
const LONGEST_WISH: Duration = Duration::from_secs(24 * 60 * 60);

/// What serving needs.
pub struct Context {
    /// Where it is.
    pub db: Arc<Db>,
    /// The time.
    pub clock: Clock,
    /// Who delivers.
    pub deliverer: Arc<dyn Deliverer>,
    /// Cancelled when the server stops: no more deliveries begin.
    pub stop: CancellationToken,
    /// Cancelled when it cannot wait any longer.
    pub abandon: CancellationToken,
}

/// A claimed receiver.
struct Serving {
    context: Arc<Context>,
    receiver: ReceiverId,
    claim: String,
    /// A moment before the claim was renewed last.
    renewed: Instant,
    /// Rows that were delivered and are not removed yet.
    done: Vec<i64>,
    /// When the first of them was delivered.
    unsaved: Option<Instant>,
}

/// Why serving ended before all was delivered.
enum Stop {
    /// Somebody else has the receiver, or the database does not answer.
    Lost,
    /// The end is written.
    Over,
}

/// Serves a claimed receiver, and gives it back.
pub async fn serve(context: Arc<Context>, receiver: ReceiverId, claim: String) {
    let mut serving = Serving { context, receiver, claim, renewed: Instant::now(), done: Vec::new(), unsaved: None };
    match serving.run().await {
        Ok(()) => drop(serving.save(false).await),
        Err(Stop::Over) => {}
        Err(Stop::Lost) => {
            tracing::warn!(
                kind = receiver.kind,
                id = receiver.id,
                "deliveries are made again, because the database did not hear of them in time"
            );
        }
    }
}

impl Serving {
    async fn run(&mut self) -> Result<(), Stop> {
        let began = Instant::now();
        let ReceiverId { kind, id } = self.receiver;
        let Context { db, clock, stop, deliverer, .. } = &*self.context.clone();
        while began.elapsed() < TURN {
            let Ok(mut due) = db.list_due(self.receiver, clock.now(), deliverer.most()).await else { return Err(Stop::Lost) };
            // Those that are not removed yet are still there.
            due.retain(|row| !self.done.contains(&row.id));
            if due.is_empty() {
                return Ok(());
            }
            while !due.is_empty() {
                if stop.is_cancelled() {
                    return Ok(());
                }
                if self.renewed.elapsed() > RENEWAL || self.unsaved.is_some_and(|since| since.elapsed() > UNSAVED) {
                    self.save(true).await?;
                }
                match self.deliver(&due).await {
                    Some(Delivery::Done(count)) => {
                        self.done.extend(due.drain(..count.clamp(1, due.len())).map(|row| row.id));
                        self.unsaved.get_or_insert_with(Instant::now);
                    }
                    Some(Delivery::Gone) => {
                        self.save(true).await?;
                        if let Err(error) = db.drop_receiver_rows(self.receiver).await {
                            tracing::warn!(kind, id, %error, "what waits for a receiver that is gone is deleted later");
                        }
                        return Ok(());
                    }
                    Some(Delivery::TurnedOff { why, url }) => {
                        // What was delivered before is noted first, which would end the failure.
                        self.save(true).await?;
                        let why: String = why.chars().take(ERROR).collect();
                        let row = due[0].id;
                        match db.turn_off_receiver(self.receiver, &self.claim, &url, row, &why, clock.now()).await {
                            Ok(true) => tracing::warn!(kind, id, why, "a receiver is turned off"),
                            Ok(false) => {}
                            Err(error) => {
                                tracing::warn!(kind, id, %error, "a receiver that refuses everything is turned off later");
                            }
                        }
                        return Ok(());
                    }
                    Some(Delivery::Later(until)) => {
                        self.save(true).await?;
                        if let Err(error) = db.postpone_deliveries(self.receiver, until).await {
                            tracing::warn!(kind, id, %error, "what waits for a later moment is looked at again");
                        }
                        return Ok(());
                    }
                    Some(Delivery::Refused(why)) => {
                        self.save(true).await?;
                        let row = due.remove(0);
                        tracing::warn!(kind, id, why, "a delivery was refused for good");
                        let why = why.chars().take(ERROR).collect();
                        if let Err(error) = db.give_up_delivery(self.receiver, &self.claim, row.id, why, clock.now()).await {
                            tracing::warn!(kind, id, %error, "what was refused for good is tried again");
                            return Ok(());
                        }
                    }
                    Some(Delivery::Failed { why, retry_after }) => return self.fail(due[0].id, &why, retry_after).await,
                    Some(Delivery::Apart { why, rows }) => {
                        self.save(true).await?;
                        let row = due.remove(0);
                        due.retain(|other| !rows.contains(&other.id));
                        self.set_apart(&row, &why, &rows).await?;
                    }
                    Some(Delivery::Off) | None => return Ok(()),
                }
            }
            // All of this batch, so that the next one is read without them.
            self.save(true).await?;
        }
        Ok(())
    }

    /// One call of the deliverer, in a task of its own: a panic is an attempt that failed. `None` if it was given up, because the server stops.
    async fn deliver(&self, due: &[Row]) -> Option<Delivery> {
        let (deliverer, id, due) = (self.context.deliverer.clone(), self.receiver.id, due.to_vec());
        let work = async move { tokio::time::timeout(TIME, deliverer.deliver(id, &due)).await };
        let work = AbortOnDropHandle::new(tokio::spawn(work));
        Some(match self.context.abandon.run_until_cancelled(work).await? {
            Ok(Ok(delivery)) => delivery,
            Ok(Err(_elapsed)) => Delivery::failed("it took too long"),
            Err(_panic) => Delivery::failed("it failed by a fault of Parlor’s own"),
        })
    }

    /// Removes what was delivered, and keeps the receiver or gives it back.
    async fn save(&mut self, keep: bool) -> Result<(), Stop> {
        let Context { db, clock, .. } = &*self.context;
        for _ in 0..TRIES {
            let (began, now) = (Instant::now(), clock.now());
            let until = keep.then(|| now.plus(LEASE));
            match db.finish_deliveries(self.receiver, &self.claim, &self.done, now, until).await {
                Ok(true) => {
                    self.renewed = began;
                    self.done.clear();
                    self.unsaved = None;
                    return Ok(());
                }
                Ok(false) | Err(sqlx::Error::PoolClosed) => return Err(Stop::Lost),
                Err(error) => {
                    tracing::warn!(kind = self.receiver.kind, id = self.receiver.id, %error, "a delivery could not be noted; trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        Err(Stop::Lost)
    }

    /// Notes that a row was not delivered, and when the next attempt is due, also of those that wait with it. The others go on.
    async fn set_apart(&self, row: &Row, why: &str, rows: &[i64]) -> Result<(), Stop> {
        let (ReceiverId { kind, id }, attempts) = (self.receiver, row.attempts + 1);
        tracing::warn!(kind, id, attempts, why, "a delivery failed");
        let failure = self.failure(row.id, why, jobs::wait(attempts, rand::random()));
        self.context.db.set_apart(failure, rows, APART).await.map_err(|error| {
            tracing::warn!(kind, id, %error, "a failed delivery could not be noted");
            Stop::Lost
        })
    }

    /// A failed attempt with which what was delivered before is removed.
    fn failure(&self, row: i64, why: &str, wait: i64) -> Failure {
        let Context { clock, .. } = &*self.context;
        let (now, believed) = (clock.now(), clock.believed());
        // A clock that is ahead gives nothing up.
        let before = |time: i64| believed.map_or(Millis(0), |now| now.plus(-time));
        Failure {
            receiver: self.receiver,
            claim: self.claim.clone(),
            done: self.done.clone(),
            row,
            error: why.chars().take(ERROR).collect(),
            now,
            due_at: now.plus(wait),
            give_up_before: before(GIVE_UP),
            pause_before: before(PAUSE),
        }
    }

    /// Notes that a row was not delivered, and when the next attempt is due.
    async fn fail(&self, row: i64, why: &str, retry_after: Option<Duration>) -> Result<(), Stop> {
        let db = &self.context.db;
        let attempts = match db.count_attempts(self.receiver).await {
            Ok(attempts) if self.done.is_empty() => attempts + 1,
            Ok(_) => 1,
            Err(_) => return Err(Stop::Lost),
        };
        let wish = retry_after.map(|wish| i64::try_from(wish.min(LONGEST_WISH).as_millis()).unwrap_or_default());
        let wait = jobs::wait(attempts, rand::random()).max(wish.unwrap_or_default());
        tracing::warn!(kind = self.receiver.kind, id = self.receiver.id, attempts, why, "a delivery failed");
        let failure = self.failure(row, why, wait);
        for _ in 0..TRIES {
            match db.fail_delivery(failure.clone()).await {
                Ok(()) => return Err(Stop::Over),
                Err(sqlx::Error::PoolClosed) => return Err(Stop::Lost),
                Err(error) => {
                    tracing::warn!(kind = self.receiver.kind, id = self.receiver.id, %error, "a failed delivery could not be noted; trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        Err(Stop::Lost)
    }
}
