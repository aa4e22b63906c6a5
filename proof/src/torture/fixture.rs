//! The fixture of one case: a folder, a database, and the server's program.
//!
//! Owns making them and taking them away. It must not know what is played on it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::client::Site;
use crate::client::site::PASSWORD;
use crate::infra::cluster::Cluster;
use crate::infra::process::{self, Process};
use crate::infra::watchdog;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Db {
    Sqlite,
    /// A throw-away Postgres, which belongs to the case alone.
    Postgres,
}

impl Db {
    pub const BOTH: &[Self] = &[Self::Sqlite, Self::Postgres];
    /// For a case about SQLite, or one where the database does not matter.
    pub const SQLITE: &[Self] = &[Self::Sqlite];
    pub const POSTGRES: &[Self] = &[Self::Postgres];
}

impl fmt::Display for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

pub struct Fixture {
    pub db: Db,
    pub program: PathBuf,
    folder: TempDir,
    cluster: Option<Cluster>,
    url: String,
}

impl Fixture {
    pub(super) fn new(db: Db, program: &Path) -> Self {
        let folder = watchdog::folder();
        let cluster = (db == Db::Postgres).then(|| Cluster::start(&[]));
        let url = match &cluster {
            Some(cluster) => cluster.url("postgres"),
            None => format!("sqlite://{}", folder.path().join("parlor.db").display()),
        };
        Self { db, program: program.to_owned(), folder, cluster, url }
    }

    /// The server's working directory, with SQLite's file (`parlor.db`).
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().expect("the case is played on Postgres")
    }

    /// Adds an administrator called `root`, before the server starts.
    pub async fn add_administrator(&self) {
        let (arguments, settings) = (["user", "add", "root", "--admin"], [("DATABASE_URL", self.url())]);
        let ended = process::run(&self.program, self.folder(), &arguments, &settings, &format!("{PASSWORD}\n")).await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }

    pub async fn start(&self, settings: &[(&str, &str)]) -> Process {
        Process::start(&self.program, &[], self.folder(), &self.url, settings).await
    }

    /// Starts it again where it was, and says how long it took until it is well.
    pub async fn start_again(&self, address: SocketAddr, settings: &[(&str, &str)]) -> (Process, Duration) {
        let began = Instant::now();
        let listen = address.to_string();
        let mut all = vec![("LISTEN", listen.as_str())];
        all.extend(settings);
        let process = self.start(&all).await;
        until_well(&process.site, Duration::from_secs(60)).await;
        (process, began.elapsed())
    }
}

pub async fn is_well(site: &Site) -> bool {
    let asked = site.stranger().request(reqwest::Method::GET, "/healthz").timeout(Duration::from_secs(5)).send();
    asked.await.is_ok_and(|answer| answer.status() == 200)
}

/// Asks until the server says that it is well; how long that took.
pub async fn until_well(site: &Site, patience: Duration) -> Duration {
    let began = Instant::now();
    while !is_well(site).await {
        assert!(began.elapsed() < patience, "the server is not well again after {patience:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}
