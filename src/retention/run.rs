//! The task that deletes what has expired: of several nodes, on the one with the claim.
//!
//! Owns when it looks, and in which order it goes through everything. What a crash interrupts is continued: by this process after its start,
//! or by another node once the claim has ended. A clock that is not believed deletes nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Retention;
use super::progress::{Left, Progress};
use super::room::Position;
use crate::clock::Millis;
use crate::config;
use crate::db::retention::Deleted;
use crate::events::{Event, SessionEnd};
use crate::model::{RoomId, SessionKey};

/// How often it looks at the clock and at the settings.
const LOOK: Duration = Duration::from_millis(500);
/// How often it looks for what has expired, in milliseconds.
const INTERVAL: i64 = 60_000;
/// How often it forgets how far it has come, in milliseconds: old messages can be added later, by an import.
const ANEW: i64 = 24 * 60 * 60 * 1000;
/// How many rooms are looked at together.
const ROOMS: i64 = 200;
/// How many other rows are deleted together, and the pause between.
const ROWS: u64 = 200;
const PAUSE: Duration = Duration::from_millis(20);

/// Runs until it is stopped.
pub(super) async fn keep_running(retention: Arc<Retention>, stop: CancellationToken) {
    let progress = Progress::new(retention.db.clone(), retention.clock.clone());
    let mut runner = Runner { retention, progress, positions: HashMap::new(), holds: None, anew: Millis(0) };
    stop.run_until_cancelled(runner.run()).await;
    if let Err(error) = runner.progress.give_back().await {
        tracing::debug!(%error, "the claim of retention ends by itself");
    }
}

struct Runner {
    retention: Arc<Retention>,
    progress: Progress,
    positions: HashMap<RoomId, Position>,
    /// What the positions depend on: the holds, and when they were last forgotten.
    holds: Option<String>,
    anew: Millis,
}

impl Runner {
    async fn run(&mut self) {
        let mut next = Millis(0);
        let mut policy: Option<config::Retention> = None;
        loop {
            let now = self.retention.clock.now();
            let present = self.retention.settings.now().retention;
            // Also when the clock was set back.
            if now >= next || next.0 - now.0 > INTERVAL || policy != Some(present) {
                match self.turn().await {
                    Ok(()) | Err(Left::Claimed) => {}
                    Err(Left::Failed(sqlx::Error::PoolClosed)) => return,
                    Err(Left::Failed(error)) => tracing::warn!(%error, "what has expired could not be deleted; trying again"),
                }
                policy = Some(present);
                // Since it began: what expires meanwhile does not wait for longer.
                next = now.plus(INTERVAL);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.retention.wake.notified() => next = Millis(0),
            }
        }
    }

    /// Deletes all that has expired, if nobody else does.
    async fn turn(&mut self) -> Result<(), Left> {
        // Of the whole turn: a clock that jumps meanwhile changes nothing.
        let Some(now) = self.retention.clock.believed() else { return Ok(()) };
        self.progress.begin(now).await?;
        let retention = self.retention.clone();
        let db = &retention.db;
        let holds = db.holds_version().await?;
        if holds != self.holds || (now.0 - self.anew.0).abs() > ANEW {
            self.positions.clear();
            (self.holds, self.anew) = (holds, now);
        }
        while db.has_held().await? && db.delete_released(ROWS as i64).await? > 0 {
            self.pause(Deleted::default()).await?;
        }
        self.end_sessions(now).await?;
        if !db.is_everything_held().await? {
            self.clear_audit(now).await?;
            self.clear_rooms(now).await?;
        }
        self.progress.finish().await
    }

    async fn pause(&mut self, deleted: Deleted) -> Result<(), Left> {
        self.progress.step(deleted).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// Ends sessions that began too long ago. Holds do not keep them: they are access, and their log-ins are in the audit log.
    async fn end_sessions(&mut self, now: Millis) -> Result<(), Left> {
        let Some(keep) = self.retention.settings.now().retention.sessions else { return Ok(()) };
        loop {
            let keys = self.retention.db.delete_old_sessions(ago(now, keep), ROWS as i64).await?;
            let sessions = keys.len() as u64;
            self.retention.measures.sessions.inc_by(sessions);
            let ended = |key| Event::SessionEnded { session: SessionKey::from_digits(key), reason: SessionEnd::Expired };
            self.retention.chat.events().deliver_all(keys.into_iter().map(ended).collect()).await;
            self.pause(Deleted { sessions, ..Deleted::default() }).await?;
            if sessions < ROWS {
                return Ok(());
            }
        }
    }

    async fn clear_audit(&mut self, now: Millis) -> Result<(), Left> {
        let Some(keep) = self.retention.settings.now().retention.audit else { return Ok(()) };
        loop {
            let audit = self.retention.db.delete_audit(ago(now, keep), ROWS as i64).await?;
            self.retention.measures.audit.inc_by(audit);
            self.pause(Deleted { audit, ..Deleted::default() }).await?;
            if audit < ROWS {
                return Ok(());
            }
        }
    }

    async fn clear_rooms(&mut self, now: Millis) -> Result<(), Left> {
        let retention = self.retention.clone();
        let mut all = Vec::new();
        let mut after = RoomId(0);
        loop {
            let rooms = retention.db.list_kept_rooms(after, ROOMS).await?;
            for room in &rooms {
                let position = self.positions.get(&room.id).copied().unwrap_or_default();
                all.extend(retention.due(*room, position, now).await?);
            }
            match rooms.last() {
                Some(last) if rooms.len() as i64 == ROOMS => after = last.id,
                _ => break,
            }
            self.progress.step(Deleted::default()).await?;
        }
        self.progress.run.waiting = all.iter().map(|due| due.waiting).sum();
        if self.progress.run.waiting > 0 {
            self.progress.renew().await?;
        }
        for due in all {
            let position = self.positions.entry(due.room.id).or_default();
            retention.clear(&due, position, &mut self.progress).await?;
            self.progress.step(Deleted::default()).await?;
        }
        Ok(())
    }
}

fn ago(now: Millis, time: Duration) -> Millis {
    now.plus(-i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
