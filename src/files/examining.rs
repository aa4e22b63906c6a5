//! What a file is, found out before it is stored.
//!
//! Owns what is stored of a picture: a copy without metadata, or, if there can't be one, the file as bytes that no browser shows.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tempfile::NamedTempFile;

use super::storage::StorageError;
use super::{Files, sniff};
use crate::db::uploads::Stored;
use crate::error::{Error, Result};
use crate::pictures::text;

/// A file on this disk that was found out about, before it is stored.
#[derive(Debug)]
pub(super) struct Examined {
    /// What will be committed, without the hash.
    pub about: Stored,
    /// What is stored: the file itself, or a copy without what its sender would not want to send.
    pub file: NamedTempFile,
}

/// The largest PDF whose first page is drawn, in bytes.
const LARGEST_PDF: u64 = 64 << 20;

impl Files {
    /// Finds out what a file is. Reading pictures is left to processes that may die of it.
    pub(super) async fn examine(&self, file: NamedTempFile, name: &str) -> Result<Examined> {
        let path = file.path().to_owned();
        let (head, bytes) = blocking(move || head_of(&path)).await?;
        let is_whole = head.len() as u64 == bytes;
        let media_type = sniff::media_type(&head, is_whole, name).to_owned();
        let mut about = Stored { bytes: i64::try_from(bytes).unwrap_or(i64::MAX), media_type, ..Stored::default() };
        if sniff::has_metadata(&about.media_type) {
            return self.examine_picture(file, about).await;
        }
        if sniff::is_readable(&about.media_type) {
            about.excerpt = text::excerpt(&head, name);
        }
        let is_bounded = about.media_type != "application/pdf" || bytes <= LARGEST_PDF;
        about.has_preview = is_bounded && bytes > 0 && self.pictures.can_preview(&about.media_type);
        Ok(Examined { about, file })
    }

    /// Removes a picture's metadata, unless it is to stay, and measures it.
    async fn examine_picture(&self, file: NamedTempFile, mut about: Stored) -> Result<Examined> {
        let clean = self.temporary_file()?;
        let found = self.pictures.inspect(file.path(), &about.media_type, clean.path()).await?;
        if !found.is_cleaned {
            // Nobody knows what is in it, so nothing shows it.
            "application/octet-stream".clone_into(&mut about.media_type);
            return Ok(Examined { about, file });
        }
        (about.width, about.height) = found.shown.unzip();
        about.blur = found.blur;
        about.has_preview = found.shown.is_some() && self.pictures.can_preview(&about.media_type);
        if !self.strips_metadata {
            return Ok(Examined { about, file });
        }
        let path = clean.path().to_owned();
        let bytes = blocking(move || Ok(path.metadata()?.len())).await?;
        about.bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        Ok(Examined { about, file: clean })
    }
}

/// Runs what reads a disk on a thread for that.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(done.map_err(StorageError::from)?)
}

/// The first bytes of a file, and its size.
fn head_of(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut head = Vec::with_capacity(sniff::HEAD);
    file.take(sniff::HEAD as u64).read_to_end(&mut head)?;
    Ok((head, bytes))
}
