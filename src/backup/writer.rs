//! Writes an archive.
//!
//! Owns its members and their checksums. Everything here blocks. It must not know where the archive goes.

use std::fs::File;
use std::io::{self, BufWriter, Read};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::format::{HEADER, Header, MANIFEST, Manifest, Member};
use crate::clock::Millis;
use crate::encoding::hex;

/// Text shrinks to a fifth at this level; higher ones cost much more time for little.
const LEVEL: u32 = 4;

/// An archive that is being written.
pub struct Writer {
    archive: tar::Builder<GzEncoder<BufWriter<File>>>,
    created_at: u64,
    members: Vec<Member>,
}

impl Writer {
    /// Begins one.
    pub fn begin(file: File, header: &Header) -> io::Result<Self> {
        let out = GzEncoder::new(BufWriter::with_capacity(256 << 10, file), Compression::new(LEVEL));
        let Millis(created_at) = header.created_at;
        let created_at = u64::try_from(created_at / 1000).unwrap_or_default();
        let mut writer = Self { archive: tar::Builder::new(out), created_at, members: Vec::new() };
        writer.add(HEADER, &serde_json::to_vec_pretty(header)?)?;
        Ok(writer)
    }

    /// Adds a member.
    pub fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let (bytes, sha256) = self.append(name, content.len() as u64, content)?;
        self.members.push(Member { name: name.to_owned(), bytes, sha256 });
        Ok(())
    }

    /// Adds a file of this size; returns the SHA-256 of what was there.
    pub fn add_file(&mut self, name: &str, source: File, bytes: u64) -> io::Result<String> {
        let (written, sha256) = self.append(name, bytes, source.take(bytes))?;
        if written == bytes { Ok(sha256) } else { Err(io::Error::other("a file became shorter while it was read")) }
    }

    fn append(&mut self, name: &str, bytes: u64, content: impl Read) -> io::Result<(u64, String)> {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(self.created_at);
        let mut content = Hashing { inner: content, digest: Sha256::new(), bytes: 0 };
        self.archive.append_data(&mut header, name, &mut content)?;
        Ok((content.bytes, hex(&content.digest.finalize())))
    }

    /// Ends it with the manifest, and waits until it is on the disk. The members of the manifest are filled in here.
    pub fn finish(mut self, mut manifest: Manifest) -> io::Result<()> {
        manifest.members = std::mem::take(&mut self.members);
        let text = serde_json::to_vec_pretty(&manifest)?;
        self.append(MANIFEST, text.len() as u64, &*text)?;
        let file = self.archive.into_inner()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
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
