//! The outbox: what leaves Parlor, whatever happens to a process.
//!
//! Owns when something is delivered to a receiver, how often that is tried, and that a crash loses nothing: what is to be delivered is a row,
//! written in the transaction of what it tells of, and is deleted once its receiver has it. Of each receiver the rows are delivered in their
//! order, one after the other, by one node at a time; whoever dies in between has delivered some twice. It must not know what is delivered
//! or how: whoever does registers a [`Deliverer`].
//!
//! Not jobs, which have no order and would need a row for each receiver that is neither there twice nor missing
//! (docs/decisions/0101-an-outbox-of-rows.md).

pub mod administration;
mod lane;
mod receiver;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use self::lane::Lane;
use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::db::outbox::Row;
use crate::jobs::lanes::Lanes;

/// Delivers to the receivers of one kind.
#[async_trait]
pub trait Deliverer: Send + Sync + 'static {
    /// Delivers to a receiver what is due, the oldest first: one row, or several at once. It is dropped after [`TIME`], and may be called again
    /// for rows that were delivered.
    async fn deliver(&self, receiver: i64, due: &[Row]) -> Delivery;

    /// How many rows it gets at once, at most.
    fn most(&self) -> i64 {
        50
    }
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// So many rows, from the first, were delivered, or need not be any more; at least one.
    Done(usize),
    /// The first row was not delivered.
    Failed {
        /// Why, for administrators: it must not name rooms, people or what they wrote.
        why: String,
        /// How long the receiver asks to be left alone, if it does.
        retry_after: Option<Duration>,
    },
    /// The first row was not delivered, for a reason that is not the whole receiver's: these rows wait, it among them, and the others go on.
    Apart {
        /// Why, as above.
        why: String,
        /// The ids of the rows.
        rows: Vec<i64>,
    },
    /// The first row was refused for good: it is given up, and the next one is tried.
    Refused(String),
    /// Nothing was delivered, nor is anything before this moment.
    Later(Millis),
    /// Nothing is wanted any more: what waits is deleted.
    Gone,
    /// The receiver is off: what waits stays until somebody turns it on.
    Off,
    /// The receiver refuses everything from now on: it is turned off, and what waits is given up. Nothing, if it is somewhere else by now.
    TurnedOff {
        /// Why, as above.
        why: String,
        /// The address that was asked.
        url: String,
    },
}

impl Delivery {
    /// A failure without a wish.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), retry_after: None }
    }
}

impl From<sqlx::Error> for Delivery {
    fn from(error: sqlx::Error) -> Self {
        Self::failed(format!("the database refuses: {error}"))
    }
}

/// How long one delivery may take.
pub const TIME: Duration = Duration::from_secs(20);
/// If more waits for a receiver, nothing more is kept for it until half of that was delivered.
pub const MOST_WAITING: i64 = 10_000;

/// The deliverers of all kinds, each with how many receivers it serves at once on this node.
#[derive(Default)]
pub struct Deliverers(Vec<(&'static str, usize, Arc<dyn Deliverer>)>);

impl Deliverers {
    /// Adds the deliverer of a kind.
    #[must_use]
    pub fn on(mut self, kind: &'static str, at_once: usize, deliverer: Arc<dyn Deliverer>) -> Self {
        self.0.push((kind, at_once, deliverer));
        self
    }
}

impl fmt::Debug for Deliverers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(kind, ..)| kind)).finish()
    }
}

/// The outbox of a server. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Arc<Db>,
    clock: Clock,
    lanes: Lanes,
}

impl Outbox {
    /// The outbox of a database. Nothing is delivered before [`Self::start`].
    pub fn open(db: Arc<Db>, clock: Clock) -> Self {
        Self(Arc::new(Inner { db, clock, lanes: Lanes::default() }))
    }

    /// Begins to deliver. What is for a kind without a deliverer waits: a node of a newer version may know it.
    pub fn start(&self, deliverers: Deliverers) {
        let Inner { db, clock, lanes } = &*self.0;
        let released = Arc::new(OnceCell::new());
        for (kind, at_once, deliverer) in deliverers.0 {
            let (stop, abandon) = (lanes.stop.clone(), lanes.abandon.clone());
            let context = receiver::Context { db: db.clone(), clock: clock.clone(), deliverer, stop: stop.clone(), abandon };
            let lane = Lane::new(kind, at_once, context, lanes.running.clone(), lanes.add());
            let (db, released) = (db.clone(), released.clone());
            tokio::spawn(async move {
                // What a process that is gone had claimed, before anything is claimed.
                let release = async || db.release_receivers().await;
                if let Err(error) = released.get_or_try_init(release).await {
                    tracing::warn!(%error, "deliveries that were interrupted are made later");
                }
                lane.run(stop).await;
            });
        }
    }

    /// Has this node look for what is due now. Call it after a commit that added something; without a call it is found a little later.
    pub fn wake(&self) {
        self.0.lanes.wake();
    }

    /// Begins nothing more, and waits up to `patience` for what is under way; the rest is delivered again.
    pub async fn stop(&self, patience: Duration) {
        self.0.lanes.stop(patience).await;
    }
}
