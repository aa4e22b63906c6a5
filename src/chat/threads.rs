//! Threads: a message with all direct and indirect replies, in the order of the room.
//!
//! Owns reading them. The ledger assigns a reply to its thread when it is written, so that reading needs no search.

use std::sync::Arc;

use serde::Serialize;

use super::{Chat, history};
use crate::db::rooms::RoomView;
use crate::error::{Error, Result};
use crate::model::Logged;

/// Maximum number of replies in a page.
const PAGE: i64 = 50;

/// The first message of a thread, and a page of the replies.
#[derive(Debug, Serialize)]
pub struct Thread {
    /// The first message.
    pub message: Arc<Logged>,
    /// The replies, oldest first.
    pub replies: Vec<Arc<Logged>>,
    /// The total number of replies, at most 1,000.
    pub count: i64,
    /// Whether there are newer replies.
    pub more: bool,
    /// The `after` of the next page.
    pub next: Option<i64>,
}

impl Chat {
    /// The thread that a message starts or belongs to, with replies after `after`.
    ///
    /// # Errors
    /// `not_found`.
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
