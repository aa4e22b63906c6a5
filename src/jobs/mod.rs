//! The job queue: what is to be done after a commit, whatever happens to this process.
//!
//! Owns when a job runs, how often it is tried, and that a crash loses none: a job is a row, written in the transaction of what it follows
//! from, and is deleted once it is done. A handler must do no harm if it is called twice, because a process may die between the work and
//! its end. It must not know what jobs do: whoever owns the work registers a [`Handler`].

pub mod administration;
mod lane;
pub mod lanes;
mod run;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use self::lane::Lane;
use self::lanes::Lanes;
pub use self::run::wait;
use crate::clock::Clock;
use crate::db::Db;
use crate::error::Error;
use crate::model::Task;

/// Does jobs of one kind.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does a job. It is dropped when its time is up or when somebody else has taken over the job, and may be called again for a job that
    /// was done.
    async fn handle(&self, task: &Task) -> Result<(), JobError>;
}

/// Why a job is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobError {
    /// It failed, and is tried again later. The text is for administrators: it must not name rooms, people or what they wrote.
    Failed(String),
    /// It failed, and would fail again. Administrators see it.
    Hopeless(String),
    /// It is too early. It is tried again after this time, and that does not count as an attempt.
    TooEarly(Duration),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) | Self::Hopeless(why) => f.write_str(why),
            Self::TooEarly(_) => f.write_str("too early"),
        }
    }
}

impl From<sqlx::Error> for JobError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        Self::Failed(match error {
            Error::Internal(why) => why,
            other => other.to_string(),
        })
    }
}

/// How jobs of a kind run.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How many of them run at once on this node.
    pub at_once: usize,
    /// How long one may take.
    pub time: Duration,
    /// After so many attempts it is given up. The waits between them double, from five seconds to an hour.
    pub attempts: i64,
}

impl Default for Policy {
    /// Two at once, ten minutes, and a day until a job is given up: storage may be away for a night.
    fn default() -> Self {
        Self { at_once: 2, time: Duration::from_secs(600), attempts: 32 }
    }
}

/// The handlers of all kinds.
#[derive(Default)]
pub struct Handlers(Vec<(&'static str, Policy, Arc<dyn Handler>)>);

impl Handlers {
    /// Adds the handler of a kind, one of [`Task::kind`].
    #[must_use]
    pub fn on(mut self, kind: &'static str, policy: Policy, handler: Arc<dyn Handler>) -> Self {
        self.0.push((kind, policy, handler));
        self
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(kind, ..)| kind)).finish()
    }
}

/// The queue of a server. A clone is the same queue.
#[derive(Clone, Debug)]
pub struct Jobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Arc<Db>,
    clock: Clock,
    lanes: Lanes,
}

impl Jobs {
    /// The queue of a database. Nothing runs before [`Self::start`].
    pub fn open(db: Arc<Db>, clock: Clock) -> Self {
        Self(Arc::new(Inner { db, clock, lanes: Lanes::default() }))
    }

    /// Begins to do jobs. Kinds without a handler stay where they are: a node of a newer version may know them.
    pub fn start(&self, handlers: Handlers) {
        let Inner { db, clock, lanes } = &*self.0;
        let released = Arc::new(OnceCell::new());
        for (kind, policy, handler) in handlers.0 {
            let wake = lanes.add();
            let (db, abandon) = (db.clone(), lanes.abandon.clone());
            let context = run::Context { db: db.clone(), clock: clock.clone(), handler, abandon };
            let lane = Lane::new(kind, policy, context, lanes.running.clone());
            let (stop, released) = (lanes.stop.clone(), released.clone());
            tokio::spawn(async move {
                // What a process that is gone had claimed, before anything is claimed.
                let release = async || db.release_jobs().await;
                if let Err(error) = released.get_or_try_init(release).await {
                    tracing::warn!(%error, "jobs that were interrupted are done later");
                }
                lane.run(&wake, stop).await;
            });
        }
    }

    /// Has this node look for jobs now. Call it after a commit that may have added some; without a call they are found a little later.
    pub fn wake(&self) {
        self.0.lanes.wake();
    }

    /// Claims no more jobs, and waits up to `patience` for those that run; the rest is handed back to be done again.
    pub async fn stop(&self, patience: Duration) {
        self.0.lanes.stop(patience).await;
    }
}
