//! Deleting many messages of a person, and taking the name of a deleted account out of messages.
//!
//! Owns the task that does what is requested in the database, in small steps through the ledger: every client hears of each deletion, and
//! others post meanwhile. What a crash interrupts is continued, by any node; a step that is done twice changes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Chat;
use crate::chat::ledger::change::{Change, CleanUp, Effect};
use crate::clock::Millis;
use crate::db::cleanups::{Cleanup, CleanupProgress, Found};
use crate::error::{Error, Result};
use crate::model::RoomId;
use crate::model::username::Username;
use crate::permissions::{self, Actor, Caller, ServerAction};
use crate::security_log::{Action, Event, Source};

/// Messages per step.
const STEP: i64 = 100;
/// How often requests of other nodes, and what they left undone, are looked for.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long until a step that the ledger refused is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// How long a node that does not come forward keeps a request, in milliseconds.
const CLAIM: i64 = 30_000;
/// How long finished requests are listed, in milliseconds.
const LISTED: i64 = 7 * DAY;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// How many messages another node may have committed behind the last one that was looked at.
const OVERLAP: i64 = 1_000;

/// Which messages of a person are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Those of the last 24 hours.
    Day,
    /// All.
    All,
}

impl Span {
    /// Parses the field `since`.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "1d" | "day" => Ok(Self::Day),
            "all" => Ok(Self::All),
            _ => Err(Error::invalid("since", "Choose the last day (1d) or all.")),
        }
    }

    fn since(self, now: Millis) -> Millis {
        match self {
            Self::Day => now.plus(-DAY),
            Self::All => Millis(0),
        }
    }
}

impl Chat {
    /// Deletes messages of a person, in steps, after this returns.
    ///
    /// # Errors
    /// `forbidden` for non-administrators; `not_found`.
    pub async fn delete_messages_of(
        &self,
        by: Actor,
        by_name: &Arc<str>,
        username: &str,
        span: Span,
        source: &Source,
    ) -> Result<()> {
        permissions::may_administer(by, ServerAction::DeleteMessages)?;
        let username = Username::parse(username).map_err(|_| Error::NotFound("person"))?;
        let person = self.db.find_user_by_name(username.as_str()).await?.ok_or(Error::NotFound("person"))?;
        let now = self.clock.now();
        let event = Event::new(now, Action::DeleteMessages, source).by(by.id, by_name).about(&*person.username);
        let event = event.note(if span == Span::All { "all" } else { "last day" });
        self.db.insert_cleanup(person.id, by_name, now, span.since(now), &event).await?;
        event.write_line();
        self.clean_up_soon();
        Ok(())
    }

    /// How far requests are, the latest first.
    ///
    /// # Errors
    /// `forbidden` for non-administrators.
    pub async fn cleanups(&self, by: Actor) -> Result<Vec<CleanupProgress>> {
        permissions::may_administer(by, ServerAction::SeeAdministration)?;
        Ok(self.db.list_cleanups(20).await?)
    }

    /// Has the task look for requests now.
    pub(super) fn clean_up_soon(&self) {
        self.cleanups.notify_one();
    }

    /// Starts the task. It ends with the database.
    pub(super) fn start_cleanups(self: &Arc<Self>) {
        let (chat, wake) = (Arc::downgrade(self), self.cleanups.clone());
        tokio::spawn(async move {
            if let Some(chat) = chat.upgrade()
                && let Err(error) = chat.db.release_cleanups().await
            {
                tracing::warn!(%error, "messages may be deleted later");
            }
            loop {
                match clean_up_next(&chat).await {
                    Ok(true) => {}
                    Ok(false) => {
                        tokio::time::timeout(INTERVAL, wake.notified()).await.ok();
                    }
                    Err(sqlx::Error::PoolClosed) => return,
                    Err(error) => {
                        tracing::warn!(%error, "could not delete messages; trying again");
                        tokio::time::sleep(INTERVAL).await;
                    }
                }
            }
        });
    }

    /// Does a step; returns how many messages were deleted, or `None` if the ledger refused.
    async fn clean_up(&self, cleanup: &Cleanup, messages: &[(RoomId, i64)]) -> Option<u64> {
        let mut by_room = BTreeMap::<RoomId, Vec<i64>>::new();
        for (room, seq) in messages {
            by_room.entry(*room).or_default().push(*seq);
        }
        let mut deleted = 0;
        for (room, seqs) in by_room {
            let deletes_since = cleanup.deletes.then_some(cleanup.since);
            let change = CleanUp { seqs, deletes_since, former_username: cleanup.username.clone(), is_by_hand: false };
            match self.ledger.submit(Caller::as_member(cleanup.user_id), room, Change::CleanUp(change)).ok()?.outcome().await {
                Ok(Effect::Deleted(count)) => deleted += count,
                // The room was deleted meanwhile.
                Ok(_) | Err(Error::NotFound(_)) => {}
                Err(error) => {
                    tracing::debug!(?error, "messages are not deleted yet");
                    return None;
                }
            }
        }
        Some(deleted)
    }
}

/// Does all of the next request; `false` if there is none.
async fn clean_up_next(chat: &Weak<Chat>) -> sqlx::Result<bool> {
    let upgraded = || chat.upgrade().ok_or(sqlx::Error::PoolClosed);
    let claim = |chat: &Chat| (chat.clock.now(), chat.clock.now().plus(CLAIM));
    let Some(mut cleanup) = ({
        let chat = upgraded()?;
        let (now, until) = claim(&chat);
        chat.db.claim_cleanup(now, until).await?
    }) else {
        return Ok(false);
    };
    let first = cleanup.next_id;
    let mut is_second_look = false;
    loop {
        // Held for a step only, so that the task does not keep the chat alive.
        let chat = upgraded()?;
        let Found { messages, next_id, is_last } = chat.db.list_cleanup(&cleanup, STEP).await?;
        let Some(deleted) = chat.clean_up(&cleanup, &messages).await else {
            drop(chat);
            tokio::time::sleep(RETRY).await;
            continue;
        };
        cleanup.next_id = next_id;
        let (now, until) = claim(&chat);
        chat.db.step_cleanup(cleanup.id, next_id, deleted, until).await?;
        if !is_last {
            continue;
        }
        if is_second_look || chat.db.shared().is_none() {
            chat.db.finish_cleanup(cleanup.id, now, now.plus(-LISTED)).await?;
            return Ok(true);
        }
        // Other nodes commit messages in another order than that of their ids.
        is_second_look = true;
        cleanup.next_id = (next_id - OVERLAP).max(first);
        drop(chat);
        tokio::time::sleep(2 * RETRY).await;
    }
}
