//! Reads an archive, and does not believe it: order, sizes, checksums and counts are compared with what it says of itself.
//!
//! Owns what tells a foreign, a damaged or an incomplete archive from a whole one. Everything here blocks. It must not know what becomes of
//! the parts: whoever takes them must undo what they did if reading ends with an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc::Sender;

use super::BackupError;
use super::format::{FORMAT, HEADER, Header, LARGEST, MANIFEST, Manifest, Member, VERSION, hash_of, table_of};
use super::writer::Hashing;
use crate::db::backup::{Table, table};
use crate::encoding::hex;

/// A part of an archive.
#[derive(Debug)]
pub enum Part {
    /// What it is a backup of; always the first part.
    Header(Box<Header>),
    /// Rows of a table.
    Rows {
        /// The table.
        table: &'static Table,
        /// A JSON array of objects.
        rows: String,
    },
    /// A file whose content is what its hash says.
    File {
        /// The SHA-256 of its content.
        hash: String,
        /// Its size.
        bytes: u64,
        /// The content, if it was asked for.
        content: Option<NamedTempFile>,
    },
    /// What is in it; always the last part.
    Manifest(Box<Manifest>),
}

/// Reads an archive to its end. With `temporary`, the content of files is written there.
///
/// # Errors
/// If it is not a whole backup. The parts so far must be forgotten.
pub fn read(source: File, temporary: Option<PathBuf>, position: Arc<AtomicU64>, send: &Sender<Part>) -> Result<(), BackupError> {
    let mut source = BufReader::with_capacity(256 << 10, Counting { inner: source, position });
    let magic = io::BufRead::fill_buf(&mut source).map_err(|error| BackupError::reading(&error))?;
    if !magic.starts_with(&[0x1f, 0x8b]) {
        return Err(BackupError::Foreign("it is not compressed with gzip".into()));
    }
    let mut archive = tar::Archive::new(GzDecoder::new(source));
    let mut reading = Reading {
        temporary,
        members: Vec::new(),
        rows: BTreeMap::new(),
        files: (0, 0),
        unsound: BTreeSet::new(),
        seen: BTreeSet::new(),
    };
    let mut stage = Stage::Header;
    for entry in archive.entries().map_err(|error| BackupError::reading(&error))? {
        let mut entry =
            entry.map_err(|error| if stage == Stage::Header { foreign(&error) } else { BackupError::reading(&error) })?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !entry.header().entry_type().is_file() {
            return Err(if stage == Stage::Header {
                unknown(&name)
            } else {
                BackupError::Damaged(format!("{name} is not a file"))
            });
        }
        let bytes = entry.header().size().map_err(|error| BackupError::reading(&error))?;
        let next = reading.part(stage, &name, bytes, &mut entry)?;
        let (part, now) = (next.part, next.stage);
        stage = now;
        if let Some(part) = part
            && send.blocking_send(part).is_err()
        {
            // Whoever took the parts has failed, and says why.
            return Ok(());
        }
    }
    if stage != Stage::End {
        return Err(match stage {
            Stage::Header => BackupError::Foreign("it is empty".into()),
            _ => BackupError::Damaged("it ends before its manifest".into()),
        });
    }
    // The checksum of the compressed stream is behind the last member.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(|error| BackupError::reading(&error))?;
    Ok(())
}

fn unknown(name: &str) -> BackupError {
    BackupError::Foreign(format!("it begins with {name:?} and not with {HEADER}"))
}

fn foreign(error: &io::Error) -> BackupError {
    BackupError::Foreign(format!("it is no tar archive, or a broken one ({error})"))
}

/// How far an archive was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Header,
    Rows,
    Files,
    End,
}

struct Next {
    part: Option<Part>,
    stage: Stage,
}

struct Reading {
    temporary: Option<PathBuf>,
    members: Vec<Member>,
    rows: BTreeMap<String, u64>,
    /// How many files, and their bytes.
    files: (u64, u64),
    /// Hashes of files that are not what their names say.
    unsound: BTreeSet<String>,
    /// The member before, so that none comes twice: rows and files are each in the order of their names or tables.
    seen: BTreeSet<String>,
}

