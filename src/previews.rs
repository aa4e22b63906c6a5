//! The job that makes the previews of a file.
//!
//! Owns what happens between the storage, the process that reads the picture, and the message that shows it. It does no harm when it is
//! done twice: previews replace previews, and a message that knows its own is not changed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::chat::Chat;
use crate::chat::ledger::change::{Enrichment, NewPreview};
use crate::db::Db;
use crate::db::previews::PreviewedFile;
use crate::files::Files;
use crate::files::adding::Found;
use crate::jobs::{Handler, Handlers, JobError, Policy};
use crate::model::Task;
use crate::pictures::{Pictures, Previewed};

/// How long one may take: the file comes from the storage, and waits for its turn.
const PATIENCE: Duration = Duration::from_secs(300);
/// When a second job for a file that is being read looks again.
const AGAIN: Duration = Duration::from_secs(1);

/// The handler.
struct Previews {
    db: Arc<Db>,
    files: Arc<Files>,
    chat: Arc<Chat>,
    /// The files that are being read.
    running: Arc<Mutex<HashSet<String>>>,
}

/// A file that is being read by this job and by no other one of this node.
struct Turn(Arc<Mutex<HashSet<String>>>, String);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

/// Adds the handler of the job, if there is a storage. Uploads keep half of the processes that read pictures.
#[must_use]
pub fn handlers(handlers: Handlers, db: &Arc<Db>, files: &Arc<Files>, chat: &Arc<Chat>) -> Handlers {
    if files.storage().is_err() {
        return handlers;
    }
    let policy = Policy { at_once: (Pictures::at_once() / 2).max(1), time: PATIENCE, ..Policy::default() };
    let previews = Previews { db: db.clone(), files: files.clone(), chat: chat.clone(), running: Arc::default() };
    handlers.on("preview", policy, Arc::new(previews))
}

#[async_trait]
impl Handler for Previews {
    async fn handle(&self, task: &Task) -> Result<(), JobError> {
        let Task::Preview { file: id } = task else { return Ok(()) };
        // A message that takes a file that has no preview yet adds a second job, so that whatever comes first the message hears of it.
        if !self.running.lock().insert(id.clone()) {
            return Err(JobError::TooEarly(AGAIN));
        }
        let _turn = Turn(self.running.clone(), id.clone());
        let Some(file) = self.db.find_previewed_file(id).await? else { return Ok(()) };
        if file.is_due {
            self.make(id).await?;
        }
        // Whoever takes the upload from now on finds what was made.
        let Some(file) = self.db.find_previewed_file(id).await? else { return Ok(()) };
        self.tell(id, file).await
    }
}

impl Previews {
    async fn make(&self, id: &str) -> Result<(), JobError> {
        let folder = self.files.temporary_folder()?;
        let source = folder.path().join("source");
        let Some(media_type) = self.files.fetch_file(id, &source).await? else { return Ok(()) };
        let Previewed { made, shown, blur } = self.files.pictures().preview(&source, &media_type, folder.path()).await?;
        let (width, height) = shown.unzip();
        self.files.add_previews(id, &made, &Found { width, height, blur }).await?;
        Ok(())
    }

    /// Adds the preview to the message that has the file. Messages know those of pictures from the start.
    async fn tell(&self, id: &str, file: PreviewedFile) -> Result<(), JobError> {
        let (Some(room), Some(seq), Some(width), Some(height)) = (file.room_id, file.seq, file.width, file.height) else {
            return Ok(());
        };
        if !file.is_ready || file.media_type.starts_with("image/") {
            return Ok(());
        }
        let preview = NewPreview { file: id.to_owned(), width, height, blur: file.blur };
        let enrichment = Enrichment { seq, previews: vec![preview], ..Enrichment::default() };
        self.chat.enrich(file.owner_id, room, enrichment)?.outcome().await?;
        Ok(())
    }
}
