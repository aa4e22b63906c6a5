//! Files as people read them.
//!
//! Owns that each request asks who may read, and how long one waits for a preview that is being made.

use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::Files;
use super::storage::blob_key;
use crate::db::files::{PreviewState, Readable};
use crate::db::sessions::SessionCheck;
use crate::error::Result;
use crate::model::UserId;

/// How long a request waits for a preview that is being made, and how often it looks: another node may make it.
const PATIENCE: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(400);

impl Files {
    /// The user of a session and a file that they may read now; `None` too if the session is not valid.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn readable(&self, session: SessionCheck<'_>, id: &str) -> Result<Option<(UserId, Readable)>> {
        Ok(self.db.find_readable_file(session, id).await?)
    }

    /// The user of a session and a preview that they may read now; waits a while for one that is being made. `None` too if the session is not
    /// valid.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn readable_preview(
        &self,
        session: SessionCheck<'_>,
        id: &str,
        wanted: (&str, i64),
    ) -> Result<Option<(UserId, Readable)>> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let made = self.previews_made.notified();
            match self.db.find_readable_preview(session, id, wanted).await? {
                Some((reader, PreviewState::Ready(preview))) => return Ok(Some((reader, preview))),
                Some((_, PreviewState::Due)) if tokio::time::Instant::now() < deadline => {
                    tokio::time::timeout(LOOK, made).await.ok();
                }
                _ => return Ok(None),
            }
        }
    }

    /// The bytes of a blob of this size, or a range of them.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn bytes(&self, hash: &str, size: u64, range: Option<Range<u64>>) -> Result<BoxStream<'static, io::Result<Bytes>>> {
        let storage = self.storage()?;
        let Some(whole) = self.cache.read(storage, hash, size).await? else {
            return Ok(storage.read(&blob_key(hash), range).await?);
        };
        let range = range.unwrap_or(0..size);
        let [from, to] = [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(whole.len()).min(whole.len()));
        let part = whole.slice(from..to);
        Ok(stream::once(async { Ok(part) }).boxed())
    }

    /// Wakes those who wait for a preview.
    pub fn note_previews(&self) {
        self.previews_made.notify_waiters();
    }
}
