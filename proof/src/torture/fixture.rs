//! The fixture of one case: a folder, a database, and the server's program.
//!
//! Owns creating and removing them. It must not know the cases.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sqlx::Connection;
use tempfile::TempDir;

use crate::client::Site;
use crate::infra::cluster::Cluster;
use crate::infra::process::Process;
use crate::infra::stalls;
use crate::infra::watchdog;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Db {
    Sqlite,
    /// A temporary Postgres, which only the case uses.
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
    pub program: PathBuf,
    folder: TempDir,
    cluster: Option<Cluster>,
    url: String,
}

impl Fixture {
    pub(super) fn new(db: Db, program: &Path) -> Self {
        stalls::watch();
        let folder = watchdog::folder();
        let cluster = (db == Db::Postgres).then(|| Cluster::start(&[]));
        let url = match &cluster {
            Some(cluster) => cluster.url("postgres"),
            None => format!("sqlite://{}", folder.path().join("parlor.db").display()),
        };
        Self { program: program.to_owned(), folder, cluster, url }
    }

    /// The server's working directory, with SQLite's file (`parlor.db`).
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn is_on_postgres(&self) -> bool {
        self.cluster.is_some()
    }

    /// Its Postgres, in a case on Postgres.
    pub fn postgres(&self) -> &Cluster {
        self.cluster.as_ref().expect("the case is on Postgres")
    }

    /// Changes the server's database, as the time that a case cannot wait for would.
    pub async fn change(&self, statement: &'static str) {
        if self.url.starts_with("sqlite") {
            let mut database = sqlx::SqliteConnection::connect(&self.url).await.expect("the file is there");
            sqlx::query(statement).execute(&mut database).await.expect("a change");
        } else {
            let mut database = sqlx::PgConnection::connect(&self.url).await.expect("it runs");
            sqlx::query(statement).execute(&mut database).await.expect("a change");
        }
    }

    /// A number in the server's database.
    pub async fn count(&self, query: &'static str) -> i64 {
        if self.url.starts_with("sqlite") {
            let mut database = sqlx::SqliteConnection::connect(&self.url).await.expect("the file is there");
            sqlx::query_scalar(query).fetch_one(&mut database).await.expect("a number")
        } else {
            let mut database = sqlx::PgConnection::connect(&self.url).await.expect("it runs");
            sqlx::query_scalar(query).fetch_one(&mut database).await.expect("a number")
        }
    }

    pub async fn start(&self, settings: &[(&str, &str)]) -> Process {
        self.start_on(&self.url, settings).await
    }

    /// Starts it on another database, or on the same one through a proxy.
    pub async fn start_on(&self, url: &str, settings: &[(&str, &str)]) -> Process {
        Process::start(&self.program, &[], self.folder(), url, settings).await
    }

    /// Starts it again at its address, and returns how long it took to recover.
    pub async fn start_again(&self, address: SocketAddr, settings: &[(&str, &str)]) -> (Process, Duration) {
        let began = Instant::now();
        let listen = address.to_string();
        let mut all = vec![("LISTEN", listen.as_str())];
        all.extend(settings);
        let process = self.start(&all).await;
        until_well(&process.site, Duration::from_secs(60)).await;
        (process, stalls::elapsed(began))
    }
}

/// Polls until the server is healthy, and returns how long that took.
pub async fn until_well(site: &Site, patience: Duration) -> Duration {
    let began = Instant::now();
    let is_well = async || {
        let asked = site.stranger().request(reqwest::Method::GET, "/healthz").timeout(Duration::from_secs(5)).send();
        asked.await.is_ok_and(|answer| answer.status() == 200)
    };
    while !is_well().await {
        assert!(stalls::elapsed(began) < patience, "the server is not well again after {patience:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stalls::elapsed(began)
}
