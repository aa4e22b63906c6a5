//! The archives that people make of their own data, on the website.
//!
//! Owns how often, how long one can be downloaded, and the job that makes one: records and pages in one `.tar.gz`, which becomes a file of
//! that person. It fills no disk: the database may be on it. It must not know HTTP.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::folder::Folder;
use super::making::fill;
use super::{ExportError, Form, Progress, What};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::db::data_exports::{Archive, Requested, Waits};
use crate::error::{Error, Result};
use crate::files::{Files, has_room};
use crate::jobs::{Handler, Handlers, JobError, Jobs, Policy};
use crate::model::{Task, UserId};
use crate::security_log::Event;

/// How long an archive can be downloaded, in milliseconds.
const KEEP: i64 = 7 * 24 * 60 * 60 * 1000;
/// How long after one another can be asked for, and how long after one that failed.
const WAITS: Waits = Waits { made: 24 * 60 * 60 * 1000, failed: 60 * 60 * 1000 };
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
        let (is_waiting, failed_at) = (matches!(job, Some((_, None))), job.and_then(|(_, dead_at)| dead_at));
        let made_at = archive.as_ref().map(|archive| archive.created_at);
        let is_too_soon = WAITS.end(made_at, failed_at).is_some_and(|until| until > now);
        let may_ask = self.files.storage().is_ok() && !is_waiting && !is_too_soon;
        Ok(OwnData { archive, is_waiting, has_failed: failed_at.is_some(), may_ask })
    }

    /// Has an archive made of everything of somebody; `false` if one is on its way already.
    ///
    /// # Errors
    /// `rate_limited` if there was one within the last day, or one failed within the last hour; `unavailable`, also without a storage, or
    /// without room in it.
    pub async fn request(&self, user: UserId, event: &Event) -> Result<bool> {
        self.files.check_archive(user).await?;
        let now = self.clock.now();
        let task = Task::DataExport { user };
        match self.db.request_archive(user, &task, WAITS, now, event).await? {
            Requested::Done => {
                self.jobs.wake();
                Ok(true)
            }
            Requested::Waiting => Ok(false),
            Requested::TooSoon(until) => {
                let wait = u64::try_from(until.0 - now.0).unwrap_or_default();
                Err(Error::RateLimited { retry_after: Duration::from_millis(wait) })
            }
        }
    }

    async fn make(&self, user: UserId, username: String) -> std::result::Result<(), ExportError> {
        let storage = |error: Error| match error {
            Error::StorageFull => no_room(Path::new("FILES_URL")),
            error => ExportError::Storage(error.to_string()),
        };
        self.files.check_archive(user).await.map_err(storage)?;
        let place = self.files.temporary_folder().map_err(storage)?;
        let folder = Folder::begin(&place.path().join("data"))?;
        let name = format!("parlor-{username}");
        let what = What::Person(username);
        let mut watch = |_: Progress| {};
        // Nobody knows beforehand how much their texts are: without room for them, what was begun is deleted.
        let exported = fill(&self.config, &what, &folder, Form::Both, &self.clock, &mut watch).await?;
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

fn no_room(folder: &Path) -> ExportError {
    ExportError::at(folder, ErrorKind::StorageFull.into())
}

/// Packs a folder, under a name, into one file. What is packed is deleted, so that nothing is there twice. Blocks.
fn pack(folder: &Path, name: &str, file: &fs::File) -> io::Result<()> {
    let out = GzEncoder::new(BufWriter::new(file), Compression::new(LEVEL));
    let mut archive = tar::Builder::new(out);
    archive.follow_symlinks(false);
    pack_folder(&mut archive, folder, Path::new(name))?;
    archive.into_inner()?.finish()?.flush()
}

fn pack_folder(archive: &mut tar::Builder<impl Write>, folder: &Path, name: &Path) -> io::Result<()> {
    archive.append_dir(name, folder)?;
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            pack_folder(archive, &path, &name)?;
        } else if has_room(folder, 0) {
            archive.append_path_with_name(&path, &name)?;
            fs::remove_file(&path)?;
        } else {
            return Err(ErrorKind::StorageFull.into());
        }
    }
    Ok(())
}

#[async_trait]
impl Handler for PersonalExports {
    async fn handle(&self, task: &Task) -> std::result::Result<(), JobError> {
        let Task::DataExport { user } = *task else { return Ok(()) };
        // Whose account was closed meanwhile cannot download it.
        let Some(username) = self.db.find_open_username(user).await? else { return Ok(()) };
        // Whoever had this job may have died behind its last step.
        let now = self.clock.now();
        if self.db.find_archive(user, now).await?.is_some_and(|archive| archive.created_at.plus(WAITS.made) > now) {
            return Ok(());
        }
        self.make(user, username).await.map_err(|error| match error {
            // It would only fill the disk again.
            ExportError::Place { error, .. } if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                JobError::Hopeless("there is no room for it".to_owned())
            }
            error => JobError::Failed(error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_packed_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("files")).unwrap();
        let long = "a".repeat(120);
        for (name, content) in [("index.html", "pages"), ("files/b.txt", "two"), (&*format!("files/{long}.txt"), "one")] {
            fs::write(data.join(name), content).unwrap();
        }
        let file = tempfile::tempfile_in(folder.path()).unwrap();
        pack(&data, "parlor-ada", &file).unwrap();
        assert_eq!(fs::read_dir(data.join("files")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
        io::Seek::rewind(&mut &file).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&file));
        let packed = archive.entries().unwrap().map(|entry| {
            let (mut entry, mut content) = (entry.unwrap(), String::new());
            entry.read_to_string(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        });
        let expected = [
            ("parlor-ada", ""),
            ("parlor-ada/files", ""),
            (&*format!("parlor-ada/files/{long}.txt"), "one"),
            ("parlor-ada/files/b.txt", "two"),
            ("parlor-ada/index.html", "pages"),
        ];
        let packed: Vec<_> = packed.map(|(name, content)| (name.trim_end_matches('/').to_owned(), content)).collect();
        assert_eq!(packed, expected.map(|(name, content)| (name.to_owned(), content.to_owned())));
    }
}
