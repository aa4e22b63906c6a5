//! The files of other versions, so that each node can serve the files of every page: while nodes are replaced one by one, a page of a new
//! one loads files from an old one, and the other way round.
//!
//! Owns the copy of this version's files in Postgres, and the files of other versions in memory. With SQLite there is one version. A request
//! for an unknown file must not cost a statement of its own: the names are read at most four times a second.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::File;
use crate::db::Db;
use crate::error::Result;

/// For how long the names are not read again after a file was missing.
const MISSING: Duration = Duration::from_millis(250);
/// The most bytes of files in memory. Beyond it they are dropped, and read again when needed.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How often a running version notes that it is in use.
const USE_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The files of other versions.
pub struct OtherVersions {
    db: Arc<Db>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    names: HashSet<String>,
    read_at: Option<Instant>,
    files: HashMap<String, Arc<File>>,
    bytes: usize,
}

impl OtherVersions {
    /// Stores the files of this version, `own`, before any page refers to them. A failure is only logged.
    pub async fn open(db: Arc<Db>, version: &'static str, own: impl Iterator<Item = (String, &'static File)>) -> Arc<Self> {
        if let Some(postgres) = db.shared() {
            let stored = match postgres.use_assets(version).await {
                Ok(true) => Ok(()),
                Ok(false) => {
                    postgres.store_assets(version, own.map(|(name, file)| (name, &*file.kind, &*file.bytes)).collect()).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = stored {
                tracing::warn!(%error, "the static files could not be stored for nodes of other versions");
            }
            tokio::spawn(note_use(db.clone(), version));
        }
        Arc::new(Self { db, known: Mutex::default() })
    }

    /// The file of another version, by its hash and path.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Arc<File>>> {
        let Some(postgres) = self.db.shared() else { return Ok(None) };
        let mut known = self.known.lock().await;
        if let Some(file) = known.files.get(name) {
            return Ok(Some(file.clone()));
        }
        if !known.names.contains(name) {
            if known.read_at.is_some_and(|at| at.elapsed() < MISSING) {
                return Ok(None);
            }
            // Before the statement, so that it is not repeated for each request when it fails.
            known.read_at = Some(Instant::now());
            known.names = postgres.list_assets().await?.into_iter().collect();
            if !known.names.contains(name) {
                return Ok(None);
            }
        }
        let Some((kind, bytes)) = postgres.find_asset(name).await? else { return Ok(None) };
        let hash = name.split('/').next().unwrap_or_default().to_owned();
        known.bytes += bytes.len();
        if known.bytes > MAX_BYTES {
            known.files.clear();
            known.bytes = bytes.len();
        }
        let file = Arc::new(File { bytes: bytes.into(), gzipped: Default::default(), kind, hash });
        known.files.insert(name.to_owned(), file.clone());
        Ok(Some(file))
    }
}

/// Notes daily that this version is in use.
async fn note_use(db: Arc<Db>, version: &'static str) {
    let Some(postgres) = db.shared() else { return };
    loop {
        tokio::time::sleep(USE_INTERVAL).await;
        if let Err(error) = postgres.use_assets(version).await {
            tracing::debug!(%error, "the use of this version could not be noted");
        }
    }
}
