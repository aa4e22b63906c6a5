//! Backups: made while people write, put back into either kind of database, and checked.

mod commands;
mod damage;
mod held_back;
pub mod interrupted;
mod invariants;
mod litestream;
mod live;
mod resumed;
mod round_trip;
mod scheduled;
mod tables;
mod verify;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::process::{Ended, run};
use crate::harness::{Database, Kind, Server};

/// A server with files in a folder that commands find, too.
struct Origin {
    server: Server,
    files: String,
}

impl Origin {
    async fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        let files = format!("file://{}", database.folder().join("files").display());
        let mut all = vec![("FILES_URL", &*files)];
        all.extend(settings);
        Self { server: Server::start(database.url(), &all).await, files }
    }

    /// Makes a backup in the test's folder.
    async fn back_up(&self, database: &Database, name: &str) -> PathBuf {
        let to = database.folder().join(name);
        let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &self.files)];
        let made = run(database.folder(), &["backup", text(&to), "--files"], &settings, "").await;
        assert_eq!(made.status, Some(0), "{made:?}");
        to
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("tests have plain paths")
}

/// Restores a backup into a database, with files in a folder of its own, whose URL is returned.
async fn restore(from: &Path, into: &Database) -> (Ended, String) {
    let files = format!("file://{}", into.folder().join("restored-files").display());
    let settings = [("DATABASE_URL", into.url()), ("FILES_URL", &files)];
    let ended = run(into.folder(), &["restore", text(from), "--json"], &settings, "").await;
    (ended, files)
}

async fn verify(from: &Path, folder: &Path) -> Ended {
    run(folder, &["verify", text(from), "--json"], &[], "").await
}

/// What a command printed with `--json`.
fn said(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// An empty database of this kind.
async fn empty(kind: Kind) -> Database {
    Database::fresh(kind).await.expect("the test that needs Postgres began on it, or it is SQLite")
}

/// The kinds of database that this machine has.
fn kinds() -> Vec<Kind> {
    let has_postgres = crate::harness::programs::Program::Postgres.is_here_or_may_be_missing();
    if has_postgres { vec![Kind::Sqlite, Kind::Postgres] } else { vec![Kind::Sqlite] }
}
