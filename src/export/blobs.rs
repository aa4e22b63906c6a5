//! The files that people sent, in an export: each content once, under its SHA-256.
//!
//! Owns what they are called there, that their content is what it was, and what is told of those that are missing. A name never comes from a
//! person: no sender's name can lead out of the folder, and nothing gets an ending with which a browser would run it.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use super::folder::{CONTENTS, Folder};
use super::{ExportError, Progress, Watch};
use crate::config::Config;
use crate::db::export::FileRow;
use crate::encoding::{from_hex, hex};
use crate::files::storage::{Storage, StorageError, blob_key};
use crate::portable::File;

/// The endings of what is harmless to open. Texts of all kinds, and so programs and pages, are plain text.
const ENDINGS: [(&str, &str); 21] = [
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/avif", "avif"),
    ("image/bmp", "bmp"),
    ("image/heic", "heic"),
    ("image/heif", "heif"),
    ("video/mp4", "mp4"),
    ("video/webm", "webm"),
    ("video/ogg", "ogv"),
    ("video/quicktime", "mov"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/mp4", "m4a"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/flac", "flac"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/gzip", "gz"),
];

/// A content, in some 50 bytes: there may be millions.
struct Known {
    bytes: u64,
    ending: &'static str,
    is_here: bool,
}

/// The files of an export.
pub struct Blobs {
    storage: Option<Storage>,
    known: HashMap<[u8; 32], Known>,
    /// What is not there, with the reason.
    pub left_out: Vec<String>,
}

/// How many files there are, and their bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Copied {
    pub files: u64,
    pub bytes: u64,
    /// Those that an export has left which did not come to its end.
    pub already: u64,
}

impl Blobs {
    /// The files of the storage of these settings.
    pub fn of(config: &Config) -> Result<Self, ExportError> {
        let storage = config.files_url.as_ref().map(|url| Storage::existing(url, config)).transpose();
        let wrong = |problem: String| ExportError::Storage(problem.trim_start_matches("FILES_URL: ").to_owned());
        Ok(Self { storage: storage.map_err(wrong)?.flatten(), known: HashMap::new(), left_out: Vec::new() })
    }

    /// Notes a file. `whose` says where it was, if it is missing.
    pub async fn add(&mut self, row: FileRow, whose: &str) -> Result<File, ExportError> {
        let FileRow { name, media_type, bytes, hash, alt } = row;
        let bytes = u64::try_from(bytes).unwrap_or_default();
        let digest: Option<[u8; 32]> = from_hex(&hash).and_then(|hash| hash.try_into().ok());
        let mut path = None;
        if let Some(digest) = digest {
            if !self.known.contains_key(&digest) {
                let is_here = self.is_here(&hash, bytes).await?;
                self.known.insert(digest, Known { bytes, ending: ending(&media_type), is_here: is_here.is_none() });
                if let Some(why) = is_here {
                    self.left_out.push(format!("{} of {whose}: {why}", name.escape_debug()));
                }
            }
            path = self.known.get(&digest).filter(|known| known.is_here).map(|known| place(&hash, known.ending));
        }
        Ok(File { name, media_type, bytes, hash, alt, path, url: None })
    }

    /// Why a content cannot be had.
    async fn is_here(&self, hash: &str, bytes: u64) -> Result<Option<&'static str>, ExportError> {
        let Some(storage) = &self.storage else { return Ok(Some("there is no storage for files at FILES_URL")) };
        Ok(match storage.size(&blob_key(hash)).await.map_err(failed)? {
            None => Some("it is missing"),
            Some(size) if size != bytes => Some("it has another size"),
            Some(_) => None,
        })
    }

    /// Whether a file in the folder is one of them, by its name.
    fn has(&self, name: &str) -> bool {
        let Some((hash, ending)) = name.split_once('.') else { return false };
        let digest: Option<[u8; 32]> = from_hex(hash).and_then(|hash| hash.try_into().ok());
        let known = digest.and_then(|digest| self.known.get(&digest));
        known.is_some_and(|known| known.is_here && known.ending == ending)
    }

    /// Copies them all into the folder, but for those that are there already, and deletes what else is there.
    pub async fn copy(&mut self, folder: &Folder, watch: Watch<'_>) -> Result<Copied, ExportError> {
        let mut copied = Copied::default();
        folder.retain(CONTENTS, |name| self.has(name)).await?;
        let Some(storage) = &self.storage else { return Ok(copied) };
        let total = self.known.values().filter(|known| known.is_here).map(|known| known.bytes).sum();
        let mut done = 0;
        folder.folder(CONTENTS).await?;
        for (digest, known) in self.known.iter().filter(|(_, known)| known.is_here) {
            let hash = hex(digest);
            let name = place(&hash, known.ending);
            let is_there = folder.has(&name, known.bytes, &hash).await?;
            if !is_there && let Some(why) = copy(storage, (&hash, known.bytes), folder, &name).await? {
                self.left_out.push(format!("{name}: {why}"));
            } else {
                folder.keep_contents();
                copied.files += 1;
                copied.bytes += known.bytes;
                copied.already += u64::from(is_there);
            }
            done += known.bytes;
            watch(Progress { what: "files", done, total, is_bytes: true });
        }
        Ok(copied)
    }
}

/// Copies one, by its hash and size, or says why it is left out.
async fn copy(
    storage: &Storage,
    (hash, bytes): (&str, u64),
    folder: &Folder,
    name: &str,
) -> Result<Option<&'static str>, ExportError> {
    let mut pieces = match storage.read(&blob_key(hash), None).await {
        Ok(pieces) => pieces,
        Err(StorageError::Missing(_)) => return Ok(Some("it was deleted meanwhile")),
        Err(error) => return Err(failed(error)),
    };
    let (mut file, mut digest) = (folder.file_of(name, bytes).await?, Sha256::new());
    while let Some(piece) = pieces.try_next().await.map_err(|error| ExportError::Storage(error.to_string()))? {
        digest.update(&piece);
        file.write(&piece).await?;
    }
    file.finish().await?;
    if hex(&digest.finalize()) == hash {
        return Ok(None);
    }
    folder.remove(name).await?;
    Ok(Some("it is damaged"))
}

fn failed(error: StorageError) -> ExportError {
    ExportError::Storage(error.to_string())
}

/// Where a content is.
fn place(hash: &str, ending: &str) -> String {
    format!("{CONTENTS}/{hash}.{ending}")
}

fn ending(media_type: &str) -> &'static str {
    let plain = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = ENDINGS.iter().find(|(name, _)| *name == plain).map(|(_, ending)| *ending);
    known.unwrap_or(if plain.starts_with("text/") { "txt" } else { "bin" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_an_ending_that_a_browser_runs() {
        for (media_type, expected) in [
            ("text/html", "txt"),
            ("text/javascript; charset=utf-8", "txt"),
            ("image/svg+xml", "bin"),
            ("application/xhtml+xml", "bin"),
            ("IMAGE/PNG", "png"),
            ("../x", "bin"),
            ("", "bin"),
        ] {
            assert_eq!(ending(media_type), expected, "{media_type}");
        }
    }
}
