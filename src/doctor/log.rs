//! What is stored: gaps in the logs of rooms, the search index, and work that was given up.

use super::Finding;
use super::database::fault;
use crate::clock::Clock;
use crate::db::Db;
use crate::db::doctor::BrokenLog;
use crate::db::search::IndexProgress;

/// Whether every message and every change of every room is there.
pub(super) async fn gaps(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "log";
    let broken = match db.broken_logs().await {
        Ok(broken) => broken,
        Err(error) => return fault(CHECK, &error),
    };
    if broken.is_empty() {
        return vec![Finding::ok(CHECK, "no room misses a message or a change")];
    }
    let advice = "Rows were deleted or changed by hand, or a backup is damaged. Stop Parlor, and restore a backup from before.";
    let said = |log: &BrokenLog| {
        // A private room's name is not for the administrator.
        format!(
            "room {}: its last message is {} and its last change {}; there are {} messages up to {}, and changes up to {}",
            log.room, log.seq, log.rev, log.messages, log.last_seq, log.last_rev
        )
    };
    broken.iter().map(|log| Finding::failed(CHECK, said(log), advice)).collect()
}

/// Whether searches find everything.
pub(super) async fn search(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "search";
    let asked = async { Ok::<_, sqlx::Error>((db.index_progress().await?, db.index_lag().await?)) };
    let (progress, lag) = match asked.await {
        Ok(found) => found,
        Err(error) => return fault(CHECK, &error),
    };
    match progress {
        IndexProgress::Whole => vec![Finding::ok(CHECK, "the index is complete")],
        IndexProgress::Behind => {
            let advice = "A running server goes on by itself; wait. If the number does not fall, its log says why.";
            vec![Finding::warning(CHECK, format!("{lag} messages or more are not in the index yet"), advice)]
        }
        IndexProgress::OtherVersion => {
            let advice = "It is built anew when this Parlor serves, and no node of the other version does.";
            vec![Finding::warning(CHECK, "another version of Parlor has built the index", advice)]
        }
    }
}

/// What could not be delivered elsewhere.
pub(super) async fn deliveries(db: &Db) -> Vec<Finding> {
    const CHECK: &str = "deliveries";
    match db.count_outbox().await {
        Ok(counts) if counts.dead == 0 && counts.paused == 0 => vec![Finding::ok(CHECK, format!("{} wait", counts.waiting))],
        Ok(counts) => {
            let found = format!("{} were given up, {} receivers are paused or full", counts.dead, counts.paused);
            let advice = "The page Deliveries of the administration has the reasons, and delivers again.";
            vec![Finding::warning(CHECK, found, advice)]
        }
        Err(error) => fault(CHECK, &error),
    }
}

/// Whether work in the background was given up.
pub(super) async fn jobs(db: &Db, clock: &Clock) -> Vec<Finding> {
    const CHECK: &str = "jobs";
    match db.count_jobs(clock.now()).await {
        Ok(counts) if counts.dead == 0 => vec![Finding::ok(CHECK, format!("{} wait", counts.waiting))],
        Ok(counts) => {
            let advice = "The page Jobs of the administration has the reasons, and retries.";
            vec![Finding::warning(CHECK, format!("{} were given up", counts.dead), advice)]
        }
        Err(error) => fault(CHECK, &error),
    }
}
