//! One job, from its claim to its end.
//!
//! Owns the claim's renewal, the wait before the next attempt, and when a job is given up. Whoever has lost the claim stops, and changes
//! nothing any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Handler, JobError, Policy};
use crate::clock::Clock;
use crate::db::Db;
use crate::db::jobs::ClaimedJob;
use crate::model::Task;

/// How long a node that does not come forward keeps a job, in milliseconds.
pub const LEASE: i64 = 60_000;
/// How often it comes forward.
const RENEWAL: Duration = Duration::from_secs(20);
/// After so long without an answer of the database another node may have the job.
const LOST: Duration = Duration::from_secs(50);
/// The wait after the first attempt, in milliseconds.
const FIRST_WAIT: i64 = 5_000;
/// The longest wait, in milliseconds.
const LONGEST_WAIT: i64 = 60 * 60 * 1000;
/// How often a job's end is written if the database does not take it. Then the claim ends, and the job is done again.
const TRIES: u32 = 5;
/// The maximum length of an error, in characters.
const ERROR: usize = 300;

/// What a job needs.
pub struct Context {
    /// Where it is.
    pub db: Arc<Db>,
    /// The time.
    pub clock: Clock,
    /// Who does it.
    pub handler: Arc<dyn Handler>,
    /// Cancelled when the server stops: the job is handed back.
    pub abandon: CancellationToken,
}

/// How an attempt ended.
enum End {
    Done,
    Failed(JobError),
    /// The server stops.
    Abandoned,
    /// Somebody else has the job.
    Lost,
}

/// Does a claimed job, and writes how it ended.
pub async fn run(context: Arc<Context>, kind: &'static str, policy: Policy, job: ClaimedJob, claim: String) {
    let end = match Task::from_columns(kind, &job.payload) {
        Some(task) => attempt(&context, policy, task, job.id, &claim).await,
        None => End::Failed(JobError::Failed("this version of Parlor does not understand it".to_owned())),
    };
    for _ in 0..TRIES {
        match record(&context, kind, policy, &job, &claim, &end).await {
            Ok(()) | Err(sqlx::Error::PoolClosed) => return,
            Err(error) => {
                tracing::warn!(kind, job = job.id, %error, "the end of a job could not be written; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Calls the handler, and keeps the claim meanwhile. In a task of its own: a panic is an attempt that failed.
async fn attempt(context: &Arc<Context>, policy: Policy, task: Task, id: i64, claim: &str) -> End {
    let handler = context.handler.clone();
    let work = async move { tokio::time::timeout(policy.time, handler.handle(&task)).await };
    let mut work = AbortOnDropHandle::new(tokio::spawn(work));
    let mut renewal = tokio::time::interval_at(Instant::now() + RENEWAL, RENEWAL);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renewed_at = Instant::now();
    loop {
        tokio::select! {
            ended = &mut work => return match ended {
                Ok(Ok(Ok(()))) => End::Done,
                Ok(Ok(Err(error))) => End::Failed(error),
                Ok(Err(_elapsed)) => End::Failed(JobError::Failed("it took too long".to_owned())),
                Err(_panic) => End::Failed(JobError::Failed("it failed by a fault of Parlor’s own".to_owned())),
            },
            () = context.abandon.cancelled() => return End::Abandoned,
            _ = renewal.tick() => {
                let until = context.clock.now().plus(LEASE);
                match tokio::time::timeout(RENEWAL, context.db.renew_job(id, claim, until)).await {
                    Ok(Ok(true)) => renewed_at = Instant::now(),
                    Ok(Ok(false)) => return End::Lost,
                    _ if renewed_at.elapsed() > LOST => return End::Lost,
                    _ => {}
                }
            }
        }
    }
}

async fn record(
    Context { db, clock, .. }: &Context,
    kind: &'static str,
    policy: Policy,
    job: &ClaimedJob,
    claim: &str,
    end: &End,
) -> sqlx::Result<()> {
    let now = clock.now();
    match end {
        End::Done => {
            if !db.finish_job(job.id, claim).await? {
                tracing::debug!(kind, job = job.id, "a job that was done was somebody else’s by then");
            }
            Ok(())
        }
        End::Abandoned => db.put_back_job(job.id, claim, now).await,
        End::Failed(JobError::TooEarly(wait)) => {
            db.put_back_job(job.id, claim, now.plus(i64::try_from(wait.as_millis()).unwrap_or(LONGEST_WAIT))).await
        }
        End::Failed(error) => {
            let is_dead = job.attempts >= policy.attempts || matches!(error, JobError::Hopeless(_));
            tracing::warn!(kind, job = job.id, attempts = job.attempts, is_dead, %error, "a job failed");
            let why: String = error.to_string().chars().take(ERROR).collect();
            db.fail_job(job.id, claim, &why, now.plus(wait(job.attempts, rand::random())), is_dead.then_some(now)).await
        }
        End::Lost => {
            tracing::warn!(kind, job = job.id, "a job was taken over, because the database did not hear of it in time");
            Ok(())
        }
    }
}

/// How long until the next attempt: twice as long each time, and half of it by chance (`0.0..1.0`), so that jobs that failed together do
/// not come back together.
pub fn wait(attempts: i64, chance: f64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 32) - 1).unwrap_or_default();
    let whole = FIRST_WAIT.saturating_mul(1_i64 << doublings).min(LONGEST_WAIT);
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "an hour in milliseconds is a small number")]
    let by_chance = (whole as f64 / 2.0 * chance) as i64;
    whole / 2 + by_chance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let longest: Vec<_> = [1, 2, 3, 10, 11, 40].map(|attempts| wait(attempts, 1.0) / 1000).into();
        assert_eq!(longest, [5, 10, 20, 2560, 3600, 3600]);
        assert_eq!(wait(1, 0.0), 2_500);
    }
}
