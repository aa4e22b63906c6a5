//! Deletes the bytes of what is gone.
//!
//! Owns that an object is deleted only when nothing refers to it and nobody stores it, by one job at a time, and that its row outlives it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;

use super::Files;
use super::storage::{StorageError, blob_key, chunks_prefix};
use crate::db::blobs::Leaving;
use crate::jobs::{Handler, Handlers, JobError, Policy};
use crate::model::Task;

/// How many deletions of a kind run at once: S3 answers slowly, and a room's deletion may need thousands.
const AT_ONCE: usize = 8;

/// How long one job has an object for itself, in milliseconds, and how long it tries to delete it.
const LEASE: i64 = 120_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon a job looks again at an object that somebody holds.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The handler of both kinds.
struct Removal(Arc<Files>);

#[async_trait]
impl Handler for Removal {
    async fn handle(&self, task: &Task) -> Result<(), JobError> {
        match task {
            Task::DeleteBlob { hash } => self.0.delete_blob(hash).await,
            Task::DeleteChunks { file } => self.0.delete_chunks(file).await,
            _ => Ok(()),
        }
    }
}

impl From<StorageError> for JobError {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Files {
    /// Adds the handlers of the jobs that delete bytes.
    #[must_use]
    pub fn handlers(self: &Arc<Self>, handlers: Handlers) -> Handlers {
        if self.storage.is_none() {
            return handlers;
        }
        let policy = Policy { at_once: AT_ONCE, ..Policy::default() };
        let removal = || Arc::new(Removal(self.clone()));
        handlers.on("delete_blob", policy, removal()).on("delete_chunks", policy, removal())
    }

    /// Deletes a blob to which nothing refers any more.
    async fn delete_blob(&self, hash: &str) -> Result<(), JobError> {
        let now = self.clock.now();
        let until = now.plus(LEASE);
        match self.db.begin_leaving(hash, now, until).await? {
            Leaving::Not => Ok(()),
            // Somebody stores the same bytes, or deletes them, and is probably done long before.
            Leaving::HeldUntil(until) => {
                let left = Duration::from_millis(u64::try_from(until.0 - now.0).unwrap_or_default().max(1));
                Err(JobError::TooEarly(left.min(LOOK_AGAIN)))
            }
            Leaving::Begun => {
                self.cache.forget(hash);
                let key = blob_key(hash);
                let deleting = self.storage()?.delete(&key);
                // What takes longer could delete what somebody else has stored meanwhile.
                let deleted = tokio::time::timeout(PATIENCE, deleting).await;
                deleted.map_err(|_| JobError::Failed("the storage does not answer".to_owned()))??;
                self.db.blob_left(hash, until).await?;
                Ok(())
            }
        }
    }

    /// Deletes the parts of an upload that is complete or was given up.
    async fn delete_chunks(&self, upload: &str) -> Result<(), JobError> {
        let storage = self.storage()?;
        let parts: Vec<_> = storage.list(&chunks_prefix(upload)).try_collect().await?;
        for part in parts {
            storage.delete(&part.key).await?;
        }
        Ok(())
    }
}
