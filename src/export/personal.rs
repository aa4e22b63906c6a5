//! The archives that people make of their own data, on the website.
//!
//! Owns how often, how long one can be downloaded, and the job that makes one: records and pages in one `.tar.gz`, which becomes a file of
//! that person. It must not know HTTP.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::folder::Folder;
use super::making::fill;
use super::{ExportError, Form, What};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::db::data_exports::{Archive, Requested};
use crate::error::{Error, Result};
use crate::files::Files;
use crate::jobs::{Handler, Handlers, JobError, Jobs, Policy};
use crate::model::{Task, UserId};
use crate::security_log::Event;

/// How long an archive can be downloaded, and how long after one another can be asked for, in milliseconds.
const KEEP: i64 = 7 * 24 * 60 * 60 * 1000;
const EVERY: i64 = 24 * 60 * 60 * 1000;
/// One at once on each node, because it reads all rooms; it may take an hour, and is given up after some attempts.
const POLICY: Policy = Policy { at_once: 1, time: Duration::from_secs(60 * 60), attempts: 5 };
/// Text shrinks to a fifth at this level; higher ones cost much more time for little.
const LEVEL: u32 = 4;
/// What is not in the archive, if anything.
const LEFT_OUT: &str = "left-out.txt";

/// Where somebody's archive is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnData {
    /// One that can be downloaded.
    pub archive: Option<Archive>,
    /// One is being made.
    pub is_waiting: bool,
    /// The last one could not be made.
    pub has_failed: bool,
    /// Another one can be asked for.
    pub may_ask: bool,
}

/// The archives of a server.
pub struct PersonalExports {
    db: Arc<Db>,
    files: Arc<Files>,
    jobs: Jobs,
    config: Arc<Config>,
    clock: Clock,
}

impl PersonalExports {
    /// Those of these settings.
    pub fn new(db: Arc<Db>, files: Arc<Files>, jobs: Jobs, config: Arc<Config>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { db, files, jobs, config, clock })
    }

    /// Adds the handler of the job, if there is a storage.
    #[must_use]
    pub fn handlers(self: &Arc<Self>, handlers: Handlers) -> Handlers {
        if self.files.storage().is_err() {
            return handlers;
        }
        handlers.on(Task::DataExport { user: UserId(0) }.kind(), POLICY, self.clone())
    }

    /// Where somebody's archive is.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn state(&self, user: UserId) -> Result<OwnData> {
        let now = self.clock.now();
        let archive = self.db.find_archive(user, now).await?;
        let job = self.db.find_archive_job(&Task::DataExport { user }).await?;
        let is_waiting = matches!(job, Some((_, None)));
        let is_young = archive.as_ref().is_some_and(|archive| archive.created_at > now.plus(-EVERY));
        let may_ask = self.files.storage().is_ok() && !is_waiting && !is_young;
        Ok(OwnData { archive, is_waiting, has_failed: matches!(job, Some((_, Some(_)))), may_ask })
    }

    /// Has an archive made of everything of somebody; `false` if one is on its way already.
    ///
    /// # Errors
    /// `rate_limited` if there was one within the last day; `unavailable`, also without a storage.
    pub async fn request(&self, user: UserId, event: &Event) -> Result<bool> {
        self.files.storage()?;
        let now = self.clock.now();
        let task = Task::DataExport { user };
        match self.db.request_archive(user, &task, now.plus(-EVERY), now, event).await? {
            Requested::Done => {
                self.jobs.wake();
                Ok(true)
            }
            Requested::Waiting => Ok(false),
            Requested::TooSoon(at) => {
                let wait = u64::try_from(at.plus(EVERY).0 - now.0).unwrap_or_default();
                Err(Error::RateLimited { retry_after: Duration::from_millis(wait) })
            }
        }
    }

    async fn make(&self, user: UserId, username: String) -> std::result::Result<(), ExportError> {
        let storage = |error: Error| ExportError::Storage(error.to_string());
        let place = self.files.temporary_folder().map_err(storage)?;
        let folder = Folder::begin(&place.path().join("data"))?;
        let name = format!("parlor-{username}");
        let what = What::Person(username);
        let exported = fill(&self.config, &what, &folder, Form::Both, &self.clock, &mut |_| {}).await?;
        if !exported.left_out.is_empty() {
            folder.write(LEFT_OUT, exported.left_out.join("\n").as_bytes()).await?;
        }
        let file = self.files.temporary_file().map_err(storage)?;
        let (file, name) = tokio::task::spawn_blocking(move || {
            let packed = pack(folder.path(), &name, file.as_file());
            packed.map(|()| (file, name)).map_err(|error| ExportError::at(folder.path(), error))
        })
        .await
        .map_err(|error| ExportError::Internal(error.to_string()))??;
        let expires_at = self.clock.now().plus(KEEP);
        self.files.add_archive(user, file, &format!("{name}.tar.gz"), expires_at).await.map_err(storage)
    }
}

/// Packs a folder, under a name, into one file. Blocks.
fn pack(folder: &Path, name: &str, file: &fs::File) -> io::Result<()> {
    let out = GzEncoder::new(BufWriter::new(file), Compression::new(LEVEL));
    let mut archive = tar::Builder::new(out);
    archive.follow_symlinks(false);
    archive.append_dir_all(name, folder)?;
    archive.into_inner()?.finish()?.flush()
}

#[async_trait]
impl Handler for PersonalExports {
    async fn handle(&self, task: &Task) -> std::result::Result<(), JobError> {
        let Task::DataExport { user } = *task else { return Ok(()) };
        // Whose account was closed meanwhile cannot download it.
        let Some(username) = self.db.find_open_username(user).await? else { return Ok(()) };
        // Whoever had this job may have died behind its last step.
        let now = self.clock.now();
        if self.db.find_archive(user, now).await?.is_some_and(|archive| archive.created_at > now.plus(-EVERY)) {
            return Ok(());
        }
        self.make(user, username).await.map_err(|error| JobError::Failed(error.to_string()))
    }
}
