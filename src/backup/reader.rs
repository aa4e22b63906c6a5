//! Reads an archive, and does not believe it: order, sizes, checksums and counts are compared with what it says of itself.
//!
//! Owns what tells a foreign, a damaged or an incomplete archive from a whole one. Everything here blocks. It must not know what becomes of
//! the parts: whoever takes them must undo what they did if reading ends with an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
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
    /// A file whose content is something else. It was so when the backup was made, or the backup is damaged: the manifest tells.
    Unsound {
        /// What its content should be.
        hash: String,
        /// Its size.
        bytes: u64,
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
    let mut archive = tar::Archive::new(MultiGzDecoder::new(source));
    let mut reading = Reading::new(temporary);
    let mut is_taken = true;
    reading.members(&mut archive, &mut |part| {
        is_taken = send.blocking_send(part).is_ok();
        Ok(is_taken)
    })?;
    if !is_taken {
        // Whoever took the parts has failed, and says why.
        return Ok(());
    }
    if reading.stage != Stage::End {
        return Err(match reading.stage {
            Stage::Header => BackupError::Foreign("it is empty".into()),
            _ => BackupError::Damaged("it ends before its manifest".into()),
        });
    }
    // The checksum of the last piece is behind the last member, and nothing is behind that.
    io::copy(&mut archive.into_inner(), &mut Nothing).map_err(|error| BackupError::reading(&error))?;
    Ok(())
}

/// Takes the zeros with which a tar ends, and nothing else.
struct Nothing;

impl io::Write for Nothing {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        let is_nothing = content.iter().all(|byte| *byte == 0);
        if is_nothing {
            Ok(content.len())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "something comes after its end"))
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unknown(name: &str) -> BackupError {
    BackupError::Foreign(format!("it begins with {name:?} and not with {HEADER}"))
}

fn foreign(error: &io::Error) -> BackupError {
    BackupError::Foreign(format!("it is no tar archive, or a broken one ({error})"))
}

/// How far an archive was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing yet.
    Header,
    /// The header, and maybe rows.
    Rows,
    /// A file, or more.
    Files,
    /// The manifest.
    End,
}

/// An archive on its way in.
pub struct Reading {
    temporary: Option<PathBuf>,
    /// How far it is.
    pub stage: Stage,
    /// The members before the files, in their order.
    pub members: Vec<Member>,
    /// How many rows of each table there are.
    pub rows: BTreeMap<String, u64>,
    /// How many files, and their bytes.
    files: (u64, u64),
    /// Hashes of files that are not what their names say.
    unsound: BTreeSet<String>,
    /// The member before, so that none comes twice: rows and files are each in the order of their names or tables.
    seen: BTreeSet<String>,
}

impl Reading {
    /// Begins it. With `temporary`, the content of files is written there.
    pub fn new(temporary: Option<PathBuf>) -> Self {
        Self {
            temporary,
            stage: Stage::Header,
            members: Vec::new(),
            rows: BTreeMap::new(),
            files: (0, 0),
            unsound: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Reads the members of a tar, until there are no more, or `take` wants none. Returns how much of the tar they are, in bytes.
    ///
    /// # Errors
    /// If one is not what must come there; and those of `take`.
    pub fn members(
        &mut self,
        archive: &mut tar::Archive<impl Read>,
        take: &mut dyn FnMut(Part) -> Result<bool, BackupError>,
    ) -> Result<u64, BackupError> {
        const BLOCK: u64 = 512;
        let mut all = 0;
        // Raw: else long names and the headers of other tars, which Parlor does not write, are read into memory, however long they are.
        for entry in archive.entries().map_err(|error| BackupError::reading(&error))?.raw(true) {
            let is_first = self.stage == Stage::Header;
            let mut entry = entry.map_err(|error| if is_first { foreign(&error) } else { BackupError::reading(&error) })?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if !entry.header().entry_type().is_file() {
                return Err(if is_first { unknown(&name) } else { BackupError::Damaged(format!("{name} is not a file")) });
            }
            let bytes = entry.header().size().map_err(|error| BackupError::reading(&error))?;
            let part = self.part(&name, bytes, &mut entry)?;
            all += BLOCK + bytes.next_multiple_of(BLOCK);
            if !take(part)? {
                break;
            }
        }
        Ok(all)
    }

    fn part(&mut self, name: &str, bytes: u64, content: &mut impl Read) -> Result<Part, BackupError> {
        if self.stage == Stage::Header {
            if name != HEADER {
                return Err(unknown(name));
            }
            let text = self.text(name, bytes, content)?;
            self.stage = Stage::Rows;
            return Ok(Part::Header(Box::new(header(&text)?)));
        }
        if self.stage == Stage::End {
            return Err(BackupError::Damaged(format!("{name} comes after the manifest")));
        }
        if name == MANIFEST {
            let text = self.text(name, bytes, content)?;
            self.members.pop();
            let manifest = serde_json::from_slice(&text).map_err(|error| BackupError::Damaged(format!("{MANIFEST}: {error}")))?;
            self.compare(&manifest)?;
            self.stage = Stage::End;
            return Ok(Part::Manifest(Box::new(manifest)));
        }
        if let Some(hash) = hash_of(name) {
            self.stage = Stage::Files;
            return self.file(hash, bytes, content);
        }
        let known = table_of(name).and_then(table).filter(|_| self.stage == Stage::Rows);
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
        Ok(Part::Rows { table, rows })
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

    fn file(&mut self, hash: &str, bytes: u64, content: &mut impl Read) -> Result<Part, BackupError> {
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
            return Ok(Part::Unsound { hash: hash.to_owned(), bytes });
        }
        Ok(Part::File { hash: hash.to_owned(), bytes, content: written })
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
pub struct Counting<R> {
    /// Where the bytes come from.
    pub inner: R,
    /// How many came.
    pub position: Arc<AtomicU64>,
}

impl<R> Counting<R> {
    /// How far it is.
    pub fn count(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.position.fetch_add(count as u64, Ordering::Relaxed);
    }
}
