//! Files as people read them.
//!
//! Owns that each request asks who may read, and how long one waits for a preview that is being made.

use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::Files;
use super::storage::blob_key;
use crate::db::files::{PreviewState, Readable};
use crate::error::{Error, Result};
use crate::model::UserId;

/// How long a request waits for a preview that is being made, and how often it looks: another node may make it.
const PATIENCE: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(400);

impl Files {
    /// A file that `reader` may read now.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn readable(&self, id: &str, reader: UserId) -> Result<Readable> {
        self.db.find_readable_file(id, reader, self.clock.now()).await?.ok_or(Error::NotFound("file"))
    }

    /// A preview that `reader` may read now; waits a while for one that is being made.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn readable_preview(&self, id: &str, reader: UserId, wanted: (&str, i64)) -> Result<Readable> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let made = self.previews_made.notified();
            match self.db.find_readable_preview(id, reader, wanted, self.clock.now()).await? {
                Some(PreviewState::Ready(preview)) => return Ok(preview),
                Some(PreviewState::Due) if tokio::time::Instant::now() < deadline => {
                    tokio::time::timeout(LOOK, made).await.ok();
                }
                _ => return Err(Error::NotFound("preview")),
            }
        }
    }

    /// The bytes of a blob, or a range of them.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn bytes(&self, hash: &str, range: Option<Range<u64>>) -> Result<BoxStream<'static, io::Result<Bytes>>> {
        Ok(self.storage()?.read(&blob_key(hash), range).await?)
    }

    /// Wakes those who wait for a preview.
    pub fn note_previews(&self) {
        self.previews_made.notify_waiters();
    }
}
