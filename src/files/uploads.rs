//! Uploads that come in parts, and may be interrupted at any time.
//!
//! Owns what is kept of them: whatever has come when a connection ends, and every 16 MiB before. A part is put into the storage
//! before its row says that it is there. It must not know tus: `web` does.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::storage::{StorageError, chunk_key};
use super::{Files, KEEP, names};
use crate::clock::Millis;
use crate::db::uploads::{NewFile, Upload};
use crate::encoding::random_hex;
use crate::error::{Error, Result};
use crate::model::UserId;

/// How many bytes are kept together: what a killed server may lose of a running upload.
const PIECE: u64 = 16 << 20;
/// The longest type that a sender may say, in bytes.
const LONGEST_TYPE: usize = 100;

/// Where an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes are here.
    pub received: u64,
    /// How many there will be.
    pub bytes: u64,
    /// When it is deleted.
    pub expires_at: Millis,
}

/// How a piece of a body ended.
enum Ended {
    /// The piece is full; there is more.
    Full,
    /// There is no more.
    Whole,
    /// The connection broke, or somebody else works on it now.
    Broken,
    /// There is more than was announced.
    TooLong,
}

impl Files {
    /// Begins an upload of so many bytes. Returns its id.
    ///
    /// # Errors
    /// `invalid` for `file` if it is too large or its person has too much; `unavailable`.
    pub async fn begin_upload(
        self: &Arc<Self>,
        owner: UserId,
        bytes: u64,
        name: &str,
        media_type: &str,
    ) -> Result<(String, Progress)> {
        self.storage()?;
        self.check_room(owner, bytes).await?;
        let (id, expires_at) = (random_hex(), self.clock.now().plus(KEEP));
        let new = NewFile {
            id: id.clone(),
            owner,
            purpose: "attachment",
            name: names::cleaned(name),
            media_type: media_type.chars().filter(char::is_ascii_graphic).take(LONGEST_TYPE).collect(),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            alt: String::new(),
            expires_at: Some(expires_at),
        };
        if !self.db.insert_upload(&new, self.share(), self.clock.now()).await? {
            return Err(self.no_room_now(owner).await?);
        }
        if bytes == 0 {
            self.upload(&id, owner).await?;
        }
        Ok((id, Progress { received: 0, bytes, expires_at }))
    }

    /// Where an upload is. One that is here whole is completed first: a server may have died at that point.
    ///
    /// # Errors
    /// `not_found`; `busy` while somebody else works on it.
    pub async fn upload(self: &Arc<Self>, id: &str, owner: UserId) -> Result<Progress> {
        // Strangers' uploads are not touched.
        if self.db.find_upload(id, owner, self.clock.now()).await?.is_none() {
            return Err(Error::NotFound("upload"));
        }
        // What runs is ended first, so that what it has counts.
        let turn = self.turns.take(id).await.ok_or(Error::BUSY)?;
        let upload = self.db.find_upload(id, owner, self.clock.now()).await?.ok_or(Error::NotFound("upload"))?;
        if !upload.is_stored && upload.received == upload.bytes {
            let (files, whole) = (self.clone(), upload.clone());
            // To its end, whatever becomes of the request.
            let completing = tokio::spawn(async move {
                let done = files.assemble(&whole).await;
                drop(turn);
                done
            });
            completing.await.map_err(|error| Error::Internal(error.to_string()))??;
        }
        Ok(progress(&upload))
    }

