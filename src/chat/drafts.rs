//! Drafts: one per user and room, shared between the user's browsers.
//!
//! Owns their limits in size and age, per draft, per user and in total. Only members can have one. A draft is not a message: it
//! does not go through the ledger, is not part of the log, and is published only to its author.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Chat;
use crate::chat::rate_limits::ActionKind;
use crate::clock::Millis;
use crate::config::Config;
use crate::db::Db;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::model::{ConnectionId, Draft, DraftContent, RoomId, UserId};
use crate::permissions;

/// Maximum number of drafts per user.
const COUNT: i64 = 100;
/// Maximum size of all drafts of a user.
const BYTES: i64 = 256 * 1024;

/// How long a count of all drafts is recent enough to refuse a draft.
const RECOUNT: Duration = Duration::from_secs(5);
/// Interval between deletions of old drafts.
const TIDY: i64 = 60 * 60 * 1000;
/// Number of drafts deleted at once, while posts wait.
const BATCH: i64 = 500;

/// Limits on all drafts together, in size and age.
///
/// The size is counted only when the limit seems to be reached, because counting costs more than storing a draft. In between,
/// each stored draft counts as new. With several nodes, each knows only its own drafts since its last count.
#[derive(Debug)]
pub(super) struct DraftStorage {
    limit: i64,
    counted: tokio::sync::Mutex<Counted>,
    keep: Option<Duration>,
    tidied: Mutex<Option<Millis>>,
}

#[derive(Debug, Default)]
struct Counted {
    at: Option<Instant>,
    bytes: i64,
    /// Bytes stored since the count, whatever they replaced.
    since: i64,
}

impl DraftStorage {
    pub(super) fn new(config: &Config) -> Self {
        let limit = i64::try_from(config.draft_space).unwrap_or(i64::MAX);
        Self { limit, counted: tokio::sync::Mutex::default(), keep: config.draft_keep, tidied: Mutex::default() }
    }

    /// Whether there is space for this many bytes.
    async fn has(&self, bytes: i64, db: &Db) -> sqlx::Result<bool> {
        let mut counted = self.counted.lock().await;
        let is_over = |counted: &Counted| counted.bytes + counted.since + bytes > self.limit;
        let is_old = counted.at.is_none_or(|at| at.elapsed() >= RECOUNT);
        if counted.at.is_none() || (is_old && is_over(&counted)) {
            *counted = Counted { bytes: db.count_draft_bytes().await?, at: Some(Instant::now()), since: 0 };
        }
        if is_over(&counted) {
            return Ok(false);
        }
        counted.since += bytes;
        Ok(true)
    }
}

impl Chat {
    /// Stores a member's draft in a room and publishes it to their other connections; an empty one deletes it.
    ///
    /// # Errors
    /// `forbidden` for non-members, `rate_limited`, `too_long`, or `invalid` for an invalid text or too many drafts.
    pub async fn set_draft(
        &self,
        view: &RoomView,
        user: UserId,
        content: DraftContent,
        origin: Option<&ConnectionId>,
    ) -> Result<Draft> {
        if view.membership.is_none() {
            return Err(permissions::NOT_A_MEMBER);
        }
        self.allow(user, ActionKind::Draft)?;
        for (field, text) in [("body", Some(&content.body)), ("edit_body", content.edit.as_ref().map(|edit| &edit.body))] {
            let Some(text) = text else { continue };
            if text.len() > self.max_chars && text.chars().count() > self.max_chars {
                return Err(Error::TooLong { field, limit: self.max_chars });
            }
        }
        let at = self.clock.now();
        if !content.is_empty() && !self.draft_storage.has(content.bytes(), &self.db).await? {
            let why = "The server has no more space for drafts. Ask an admin for more, or try later.";
            return Err(Error::invalid("body", why));
        }
        if content.is_empty() {
            self.db.drop_draft(view.room.id, user).await?;
        } else if !self.db.set_draft(view.room.id, user, &content, at, (COUNT, BYTES)).await? {
            let why = format!("You can have up to {COUNT} drafts of {} KB in all. Send or delete some first.", BYTES / 1024);
            return Err(Error::invalid("body", why));
        }
        let draft = Draft { room: view.room.slug.clone(), content, written_at: at };
        self.events.publish(vec![Event::DraftSaved { user, draft: draft.clone(), origin: origin.cloned() }]).await;
        Ok(draft)
    }

    /// A user's draft in a room.
    pub async fn draft(&self, view: &RoomView, user: UserId) -> Result<Option<Draft>> {
        Ok(self.db.find_draft(view.room.id, user).await?)
    }

    /// All drafts of a user, the latest first.
    pub async fn drafts(&self, user: UserId) -> Result<Vec<Draft>> {
        Ok(self.db.list_drafts(user).await?)
    }

    /// Clears the draft that was just posted by a form, but keeps an unfinished edit, and publishes the change.
    pub async fn clear_sent_draft(&self, room: RoomId, user: UserId) -> Result<()> {
        let Some(draft) = self.db.find_draft(room, user).await? else { return Ok(()) };
        let content = DraftContent { edit: draft.content.edit.clone(), ..DraftContent::default() };
        if content == draft.content {
            return Ok(());
        }
        if content.is_empty() {
            self.db.drop_draft(room, user).await?;
        } else {
            // It is shorter than the stored one.
            self.db.set_draft(room, user, &content, draft.written_at, (i64::MAX, i64::MAX)).await?;
        }
        self.events.publish(vec![Event::DraftSaved { user, draft: Draft { content, ..draft }, origin: None }]).await;
        Ok(())
    }

    /// Deletes expired drafts, at most once an hour.
    pub async fn forget_old_drafts(&self) -> Result<()> {
        let now = self.clock.now();
        let Some(keep) = self.draft_storage.keep else { return Ok(()) };
        {
            let mut tidied = self.draft_storage.tidied.lock();
            if tidied.is_some_and(|last| now.0 - last.0 < TIDY) {
                return Ok(());
            }
            *tidied = Some(now);
        }
        let before = now.plus(-i64::try_from(keep.as_millis()).unwrap_or(i64::MAX / 2));
        while self.db.delete_drafts_before(before, BATCH).await? == BATCH {}
        Ok(())
    }
}
