//! Small blobs in memory: previews and small files that many people open at once.
//!
//! Owns how much memory they take. A blob never changes, because its name is the hash of its content; whether somebody may read it is asked
//! before, each time.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use quick_cache::Weighter;

use super::storage::{Storage, StorageError, blob_key};

/// The largest blob that is kept, in bytes: most small previews are smaller.
const LARGEST: u64 = 64 << 10;
/// How much all of them may have, in bytes.
const ALL: u64 = 16 << 20;
/// How many are expected; more find room too.
const EXPECTED: usize = 1024;

/// What a blob weighs, in bytes.
#[derive(Clone)]
struct Size;

impl Weighter<String, Bytes> for Size {
    fn weight(&self, hash: &String, content: &Bytes) -> u64 {
        (hash.len() + content.len()) as u64
    }
}

/// The blobs that are kept.
pub struct Cache(quick_cache::sync::Cache<String, Bytes, Size>);

impl Cache {
    /// An empty one.
    pub fn new() -> Self {
        Self(quick_cache::sync::Cache::with_weighter(EXPECTED, ALL, Size))
    }

    /// The content of a blob of this size, from memory or from the storage; `None` if it is too large for this. Whoever asks while somebody
    /// reads it waits for that.
    pub async fn read(&self, storage: &Storage, hash: &str, size: u64) -> Result<Option<Bytes>, StorageError> {
        if size > LARGEST {
            return Ok(None);
        }
        let reading = async {
            let content: BytesMut = storage.read(&blob_key(hash), None).await?.try_collect().await?;
            if content.len() as u64 == size {
                Ok(content.freeze())
            } else {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
            }
        };
        self.0.get_or_insert_async(hash, reading).await.map(Some)
    }

    /// Forgets a blob that was deleted.
    pub fn forget(&self, hash: &str) {
        self.0.remove(hash);
    }
}
