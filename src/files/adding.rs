//! What the server adds by itself: previews of files, photos, pictures of links.
//!
//! Owns that they are stored as what people send is. It must not read pictures.

use super::Files;
use super::storing::HeldBlob;
use crate::db::previews::NewPreview;
use crate::db::uploads::Completion;
use crate::error::{Error, Result};
pub use crate::pictures::MadePreview;

/// How often previews are stored again whose blobs left meanwhile.
const TRIES: usize = 5;

/// What else was found out about the file; nothing of it replaces what is known.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Its width as it is shown, in pixels.
    pub width: Option<i64>,
    /// Its height as it is shown, in pixels.
    pub height: Option<i64>,
    /// A tiny picture of it, as a data URL.
    pub blur: Option<String>,
}

impl Files {
    /// Stores the previews of a file; none means that there will be none. Whoever waits for them is woken. `false` if the file is gone.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn add_previews(&self, file: &str, made: &[MadePreview], found: &Found) -> Result<bool> {
        for _ in 0..TRIES {
            let mut rows = Vec::with_capacity(made.len());
            for preview in made {
                let HeldBlob { hash, bytes } = self.store_path(&preview.path).await?;
                rows.push(NewPreview {
                    size: preview.size,
                    density: preview.density,
                    hash,
                    media_type: preview.media_type.clone(),
                    bytes,
                    width: preview.width,
                    height: preview.height,
                });
            }
            let facts = (found.width, found.height, found.blur.clone());
            match self.db.set_previews(file, rows, facts, self.clock.now()).await? {
                Completion::BlobGone => {}
                completion => {
                    self.wake_jobs();
                    self.note_previews();
                    return Ok(completion == Completion::Done);
                }
            }
        }
        Err(Error::BUSY)
    }

    /// Writes a file's content to this disk, into a folder of [`Self::temporary_folder`]; `None` if the file is gone. Returns its media type.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn fetch_file(&self, file: &str, target: &std::path::Path) -> Result<Option<String>> {
        let Some(stored) = self.db.find_stored_file(file).await? else { return Ok(None) };
        match self.fetch_to(&stored.hash, target).await {
            Ok(()) => Ok(Some(stored.media_type)),
            // It may have left since the row was read.
            Err(_) if self.db.find_stored_file(file).await?.is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
