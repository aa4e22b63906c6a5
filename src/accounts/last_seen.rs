//! Notes on who was here: which sessions are in use, and when people were last seen.
//!
//! Owns the one task that writes them, many at once and none twice in a minute, and that forgets the sessions which have ended by
//! themselves. What makes a session good is for `session` to say.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::model::SessionKey;
use crate::model::UserId;

/// How many batch may wait to be written. One that finds no place is made at the next occasion.
pub(super) const QUEUE: usize = 4096;
/// How often the sessions that have ended by themselves are forgotten.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// That a session was used, or that its person was here.
pub(super) struct Seen {
    pub key: Option<SessionKey>,
    pub person: Option<UserId>,
    pub at: Millis,
    /// Dropped when it is written.
    pub _written: Option<oneshot::Sender<()>>,
}

/// Notes the use of sessions, many in one write: after a restart everybody comes back at once, and posts need the same
/// connection. Now and then forgets the sessions that have ended by themselves. Ends with the last store.
pub(super) async fn run(db: Arc<Db>, clock: Clock, idle: i64, mut queue: mpsc::Receiver<Seen>) {
    let mut expiry = tokio::time::interval(EXPIRY_INTERVAL);
    let mut batch = Vec::new();
    loop {
        let done = tokio::select! {
            _ = queue.recv_many(&mut batch, QUEUE) => {
                let Some(last) = batch.iter().map(|seen| seen.at).max() else { return };
                let keys: HashSet<_> = batch.iter().filter_map(|seen| Some(seen.key.as_ref()?.as_str().to_owned())).collect();
                let people: HashSet<_> = batch.iter().filter_map(|seen| seen.person).collect();
                let done = touch(&db, Vec::from_iter(keys), Vec::from_iter(people), last).await;
                batch.clear();
                done
            }
            _ = expiry.tick() => {
                let now = clock.now();
                db.delete_expired_sessions(now, now.plus(-idle)).await.map(drop)
            }
        };
        match done {
            Ok(()) => {}
            // The server is stopping, and the database is closed before the last store is gone.
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "could not note which sessions are in use"),
        }
    }
}

async fn touch(db: &Db, keys: Vec<String>, people: Vec<UserId>, at: Millis) -> sqlx::Result<()> {
    if !keys.is_empty() {
        db.touch_sessions(&keys, at).await?;
    }
    if people.is_empty() { Ok(()) } else { db.touch_people(&people, at).await }
}
