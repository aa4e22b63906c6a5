//! Threads: a message and the replies to it, to those, and so on, in the order of the room.
//!
//! Owns reading them. Which thread a reply belongs to is decided when it is written, by the ledger, so that reading one takes no search.

use std::sync::Arc;

use serde::Serialize;

use super::{Chat, history};
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::model::Logged;

/// How many replies one answer holds at the most.
const PAGE: i64 = 50;

/// A thread: what it began with, and a page of the replies.
#[derive(Debug, Serialize)]
pub struct Thread {
    /// The message that it began with.
    pub message: Arc<Logged>,
    /// The replies, oldest first.
    pub replies: Vec<Arc<Logged>>,
    /// How many there are in all, counted up to 1,000.
    pub count: i64,
    /// Whether there are newer ones than these.
    pub more: bool,
    /// What to give as `after` to get them.
    pub next: Option<i64>,
}

impl Chat {
    /// The thread of a message, whether it began there or the message is one of its replies, from the reply behind `after` on.
    ///
    /// # Errors
    /// `not_found` for a message that is not there.
    pub async fn thread(&self, view: &RoomView, seq: i64, after: i64) -> Result<Thread> {
        let (room, slug) = (view.room.id, &view.room.slug);
        let first = self.db.thread_of(room, seq).await?.ok_or(Error::NotFound("message"))?;
        let message = self.message(view, first).await?;
        let (found, mut more) = self.db.list_replies(room, slug, first, after, PAGE).await?;
        let length = found.len();
        let replies = history::answer(room, found, 0);
        more |= replies.len() < length;
        let next = replies.last().filter(|_| more).map(|last| last.message.seq);
        Ok(Thread { message, replies, count: self.db.count_replies(room, first).await?, more, next })
    }
}