    /// Gives an upload up; its bytes are deleted by a job.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn end_upload(&self, id: &str, owner: UserId) -> Result<()> {
        let turn = self.turns.take(id).await;
        let deleted = self.db.delete_uploads(&[id.to_owned()], owner).await?;
        drop(turn);
        self.wake_jobs();
        if deleted == 0 { Err(Error::NotFound("upload")) } else { Ok(()) }
    }

    /// Deletes those of somebody's files that no message has taken.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn discard(&self, ids: &[String], owner: UserId) -> Result<()> {
        if self.db.delete_uploads(ids, owner).await? > 0 {
            self.wake_jobs();
        }
        Ok(())
    }

    /// Takes what comes of an upload, from `offset` on, and completes it when it is whole. Runs to its end whatever becomes of the
    /// request: what has come is kept.
    ///
    /// # Errors
    /// `not_found`; `invalid` for `offset` if the upload is elsewhere; `invalid` for `file` if more comes than was announced; `busy`;
    /// `unavailable`.
    pub async fn receive<S>(self: &Arc<Self>, id: &str, owner: UserId, offset: u64, body: S) -> Result<Progress>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
    {
        let slot = self.begin_receiving(owner)?;
        // Strangers' uploads are not touched.
        if self.db.find_upload(id, owner, self.clock.now()).await?.is_none() {
            return Err(Error::NotFound("upload"));
        }
        let turn = self.turns.take(id).await.ok_or(Error::BUSY)?;
        let upload = self.db.find_upload(id, owner, self.clock.now()).await?.ok_or(Error::NotFound("upload"))?;
        if upload.received != i64::try_from(offset).unwrap_or(i64::MAX) {
            return Err(Error::invalid("offset", "The upload is at another place. Ask where it is."));
        }
        if upload.is_stored {
            return Ok(progress(&upload));
        }
        let files = self.clone();
        let receiving = tokio::spawn(async move {
            let done = files.take_pieces(upload, body, &turn.end).await;
            drop((turn, slot));
            done
        });
        receiving.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    async fn take_pieces<S>(&self, mut upload: Upload, mut body: S, end: &CancellationToken) -> Result<Progress>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        let mut rest = Bytes::new();
        loop {
            let left = u64::try_from(upload.bytes - upload.received).unwrap_or_default();
            let file = self.temporary_file()?;
            let (read, ended) = write_piece(&file, &mut body, &mut rest, left, end).await?;
            let is_all = upload.received == 0 && read == u64::try_from(upload.bytes).unwrap_or_default();
            if matches!(ended, Ended::Whole) && is_all {
                // It came in one piece: no parts.
                self.complete(&upload.id, file, &upload.name).await?;
                upload.received = upload.bytes;
                return Ok(progress(&upload));
            }
            if read > 0 {
                self.keep_piece(&mut upload, &file, read).await?;
            }
            match ended {
                Ended::Full => {}
                Ended::Whole if upload.received == upload.bytes => {
                    self.assemble(&upload).await?;
                    return Ok(progress(&upload));
                }
                Ended::Whole => return Ok(progress(&upload)),
                Ended::Broken => return Err(Error::invalid("file", "The connection ended before the whole file had come.")),
                Ended::TooLong => {
                    return Err(Error::TooLarge("More came than was announced. The upload is kept as it was announced.".into()));
                }
            }
        }
    }

    /// Keeps what has come of an upload.
    async fn keep_piece(&self, upload: &mut Upload, file: &NamedTempFile, bytes: u64) -> Result<()> {
        let key = chunk_key(&upload.id, upload.received);
        let storage = self.storage()?;
        // A shorter part may be there, whose row was never written.
        storage.delete(&key).await?;
        storage.put(&key, file.path(), bytes).await?;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let expires_at = self.clock.now().plus(KEEP);
        if !self.db.add_chunk(&upload.id, upload.received, bytes, expires_at).await? {
            // Given up meanwhile, or another node has taken a part: then it may be theirs, and stays until the upload ends.
            if self.db.list_chunks(&upload.id).await?.is_empty() {
                storage.delete(&key).await?;
            }
            return Err(Error::NotFound("upload"));
        }
        upload.received += bytes;
        upload.expires_at = Some(expires_at);
        Ok(())
    }

    /// Completes an upload of its parts.
    async fn assemble(&self, upload: &Upload) -> Result<()> {
        let storage = self.storage()?;
        let file = self.temporary_file()?;
        for (start, _) in self.db.list_chunks(&upload.id).await? {
            storage.fetch(&chunk_key(&upload.id, start), file.as_file()).await?;
        }
        let bytes = file.as_file().metadata().map_err(StorageError::from)?.len();
        if i64::try_from(bytes) != Ok(upload.bytes) {
            return Err(Error::Internal(format!("an upload of {} bytes has parts of {bytes}", upload.bytes)));
        }
        self.complete(&upload.id, file, &upload.name).await
    }
}

fn progress(upload: &Upload) -> Progress {
    let number = |bytes: i64| u64::try_from(bytes).unwrap_or_default();
    Progress { received: number(upload.received), bytes: number(upload.bytes), expires_at: upload.expires_at.unwrap_or_default() }
}

/// Writes up to [`PIECE`] bytes of a body, and no more than `left`, into a file. `rest` is what was read of the body and not written yet.
async fn write_piece<S>(
    file: &NamedTempFile,
    body: &mut S,
    rest: &mut Bytes,
    left: u64,
    end: &CancellationToken,
) -> Result<(u64, Ended)>
where
    S: Stream<Item = io::Result<Bytes>> + Unpin,
{
    let mut target = writer(file)?;
    let mut written = 0;
    let ended = loop {
        if !rest.is_empty() {
            if written == left {
                break Ended::TooLong;
            }
            let fits = rest.len().min(usize::try_from(PIECE.min(left) - written).unwrap_or(usize::MAX));
            target.write_all(&rest.split_to(fits)).await.map_err(StorageError::from)?;
            written += fits as u64;
            if written == PIECE && left > PIECE {
                break Ended::Full;
            }
            continue;
        }
        tokio::select! {
            // What is here counts.
            biased;
            piece = body.next() => match piece {
                Some(Ok(piece)) => *rest = piece,
                Some(Err(_)) => break Ended::Broken,
                None => break Ended::Whole,
            },
            () = end.cancelled() => break Ended::Broken,
        }
    };
    target.flush().await.map_err(StorageError::from)?;
    Ok((written, ended))
}

/// Writes into a file. By default it would copy up to 2 MiB of each upload before it writes.
fn writer(file: &NamedTempFile) -> Result<tokio::fs::File> {
    const BUFFER: usize = 64 << 10;
    let mut writer = tokio::fs::File::from_std(file.reopen().map_err(StorageError::from)?);
    writer.set_max_buf_size(BUFFER);
    Ok(writer)
}

/// Writes a whole body into a file, up to `limit` bytes; `false` if there is more.
///
/// # Errors
/// `invalid` for `file` if the connection breaks; `unavailable`.
pub async fn write_whole<S, E>(file: &NamedTempFile, body: &mut S, limit: u64) -> Result<bool>
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Unpin,
{
    let mut target = writer(file)?;
    let mut written = 0;
    let broken = |_| Error::invalid("file", "The connection ended before the whole file had come.");
    while let Some(piece) = body.try_next().await.map_err(broken)? {
        written += piece.len() as u64;
        if written > limit {
            return Ok(false);
        }
        target.write_all(&piece).await.map_err(StorageError::from)?;
    }
    target.flush().await.map_err(StorageError::from)?;
    Ok(true)
}
