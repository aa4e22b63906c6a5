//! Deletes what was given up: uploads that expired, blobs whose sender died while they were stored, temporary files.
//!
//! Every node does it. It must not delete bytes: the rows' jobs do.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Files;
use crate::error::Result;

/// How often. Each time it looks into two indexes.
const INTERVAL: Duration = Duration::from_secs(5);
/// How many uploads are deleted at once.
const STEP: i64 = 500;
/// Every so many times temporary files are looked at.
const RARELY: u32 = 720;

/// Starts it.
pub(super) fn start(files: &Arc<Files>) {
    if files.storage.is_some() {
        tokio::spawn(run(Arc::downgrade(files)));
    }
}

async fn run(files: Weak<Files>) {
    for turn in (0..RARELY).cycle() {
        let Some(files) = files.upgrade() else { return };
        if let Err(error) = files.sweep().await {
            tracing::debug!(%error, "expired uploads stay for now");
        }
        if turn == 0
            && let Some(storage) = files.storage.clone()
        {
            tokio::task::spawn_blocking(move || storage.clear_temporary()).await.ok();
        }
        drop(files);
        tokio::time::sleep(INTERVAL).await;
    }
}

impl Files {
    async fn sweep(&self) -> Result<()> {
        let mut is_some = false;
        while self.db.delete_expired_uploads(self.clock.now(), STEP).await? > 0 {
            is_some = true;
        }
        while self.db.release_blobs(self.clock.now()).await? > 0 {
            is_some = true;
        }
        if is_some {
            self.wake_jobs();
        }
        Ok(())
    }
}
