//! A database for each test, of either kind, that nobody else sees and that is gone afterwards.
//!
//! Owns making and dropping them. It must not know what is in them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use parlor::db::{Db, Purpose};
use tokio::sync::OnceCell;

use super::cluster::Cluster;
use super::programs::Program;
use super::watchdog;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database in the throw-away cluster.
    Postgres,
}

/// One test's own database, empty at first.
pub struct Database {
    /// Which kind it is.
    pub kind: Kind,
    /// Whether it is for two nodes.
    pub has_two_nodes: bool,
    url: String,
    /// The file of SQLite's.
    file: PathBuf,
    /// Gone when the test is over; holds the file, and is a place for whatever else a test needs on disk.
    folder: tempfile::TempDir,
    name: Option<String>,
}

impl Database {
    /// A fresh one; nothing where Postgres is not on this machine and may be missing.
    pub async fn fresh(kind: Kind) -> Option<Self> {
        let folder = watchdog::folder();
        let (url, name) = match kind {
            Kind::Sqlite => (format!("sqlite://{}", folder.path().join("parlor.db").display()), None),
            Kind::Postgres if Program::Postgres.is_here_or_may_be_missing() => {
                // The first caller waits for the cluster's start, which must not hold up this runtime's other tasks.
                let cluster = tokio::task::spawn_blocking(Cluster::shared).await.expect("the cluster starts");
                let name = cluster.create_database().await;
                (cluster.url(&name), Some(name))
            }
            Kind::Postgres => return None,
        };
        Some(Self { kind, has_two_nodes: false, url, file: folder.path().join("parlor.db"), folder, name })
    }

    /// A fresh one in which the migrations have run: a copy of the first such one, because they take longer than most tests.
    pub async fn migrated(kind: Kind) -> Option<Self> {
        static SQLITE: OnceCell<Vec<u8>> = OnceCell::const_new();
        static POSTGRES: OnceCell<Option<Database>> = OnceCell::const_new();
        let first = async || {
            let first = Self::fresh(kind).await?;
            let db = Db::open(&first.url, 2, Purpose::Visit).await.expect("a database");
            db.migrate().await.expect("the migrations run");
            db.close().await;
            Some(first)
        };
        match kind {
            Kind::Sqlite => {
                let read = async || std::fs::read(first().await.expect("always here").file).expect("a database");
                let content = SQLITE.get_or_init(read).await;
                let copy = Self::fresh(kind).await?;
                std::fs::write(&copy.file, content).expect("a copy");
                std::fs::set_permissions(&copy.file, PermissionsExt::from_mode(0o600)).expect("its owner may do that");
                Some(copy)
            }
            Kind::Postgres => {
                let first = POSTGRES.get_or_init(first).await.as_ref()?;
                let cluster = Cluster::shared();
                let name = cluster.copy_database(first.name.as_deref().expect("it is in the cluster")).await;
                let folder = watchdog::folder();
                let file = folder.path().join("parlor.db");
                Some(Self { kind, has_two_nodes: false, url: cluster.url(&name), file, folder, name: Some(name) })
            }
        }
    }

    /// One that somebody else keeps: in a Postgres of the test's own, or a file that is to stay.
    pub fn at(url: &str) -> Self {
        let (kind, file) = url.strip_prefix("sqlite://").map_or((Kind::Postgres, ""), |file| (Kind::Sqlite, file));
        Self { kind, has_two_nodes: false, url: url.to_owned(), file: file.into(), folder: watchdog::folder(), name: None }
    }

    /// Its address, as `DATABASE_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The test's own folder on disk.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The SQLite file.
    pub fn file(&self) -> PathBuf {
        self.file.clone()
    }

    /// Takes it away.
    pub async fn discard(self) {
        if let Some(name) = &self.name {
            Cluster::shared().drop_database(name).await;
        }
    }
}