impl Reading {
    fn part(&mut self, stage: Stage, name: &str, bytes: u64, content: &mut impl Read) -> Result<Next, BackupError> {
        if stage == Stage::Header {
            if name != HEADER {
                return Err(unknown(name));
            }
            let text = self.text(name, bytes, content)?;
            return Ok(Next { part: Some(Part::Header(Box::new(header(&text)?))), stage: Stage::Rows });
        }
        if stage == Stage::End {
            return Err(BackupError::Damaged(format!("{name} comes after the manifest")));
        }
        if name == MANIFEST {
            let text = self.text(name, bytes, content)?;
            self.members.pop();
            let manifest = serde_json::from_slice(&text).map_err(|error| BackupError::Damaged(format!("{MANIFEST}: {error}")))?;
            self.compare(&manifest)?;
            return Ok(Next { part: Some(Part::Manifest(Box::new(manifest))), stage: Stage::End });
        }
        if let Some(hash) = hash_of(name) {
            return Ok(Next { part: self.file(hash, bytes, content)?, stage: Stage::Files });
        }
        let known = table_of(name).and_then(table).filter(|_| stage == Stage::Rows);
        let table = known.ok_or_else(|| BackupError::Damaged(format!("{name} does not belong here")))?;
        if !self.seen.insert(name.to_owned()) {
            return Err(BackupError::Damaged(format!("{name} is there twice")));
        }
        let text = self.text(name, bytes, content)?;
        let text = String::from_utf8(text).map_err(|_| BackupError::Damaged(format!("{name} is not text")))?;
        let lines = text.bytes().filter(|sign| *sign == b'\n').count() as u64;
        *self.rows.entry(table.name.to_owned()).or_default() += lines;
        // A line break in a value is written as \n.
        let rows = format!("[{}]", text.trim_end_matches('\n').replace('\n', ","));
        Ok(Next { part: Some(Part::Rows { table, rows }), stage })
    }

    /// Reads a member that fits into memory, and notes its checksum.
    fn text(&mut self, name: &str, bytes: u64, content: &mut impl Read) -> Result<Vec<u8>, BackupError> {
        if bytes > LARGEST {
            return Err(BackupError::Damaged(format!("{name} is too large")));
        }
        let mut text = Vec::new();
        content.read_to_end(&mut text).map_err(|error| BackupError::reading(&error))?;
        if text.len() as u64 != bytes {
            return Err(BackupError::Damaged(format!("it ends within {name}")));
        }
        self.members.push(Member { name: name.to_owned(), bytes, sha256: hex(&Sha256::digest(&text)) });
        Ok(text)
    }

    fn file(&mut self, hash: &str, bytes: u64, content: &mut impl Read) -> Result<Option<Part>, BackupError> {
        let mut content = Hashing { inner: content, digest: Sha256::new(), bytes: 0 };
        let written = match &self.temporary {
            Some(folder) => {
                let failed = |error: &io::Error| BackupError::at(folder.display(), error);
                let file = NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
                copy(&mut content, &mut file.as_file(), &failed)?;
                Some(file)
            }
            None => {
                copy(&mut content, &mut io::sink(), &|error| BackupError::reading(error))?;
                None
            }
        };
        if content.bytes != bytes {
            return Err(BackupError::Damaged(format!("it ends within a file, {hash}")));
        }
        self.files.0 += 1;
        self.files.1 += bytes;
        if hex(&content.digest.finalize()) != hash {
            self.unsound.insert(hash.to_owned());
            return Ok(None);
        }
        Ok(Some(Part::File { hash: hash.to_owned(), bytes, content: written }))
    }

    /// Compares what was read with what should be there.
    fn compare(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let damaged = |what: String| Err(BackupError::Damaged(what));
        let wrong = self.members.iter().zip(&manifest.members).find(|(read, written)| read != written);
        if let Some((read, _)) = wrong {
            return damaged(format!("{} is not what was written", read.name));
        }
        if self.members.len() != manifest.members.len() {
            return damaged(format!("it has {} members and should have {}", self.members.len(), manifest.members.len()));
        }
        for (table, rows) in &manifest.rows {
            let read = self.rows.get(table).copied().unwrap_or_default();
            if read != *rows {
                return damaged(format!("{table} has {read} rows and should have {rows}"));
            }
        }
        if self.files != (manifest.files, manifest.file_bytes) {
            return damaged(format!("it has {} files and should have {}", self.files.0, manifest.files));
        }
        // What was damaged when the backup was made is told elsewhere.
        match self.unsound.iter().find(|hash| !manifest.left_out.contains(hash)) {
            Some(hash) => damaged(format!("the file {hash} is not what was written")),
            None => Ok(()),
        }
    }
}

/// Copies; errors of writing are told apart from those of reading.
fn copy(
    content: &mut impl Read,
    target: &mut impl io::Write,
    failed: &dyn Fn(&io::Error) -> BackupError,
) -> Result<(), BackupError> {
    let mut piece = vec![0; 64 << 10];
    loop {
        match content.read(&mut piece).map_err(|error| BackupError::reading(&error))? {
            0 => return Ok(()),
            read => target.write_all(&piece[..read]).map_err(|error| failed(&error))?,
        }
    }
}

fn header(text: &[u8]) -> Result<Header, BackupError> {
    #[derive(serde::Deserialize)]
    struct Told {
        format: String,
        version: u32,
        parlor: String,
    }
    // First what every version of the format has.
    let told: Told = serde_json::from_slice(text).map_err(|error| BackupError::Foreign(format!("{HEADER}: {error}")))?;
    if told.format != FORMAT {
        return Err(BackupError::Foreign(format!("its format is {:?}", told.format)));
    }
    if told.version > VERSION {
        return Err(BackupError::Newer(told.parlor));
    }
    serde_json::from_slice(text).map_err(|error| BackupError::Damaged(format!("{HEADER}: {error}")))
}

/// A reader that tells how far it is.
struct Counting {
    inner: File,
    position: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
