//! Keeps this node's caches true to what other nodes have committed.
//!
//! Owns what a change by another node means for the memory of this one, and the reading of changes that did not arrive. How they arrive is
//! known by `cluster`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::{Chat, ledger};
use crate::chat::history::CHANGES_LIMIT;
use crate::error::Result;
use crate::events::Event;
use crate::model::{Head, Logged, RoomId, UserId};

impl Chat {
    /// Takes in a message that another node has committed.
    pub fn absorb(&self, logged: &Arc<Logged>) {
        self.recent.apply(logged);
    }

    /// Takes in a room that another node has created, changed or deleted.
    pub fn absorb_room(&self, event: &Event) {
        ledger::absorb_room(event, &self.names, &self.recent);
    }

    /// The changes of the epoch.
    pub fn epoch_changes(&self) -> watch::Receiver<Arc<str>> {
        self.epoch.clone()
    }

    /// Forgets what was kept of the history before.
    pub fn forget_history(&self) {
        self.recent.clear();
    }

    /// Reads the names of people and public rooms again, when some may have been missed.
    pub async fn reload_names(&self) -> Result<()> {
        let people = self.db.list_usernames().await?;
        let rooms = self.db.list_public_slugs().await?;
        self.names.replace(people.into_iter().map(Into::into), rooms.into_iter().map(Into::into));
        if self.display_names.replace(self.db.list_display_names().await?) {
            self.recent.clear();
            self.renamings.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Those of these memberships that have ended, each with the room's slug and its `rev` when that was read.
    pub async fn ended_memberships(
        &self,
        pairs: impl IntoIterator<Item = (RoomId, UserId)>,
    ) -> Result<Vec<(RoomId, UserId, Arc<str>, i64)>> {
        let Some(postgres) = self.db.shared() else { return Ok(Vec::new()) };
        let pairs: Vec<_> = pairs.into_iter().collect();
        let ended = postgres.list_ended_memberships(&pairs).await?;
        Ok(ended.into_iter().map(|(room, user, slug, rev)| (room, user, slug.into(), rev)).collect())
    }

    /// The changes of a room after `from`, as events in `rev` order, and how far they reach. What a message was before a change is not
    /// known any more: an edited one is said to have mentioned `@here`, which makes clients count again.
    pub async fn changes_between_nodes(&self, room: RoomId, slug: &Arc<str>, from: Head) -> Result<(Vec<Event>, Head)> {
        let head = self.db.head(room).await?;
        let (found, mut is_all) = self.db.changes(room, slug, from.rev, CHANGES_LIMIT + 1).await?;
        is_all &= found.len() as i64 <= CHANGES_LIMIT;
        // Long texts are read later than the rest, and may be newer; they come again with their own change.
        let events: Vec<_> = found
            .into_iter()
            .filter(|message| message.rev <= head.rev)
            .take(CHANGES_LIMIT as usize)
            .map(|message| {
                let is_new = message.seq > from.seq;
                let mentions_before = (!is_new).then(|| vec!["@here".to_owned()]);
                Event::Message { logged: Arc::new(Logged::new(room, message)), is_new, mentions_before }
            })
            .collect();
        let last = events
            .iter()
            .filter_map(|event| if let Event::Message { logged, .. } = event { Some(logged) } else { None })
            .next_back();
        let reached = match last {
            Some(last) if !is_all => Head { seq: from.seq.max(last.message.seq), rev: last.message.rev },
            _ => head,
        };
        Ok((events, reached))
    }
}
