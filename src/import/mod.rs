//! Imports: people, rooms and messages of another chat, or of an export of Parlor's.
//!
//! Owns that an import can be interrupted at any moment and run again: it goes on where it was, and makes nothing twice. Each source turns
//! its input into the records of `portable`; one writer stores them. It must not hold SQL (`db::import` and the ledger do), and it asks
//! nobody: whoever runs it has the server's settings. It must not run beside a server, which keeps rooms and names in memory.
//!
//! Reading order: `source` (what all sources give), `contents` (where the bytes of files are), then a source each: `parlor`, `slack`,
//! `campfire`, `mattermost`, which `open` chooses; `identity` (whether it was imported before), `people` (who is who here), `rooms`,
//! `write` (the messages) and `batch` (their transactions), `files`, `text`, `times`; `report`.

mod batch;
mod campfire;
mod contents;
mod error;
mod files;
mod identity;
mod mattermost;
mod open;
mod parlor;
mod people;
mod report;
mod rooms;
mod slack;
mod source;
mod text;
mod times;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

pub use error::ImportError;
pub use identity::parse_name;
pub use report::{People, Report, Rooms};
pub use source::Kind;

use self::files::Downloads;
use self::identity::identify;
use self::people::Mapping;
use self::source::{Part, Source};
use self::write::{Importer, Live};
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::doctor::missing_file;
use crate::db::import::{Alone, Known};
use crate::db::{Db, Purpose};
use crate::events::Bus;
use crate::files::Files;
use crate::jobs::Jobs;
use crate::settings::Settings;

/// What is to be imported, and how.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub from: PathBuf,
    /// Whether nothing is written.
    pub is_dry_run: bool,
    /// The file that says who is who here.
    pub map: Option<PathBuf>,
    /// The name of the source, if it is not to be recognised.
    pub source: Option<String>,
    /// Where Slack's files are, instead of Slack's own server, for tests.
    pub files_from: Option<String>,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How much of the source was read.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// Who is told how far it is, and says whether it goes on. If not, it ends after the batch that is being written.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) -> bool + Send);

/// Imports a source into the database and the storage of these settings, or says what that would do.
///
/// # Errors
/// What was written before stays, and the next run goes on after it.
pub async fn import(config: &Config, wanted: &Wanted, clock: &Clock, watch: Watch<'_>) -> Result<Report, ImportError> {
    let mapping = match &wanted.map {
        Some(path) => Mapping::read(path)?,
        None => Mapping::default(),
    };
    let source = open::source(wanted.kind, &wanted.from).await?;
    let (own, traces) = (source.id.clone(), source.traces.clone());
    let named = async |db: Option<&Db>| identify(db, wanted.source.as_deref(), &own, &traces).await;
    let Some(db) = open(config, wanted.is_dry_run).await? else {
        let name = named(None).await?;
        let importer = Importer::new(config, None, None, name, clock.clone(), mapping).await?;
        return run(importer, source, watch).await;
    };
    let db = Arc::new(db);
    let imported = async {
        if wanted.is_dry_run {
            let name = named(Some(&db)).await?;
            let importer = Importer::new(config, Some(db.clone()), None, name, clock.clone(), mapping).await?;
            return run(importer, source, watch).await;
        }
        let lock = match db.lock_for_import().await? {
            Ok(lock) => lock,
            Err(Alone::Import) => return Err(ImportError::AnotherImport),
            Err(_) => return Err(ImportError::Running),
        };
        let live = live(config, &db, clock, wanted).await?;
        // The tables are there now.
        let name = named(Some(&db)).await?;
        let importer = Importer::new(config, Some(db.clone()), Some(live), name, clock.clone(), mapping).await?;
        let report = run(importer, source, watch).await?;
        // Otherwise the first search would wait for it.
        db.catch_up().await?;
        lock.release().await;
        Ok(report)
    }
    .await;
    db.close().await;
    imported
}

/// Opens the database; for a dry run nothing is made or changed, and there may be none.
async fn open(config: &Config, is_dry_run: bool) -> Result<Option<Db>, ImportError> {
    if !is_dry_run {
        let db = Db::open_with(&config.database_url, config.database_connections, Purpose::Serve, config.checkpoints).await?;
        return Ok(Some(db));
    }
    if missing_file(&config.database_url).is_some() {
        return Ok(None);
    }
    let db = Db::open_with(&config.database_url, config.database_connections, Purpose::Visit, config.checkpoints).await?;
    let known = db.knows_imports().await;
    match known {
        Ok(Known::Yes) => return Ok(Some(db)),
        Ok(Known::Nothing) => db.close().await,
        Ok(Known::Earlier) => {
            db.close().await;
            return Err(ImportError::Earlier);
        }
        Err(error) => {
            db.close().await;
            return Err(error.into());
        }
    }
    Ok(None)
}

/// What an import needs that writes.
async fn live(config: &Config, db: &Arc<Db>, clock: &Clock, wanted: &Wanted) -> Result<Live, ImportError> {
    db.migrate().await?;
    db.ensure(clock.now()).await?;
    let events = Bus::default();
    let settings = Settings::open(db.clone(), config, clock.clone(), &events).await?;
    let accounts = Accounts::open(db.clone(), config, clock.clone(), events, settings).await?;
    let jobs = Jobs::open(db.clone(), clock.clone());
    let files = Files::open(db.clone(), config, clock.clone(), jobs).map_err(ImportError::Storage)?;
    files.recover().await?;
    let downloads = Downloads::new(wanted.kind, wanted.files_from.as_deref())?;
    Ok(Live { accounts, files, downloads })
}

/// Reads the source to its end.
async fn run(mut importer: Importer, mut source: Source, watch: Watch<'_>) -> Result<Report, ImportError> {
    importer.contents = Some(source.contents.clone());
    while let Some(part) = source.parts.recv().await {
        match part {
            Part::Person(person) => importer.person(*person).await?,
            Part::Room(room) => importer.room(*room).await?,
            Part::Message(room, message) => importer.message(room, *message).await?,
            Part::LeftOut(why, count) => importer.report.leave_out_many(&why, count),
        }
        if !watch(source.position.now()) {
            importer.finish().await?;
            return Err(ImportError::Interrupted);
        }
    }
    source.reading.await??;
    importer.finish().await?;
    Ok(importer.into_report())
}
