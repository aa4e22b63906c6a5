//! What has expired in a room: where it is, and its deletion in small steps.
//!
//! Owns how far it has come in a room, in memory: who starts anew looks at everything once. Messages and their files are looked for by their
//! age, not by their place: an import adds old messages behind young ones.

use std::time::Duration;

use super::Retention;
use super::progress::{Left, Progress};
use crate::chat::ledger::change::{Effect, Expiry};
use crate::clock::{CLOCKS, Millis};
use crate::db::retention::{Aged, Deleted, KeptRoom};
use crate::error::Error;
use crate::model::UserId;

/// How many messages a step deletes. A post may wait for one.
const STEP: usize = 50;
/// How many messages are looked at together.
const WINDOW: i64 = 500;
/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a step waits for a queue that is not empty, and how often at most: a server that is never idle must delete as well.
const YIELD: Duration = Duration::from_millis(5);
const MOST_YIELDS: usize = 100;
/// How long until a step that the ledger refused is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// The most messages of a room that are counted before they are deleted.
const COUNTED: i64 = 100_000;

/// How far it has come in a room.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    /// All messages up to this moment, and this place in it, were looked at.
    messages: (Millis, i64),
    /// The files of all messages up to this moment, and this place in it, were looked at.
    files: (Millis, i64),
}

/// What is due in a room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub room: KeptRoom,
    messages_before: Option<Millis>,
    files_before: Option<Millis>,
    /// The moment that both are counted from.
    now: Millis,
    /// How many messages were found to wait.
    pub waiting: u64,
}

impl Retention {
    /// What is due in a room; `None` if nothing can be.
    pub(super) async fn due(&self, room: KeptRoom, position: Position, now: Millis) -> sqlx::Result<Option<Due>> {
        let periods = self.chat.kept_for(room.keep_messages.into(), room.keep_files.into());
        let before =
            |period: Option<Duration>| period.map(|period| now.plus(-i64::try_from(period.as_millis()).unwrap_or(i64::MAX)));
        let [messages_before, files_before] = periods.map(before);
        let waits = |from: Millis, before: Option<Millis>| before.is_some_and(|before| from < before);
        // Files go with their messages.
        let files_before = files_before.filter(|files| messages_before.is_none_or(|messages| *files > messages));
        let messages_wait = waits(position.messages.0, messages_before);
        if !messages_wait && !waits(position.files.0, files_before) {
            return Ok(None);
        }
        let mut waiting = 0;
        if let Some(before) = messages_before.filter(|_| messages_wait) {
            let count = self.db.count_aged(room.id, position.messages.0, before, COUNTED).await?;
            waiting = u64::try_from(count).unwrap_or_default();
        }
        Ok(Some(Due { room, messages_before, files_before, now, waiting }))
    }

    /// Deletes what is due in a room, and moves `position` on.
    pub(super) async fn clear(&self, due: &Due, position: &mut Position, progress: &mut Progress) -> Result<(), Left> {
        // Whatever is posted from now on is not older, whichever node's clock it has.
        let latest = due.now.plus(-CLOCKS);
        if let Some(before) = due.messages_before {
            loop {
                let found = self.db.list_by_age(due.room.id, position.messages, WINDOW).await?;
                if self.clear_window(due, &found, (before, latest), &mut position.messages, progress).await? {
                    break;
                }
            }
        }
        if let Some(before) = due.files_before {
            loop {
                let found = self.db.list_files_by_age(due.room.id, position.files, WINDOW).await?;
                if self.clear_window(due, &found, (before, latest), &mut position.files, progress).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Deletes what is older than `before` of messages by their age, and moves `position` behind it, but not beyond `latest`; returns whether
    /// nothing older follows.
    async fn clear_window(
        &self,
        due: &Due,
        found: &[Aged],
        (before, latest): (Millis, Millis),
        position: &mut (Millis, i64),
        progress: &mut Progress,
    ) -> Result<bool, Left> {
        let old: Vec<_> = found.iter().take_while(|message| message.created_at < before).copied().collect();
        let is_last = old.len() < found.len() || (found.len() as i64) < WINDOW;
        self.delete(due, &old, progress).await?;
        if let Some(last) = old.last() {
            *position = (last.created_at, last.seq);
        }
        if is_last {
            // The next one may be of a clock that was ahead: what is posted from now on is before it.
            let next = found.get(old.len()).map_or(latest, |next| next.created_at.min(latest));
            *position = (*position).max((next.plus(-1), i64::MAX));
        } else {
            // A window in which nothing was deleted takes time, too.
            progress.step(Deleted::default()).await?;
        }
        Ok(is_last)
    }

    async fn delete(&self, due: &Due, found: &[Aged], progress: &mut Progress) -> Result<(), Left> {
        let there: Vec<_> = found.iter().filter(|message| !message.is_gone).collect();
        for messages in there.chunks(STEP) {
            let Some(author) = messages.first().map(|message| message.author_id) else { continue };
            let deleted = self.delete_step(due, author, messages.iter().map(|message| message.seq).collect()).await;
            progress.step(deleted).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn delete_step(&self, due: &Due, author: UserId, seqs: Vec<i64>) -> Deleted {
        let Due { room, messages_before, files_before, .. } = *due;
        loop {
            self.let_others_pass().await;
            let expiry = Expiry { seqs: seqs.clone(), messages_before, files_before };
            let outcome = match self.chat.expire(author, room.id, expiry) {
                Ok(pending) => pending.outcome().await,
                Err(busy) => Err(busy),
            };
            match outcome {
                Ok(Effect::Expired { messages, files }) => {
                    self.measures.messages.inc_by(messages);
                    self.measures.files.inc_by(files);
                    return Deleted { messages, files, ..Deleted::default() };
                }
                // The room was deleted meanwhile.
                Ok(_) | Err(Error::NotFound(_)) => return Deleted::default(),
                Err(error) => {
                    tracing::debug!(?error, "what has expired is not deleted yet");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Waits until no change of a person waits, within bounds.
    async fn let_others_pass(&self) {
        for _ in 0..MOST_YIELDS {
            if self.chat.ledger().waiting() == 0 {
                return;
            }
            tokio::time::sleep(YIELD).await;
        }
    }
}
