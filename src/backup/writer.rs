//! Writes an archive.
//!
//! Owns its members and their checksums, the pieces in which it is compressed, and that it does not take the last room of a disk. Everything
//! here blocks. It must not know where the archive goes.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::format::{HEADER, Header, MANIFEST, Manifest, Member, PIECE};
use crate::clock::Millis;
use crate::encoding::hex;
use crate::files::room::Room;

/// Text shrinks to a fifth at this level; higher ones cost much more time for little.
const LEVEL: u32 = 4;

/// An archive that is being written.
pub struct Writer {
    archive: tar::Builder<Pieces>,
    created_at: u64,
    members: Vec<Member>,
}

impl Writer {
    /// Begins one, on a disk with this room.
    pub fn begin(file: File, room: Room, header: &Header) -> io::Result<Self> {
        let mut writer = Self::go_on(file, room, header.created_at, Vec::new());
        writer.add(HEADER, &serde_json::to_vec_pretty(header)?)?;
        Ok(writer)
    }

    /// Goes on with one that has these members besides files. The file is at the end of a piece.
    pub fn go_on(file: File, room: Room, created_at: Millis, members: Vec<Member>) -> Self {
        let created_at = u64::try_from(created_at.0 / 1000).unwrap_or_default();
        Self { archive: tar::Builder::new(Pieces::behind(file, room)), created_at, members }
    }

    /// Adds a member.
    pub fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let (bytes, sha256) = self.append(name, content.len() as u64, content)?;
        self.members.push(Member { name: name.to_owned(), bytes, sha256 });
        Ok(())
    }

    /// Adds a file of this size; returns the SHA-256 of what was there. It begins a piece if it does not fit into this one: then what comes
    /// before it is safe, whatever becomes of it.
    pub fn add_file(&mut self, name: &str, source: impl Read, bytes: u64) -> io::Result<String> {
        if self.archive.get_ref().bytes.saturating_add(bytes) > PIECE {
            self.end_piece()?;
        }
        let (written, sha256) = self.append(name, bytes, source.take(bytes))?;
        if written == bytes { Ok(sha256) } else { Err(io::Error::other("a file became shorter while it was read")) }
    }

    fn append(&mut self, name: &str, bytes: u64, content: impl Read) -> io::Result<(u64, String)> {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.created_at);
        let mut content = Hashing { inner: content, digest: Sha256::new(), bytes: 0 };
        let appended = self.archive.append_data(&mut header, name, &mut content);
        if appended.is_err() || content.bytes != bytes {
            // Half a member is no end of a piece.
            self.archive.get_mut().close();
        }
        appended?;
        Ok((content.bytes, hex(&content.digest.finalize())))
    }

    /// Ends a piece: whatever happens from here on, what was written is on the disk, and the archive can be cut here.
    pub fn end_piece(&mut self) -> io::Result<()> {
        self.archive.get_mut().end()
    }

    /// Where the last whole piece ends, if that is known: what is behind that is worth nothing unless it becomes one.
    pub fn safe(&self) -> Option<u64> {
        self.archive.get_ref().safe
    }

    /// Ends it with the manifest, and waits until it is on the disk. The members of the manifest are filled in here.
    pub fn finish(mut self, mut manifest: Manifest) -> io::Result<()> {
        self.end_piece()?;
        manifest.members = std::mem::take(&mut self.members);
        let text = serde_json::to_vec_pretty(&manifest)?;
        self.append(MANIFEST, text.len() as u64, &*text)?;
        self.archive.finish()?;
        self.end_piece()
    }
}

impl Drop for Writer {
    /// The end of a tar, which its builder writes in any case, belongs behind the manifest only: it is the end for whoever goes on, too.
    fn drop(&mut self) {
        self.archive.get_mut().close();
    }
}

/// A file of pieces, each compressed by itself: gzip members, one behind the other. Without a file and a piece, nothing more can be written.
struct Pieces {
    /// Between two pieces.
    file: Option<File>,
    piece: Option<GzEncoder<BufWriter<File>>>,
    /// How much was written to this piece.
    bytes: u64,
    /// Where the last whole piece ends.
    safe: Option<u64>,
    room: Room,
}

impl Pieces {
    fn behind(mut file: File, room: Room) -> Self {
        let safe = file.stream_position().ok();
        Self { file: Some(file), piece: None, bytes: 0, safe, room }
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(piece) = self.piece.take() {
            let mut file = piece.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_data()?;
            self.safe = file.stream_position().ok();
            (self.file, self.bytes) = (Some(file), 0);
        }
        if self.file.is_some() { Ok(()) } else { Err(closed()) }
    }

    fn close(&mut self) {
        (self.file, self.piece) = (None, None);
    }
}

fn closed() -> io::Error {
    io::Error::other("the archive was given up")
}

impl Write for Pieces {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.room.take(content.len() as u64)?;
        if let Some(file) = self.file.take() {
            self.piece = Some(GzEncoder::new(BufWriter::with_capacity(256 << 10, file), Compression::new(LEVEL)));
        }
        let written = self.piece.as_mut().ok_or_else(closed)?.write(content)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.piece.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// A reader that computes the SHA-256 of what goes through it.
pub struct Hashing<R> {
    /// Where the bytes come from.
    pub inner: R,
    /// Of what was read so far.
    pub digest: Sha256,
    /// How much was read so far.
    pub bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("members", &self.members.len()).finish_non_exhaustive()
    }
}
