//! Reading a room's log: recent messages, a page, changes since a `rev`.
//!
//! Functions take a `RoomView`, which only `view` and `enter` return: holding one is the right to read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Chat;
use crate::chat::ledger::recent;
use crate::chat::ledger::recent::Recent;
use crate::clock::Millis;
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::limits;
use crate::model::Logged;
use crate::model::{Head, Message, Page, RoomId, Window};

/// Maximum number of messages in a page.
pub const PAGE_LIMIT: i64 = 200;
/// Maximum number of changes in an answer.
pub const CHANGES_LIMIT: i64 = 500;

/// The contiguous range of messages around `anchor` that fits into one answer.
pub(super) fn answer(room: RoomId, messages: Vec<Message>, anchor: usize) -> Vec<Arc<Logged>> {
    if messages.iter().map(Message::most_json).sum::<usize>() <= limits::ANSWER {
        return messages.into_iter().map(|message| Arc::new(Logged::new(room, message))).collect();
    }
    // Encodes only as many as fit.
    let mut messages: Vec<_> = messages.into_iter().map(Some).collect();
    let mut logged: Vec<Option<Arc<Logged>>> = vec![None; messages.len()];
    let kept = limits::fit_with(messages.len(), anchor, limits::ANSWER, |at| {
        logged[at] = messages[at].take().map(|message| Arc::new(Logged::new(room, message)));
        logged[at].as_ref().map_or(0, |logged| logged.json().get().len())
    });
    logged.truncate(kept.end);
    logged.into_iter().skip(kept.start).flatten().collect()
}

/// The changes since a `rev`, in rev order.
#[derive(Debug)]
pub struct Changes {
    /// The current state of each changed message.
    pub messages: Vec<Arc<Logged>>,
    /// The head of the room.
    pub head: Head,
    /// Whether this is all; if not, continue from the last `rev`.
    pub complete: bool,
}

impl Chat {
    /// The recent messages of a room.
    pub async fn recent(&self, view: &RoomView) -> Result<Arc<Recent>> {
        let room = &view.room;
        self.recent.expect(room.id, view.head.rev);
        self.recent
            .get(room.id, async || {
                let head = self.db.head(room.id).await?;
                let first = (head.seq - recent::LENGTH as i64 + 1).max(1);
                let messages = self.db.messages(room.id, &room.slug, first, head.seq, head.seq).await?;
                // Messages are read after the head and may be newer; their changes are published again, which is harmless.
                let messages = answer(room.id, messages, usize::MAX);
                let first = messages.first().map_or(first, |first| first.message.seq);
                let floor = self.db.highest_rev_before(room.id, first).await?;
                Ok(Recent { head, messages: messages.into(), floor })
            })
            .await
    }

    /// The changes since a `rev` that the client knows.
    ///
    /// # Errors
    /// `invalid` if `after` is ahead of the room: the client knows a different history and must start afresh.
    pub async fn changes(&self, view: &RoomView, after: i64) -> Result<Changes> {
        let recent = self.recent(view).await?;
        // The view may be newer than the cached messages, so `after` must be ahead of both.
        if after < 0 || after > recent.head.rev.max(view.head.rev) {
            return Err(Error::invalid("after", "The room isn’t that far along. Join without `after`."));
        }
        if let Some(messages) = recent.changes_since(after) {
            return Ok(Changes { messages, head: recent.head, complete: true });
        }
        let (mut found, mut complete) = self.db.changes(view.room.id, &view.room.slug, after, CHANGES_LIMIT + 1).await?;
        complete &= found.len() as i64 <= CHANGES_LIMIT;
        found.truncate(CHANGES_LIMIT as usize);
        let count = found.len();
        let messages = answer(view.room.id, found, 0);
        complete &= messages.len() == count;
        let head = if complete {
            let rev = messages.last().map_or(after, |last| last.message.rev);
            Head { seq: recent.head.seq.max(view.head.seq), rev: rev.max(recent.head.rev) }
        } else {
            recent.head
        };
        Ok(Changes { messages, head, complete })
    }

    /// A page of history.
    ///
    /// # Errors
    /// `invalid` for a limit outside 1..=200.
    pub async fn page(&self, view: &RoomView, window: Window, limit: i64) -> Result<Page<Arc<Logged>>> {
        if !(1..=PAGE_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", "Ask for 1 to 200 messages."));
        }
        if window == Window::Latest && limit as usize <= recent::LENGTH {
            let recent = self.recent(view).await?;
            let from = recent.messages.len().saturating_sub(limit as usize);
            let messages: Vec<_> = recent.messages.iter().skip(from).cloned().collect();
            let more_before = messages.first().is_some_and(|first| first.message.seq > 1);
            return Ok(Page { messages, more_before, more_after: false });
        }
        let (from, to) = window.range(limit, view.head.seq);
        let anchor = match window {
            Window::Latest | Window::Before(_) => to,
            Window::After(_) => from,
            Window::Around(seq) => seq,
        };
        let messages = self.db.messages(view.room.id, &view.room.slug, from, to, anchor).await?;
        let anchor = messages.partition_point(|message| message.seq < anchor);
        let messages = answer(view.room.id, messages, anchor);
        // What did not fit was cut at the far ends.
        let from = messages.first().map_or(from, |first| first.message.seq);
        let to = messages.last().map_or(to, |last| last.message.seq);
        Ok(Page { messages, more_before: from > 1, more_after: to < view.head.seq })
    }

    /// The start of a day: its first text message, else the first message at or after its beginning.
    pub async fn first_of_day(&self, view: &RoomView, from: Millis, until: Millis) -> Result<Option<i64>> {
        let words = self.db.first_words_between(view.room.id, from, until).await?;
        match words {
            Some(seq) => Ok(Some(seq)),
            None => Ok(self.db.first_on_or_after(view.room.id, from).await?),
        }
    }

    /// A message of a room.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn message(&self, view: &RoomView, seq: i64) -> Result<Arc<Logged>> {
        let message = self.db.messages(view.room.id, &view.room.slug, seq, seq, seq).await?.pop();
        Ok(Arc::new(Logged::new(view.room.id, message.ok_or(Error::NotFound("message"))?)))
    }

    /// The messages to which some of `messages` reply, with at least the start of their text.
    pub async fn answered(&self, view: &RoomView, messages: &[Arc<Logged>]) -> Result<Vec<Arc<Message>>> {
        let seqs: BTreeSet<i64> = messages.iter().filter_map(|logged| logged.message.reply_to).collect();
        let (mut answered, mut missing) = (Vec::with_capacity(seqs.len()), Vec::new());
        for seq in seqs {
            match messages.iter().find(|logged| logged.message.seq == seq) {
                Some(shown) => answered.push(shown.message.clone()),
                None => missing.push(seq),
            }
        }
        if !missing.is_empty() {
            answered.extend(self.db.excerpts(view.room.id, &view.room.slug, &missing).await?.into_iter().map(Arc::new));
        }
        Ok(answered)
    }
}
