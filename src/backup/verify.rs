//! Restores a backup into a scratch database, and checks everything that must hold there.
//!
//! Owns what a good backup is. Nothing of the server's own database or files is read or changed.

use std::path::Path;

use serde::Serialize;

use super::restore::{Restored, load};
use super::{BackupError, Progress, Watch};
use crate::clock::{Clock, Millis};
use crate::config::{Config, Place};
use crate::db::Db;
use crate::db::backup::CHECKS;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Where the backup is.
    pub from: String,
    /// The moment whose state it holds.
    pub created_at: Millis,
    /// The version of Parlor that made it.
    pub made_by: String,
    /// The kind of database that it was made of.
    pub database: String,
    /// How many rows are in it.
    pub rows: u64,
    /// Whether files are in it.
    pub has_files: bool,
    /// How many files are in it.
    pub files: u64,
    /// What is wrong; nothing, if the backup is good.
    pub problems: Vec<String>,
    /// The files that were missing or damaged when it was made.
    pub left_out: Vec<String>,
}

/// Verifies a backup in `folder`, which is empty, and private, because it gets all messages. Whoever made it deletes it.
///
/// # Errors
/// If it cannot be restored at all: it is foreign, damaged or incomplete, or there is no room for a scratch database.
pub async fn verify(
    config: &Config,
    from: &Place,
    folder: &Path,
    clock: &Clock,
    watch: Watch<'_>,
) -> Result<Verified, BackupError> {
    let scratch = Config { database_url: url(folder), database_connections: 2, checkpoints: true, ..config.clone() };
    let (restored, db) = load(&scratch, from, false, clock, watch).await?;
    let problems = check(&db, &restored, watch).await;
    // Whatever was found: the folder goes after it.
    db.close().await;
    let Restored { from, created_at, made_by, database, rows, has_files, files, left_out, .. } = restored;
    Ok(Verified { from, created_at, made_by, database, rows, has_files, files, problems: problems?, left_out })
}

fn url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("scratch.db").display())
}

/// Looks for what is wrong. If `watch` says so, it ends between two statements.
async fn check(db: &Db, restored: &Restored, watch: Watch<'_>) -> Result<Vec<String>, BackupError> {
    let total = db.index_left().await?;
    let mut left = total;
    loop {
        if !watch(Progress { what: "index", done: total.saturating_sub(left), total, is_bytes: false }) {
            return Err(BackupError::Interrupted);
        }
        if !db.index_older().await? {
            break;
        }
        left = db.index_left().await?;
    }
    db.catch_up().await?;
    let mut goes_on = |done| watch(Progress { what: "check", done, total: CHECKS, is_bytes: false });
    let found = db.find_broken_invariants(&mut goes_on).await?;
    let mut problems = found.ok_or(BackupError::Interrupted)?;
    if restored.has_files {
        let blobs = db.count_blobs().await?;
        let there = restored.files + restored.left_out.len() as u64;
        if blobs > there {
            problems.push(format!("of {blobs} files, {} are not in the backup", blobs - there));
        }
    }
    Ok(problems)
}
