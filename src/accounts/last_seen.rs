//! Records when sessions and people were last seen.
//!
//! Owns the task that writes these times in batches, at most once a minute each, and deletes expired sessions. `session` decides
//! which sessions are valid.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, Millis};
use crate::db::Db;
use crate::model::SessionKey;
use crate::model::UserId;

/// Capacity of the queue. A record that finds it full is dropped; the next one makes up for it.
pub(super) const QUEUE: usize = 4096;
/// Interval between deletions of expired sessions.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The use of a session, or a sign of life of a user.
pub(super) struct Seen {
    pub key: Option<SessionKey>,
    /// Whether the session is an access token.
    pub is_token: bool,
    pub person: Option<UserId>,
    pub at: Millis,
    /// Dropped once it is written.
    pub _written: Option<oneshot::Sender<()>>,
}

/// Writes records in batches, because posts share the connection and after a restart everybody reconnects at once. Regularly
/// deletes expired sessions. Ends with the last `Store`.
pub(super) async fn run(db: Arc<Db>, clock: Clock, idle: i64, mut queue: mpsc::Receiver<Seen>) {
    let mut expiry = tokio::time::interval(EXPIRY_INTERVAL);
    let mut batch = Vec::new();
    loop {
        let done = tokio::select! {
            _ = queue.recv_many(&mut batch, QUEUE) => {
                let Some(last) = batch.iter().map(|seen| seen.at).max() else { return };
                let [sessions, tokens] = [false, true].map(|is_token| keys(&batch, is_token));
                let people: HashSet<_> = batch.iter().filter_map(|seen| seen.person).collect();
                let done = touch(&db, (sessions, tokens), Vec::from_iter(people), last).await;
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
            // The server is stopping; the database closes before the last `Store` is dropped.
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "could not note which sessions are in use"),
        }
    }
}

/// The keys of the sessions that are tokens, or of those that are not.
fn keys(batch: &[Seen], is_token: bool) -> Vec<String> {
    let keys = batch.iter().filter(|seen| seen.is_token == is_token).filter_map(|seen| Some(seen.key.as_ref()?.as_str()));
    let keys: HashSet<_> = keys.collect();
    keys.into_iter().map(ToOwned::to_owned).collect()
}

async fn touch(db: &Db, (sessions, tokens): (Vec<String>, Vec<String>), people: Vec<UserId>, at: Millis) -> sqlx::Result<()> {
    if !sessions.is_empty() {
        db.touch_sessions(&sessions, at).await?;
    }
    if !tokens.is_empty() {
        db.touch_tokens(&tokens, at).await?;
    }
    if people.is_empty() { Ok(()) } else { db.touch_people(&people, at).await }
}
