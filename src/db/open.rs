//! Opening a database: its settings, its lock, its migrations.
//!
//! Owns how each database must be set up so that what is acknowledged is durable. It must not hold a statement about people or
//! rooms.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Database, Executor, Row};

use super::checkpoint::Checkpoints;
use super::connections::FRESH;
use super::search::Follower;
use super::{Connections, Db, file, statistics};

/// How long a statement waits for another program's lock, or for a free connection, before it fails.
const PATIENCE: Duration = Duration::from_secs(5);
/// An acknowledged message survives the loss of power: each commit waits for the disk. Only the index of search does without for a while.
pub(super) const DURABLE: &str = "pragma synchronous = full";
/// SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Why a database cannot be used; the text is for the person who starts Parlor.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that Parlor knows.
    #[error("DATABASE_URL: {0}")]
    Url(String),
    /// Another Parlor has the file open.
    #[error("{0} is in use by another Parlor. Two servers can’t share one SQLite file: use Postgres, or stop the other one")]
    InUse(PathBuf),
    /// A file cannot be made or locked.
    #[error("Can’t open {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The SQLite that was built in is too old.
    #[error("SQLite {0} can corrupt a database in WAL mode. Parlor needs 3.51.3 or newer")]
    OldSqlite(String),
    /// The database refuses.
    #[error("Can’t open the database: {0}")]
    Database(#[from] sqlx::Error),
    /// Its schema cannot be brought up to date.
    #[error("Can’t upgrade the database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// It is open and yet of no use.
    #[error("Can’t use the database: {0}")]
    Unusable(String),
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To number messages and hold rooms in memory: one server at a time on a SQLite file.
    Serve,
    /// To add a person or the like, while a server may be running.
    Visit,
}

/// A SQLite file: one connection writes, several read.
#[derive(Debug)]
pub struct Sqlite {
    /// The one connection that writes.
    pub write: Connections<sqlx::Sqlite>,
    /// The connections that read.
    pub read: Connections<sqlx::Sqlite>,
    /// Held by a server as long as the file is open, so that no second server opens it.
    pub(super) lock: Mutex<Option<File>>,
    /// Whether the disk refused the last transaction: the database still answers, and yet is not well.
    pub(super) refused: Arc<AtomicBool>,
    /// What is not in the index of search yet.
    pub(super) follower: Arc<Follower>,
    /// What was deleted, and may be in the write-ahead log still.
    pub(super) checkpoints: Arc<Checkpoints>,
}

/// A Postgres.
#[derive(Debug)]
pub struct Postgres {
    /// The connections that write, and begin transactions.
    pub write: Connections<sqlx::Postgres>,
    /// The connections that read, each statement by itself.
    pub read: Connections<sqlx::Postgres>,
}

/// A pool as both databases have it: its connections stay open, because each knows its statements.
fn pool<D: Database>(connections: u32) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        // A question more before each statement; each pool has a cheaper way to keep out a dead connection.
        .test_before_acquire(false)
}

/// What a transaction that is open says of itself: it began before this statement.
const IS_IN_TRANSACTION: &str = "select now() <> statement_timestamp()";

impl Db {
    /// Opens the database that a URL names; a SQLite file is made if it is missing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str, connections: u32, purpose: Purpose) -> Result<Self, OpenError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => open_sqlite(url, connections, purpose).await.map(Self::Sqlite),
            Some("postgres" | "postgresql") => open_postgres(url, connections, purpose).await.map(Self::Postgres),
            _ => Err(OpenError::Url("must begin with sqlite:// or postgres://".into())),
        }
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// When a migration fails, or the database was migrated by a newer Parlor.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        match self {
            // `run` by its inner name: with that one the compiler cannot see that a borrowed connection may go to another thread.
            Self::Sqlite(sqlite) => SQLITE.run_direct(None, &mut *sqlite.write.acquire().await?, false).await?,
            Self::Postgres(postgres) => POSTGRES.run_direct(None, &mut *postgres.write.acquire().await?, false).await?,
        }
        Ok(())
    }
}

async fn open_sqlite(url: &str, connections: u32, purpose: Purpose) -> Result<Sqlite, OpenError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| OpenError::Url(error.to_string()))?
        // `file::make` does that.
        .create_if_missing(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // As `DURABLE`.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
        // What is deleted is overwritten, and cannot be read out of a copy of the file.
        .pragma("secure_delete", "on")
        .pragma("temp_store", "memory")
        .pragma("mmap_size", "268435456")
        .pragma("cache_size", "-16384")
        // A far fallback: `Checkpoints` is there before.
        .pragma("wal_autocheckpoint", "20000")
        .statement_cache_capacity(128);
    let path = options.get_filename().to_owned();
    let lock = match purpose {
        Purpose::Serve => Some(lock(&path)?),
        Purpose::Visit => None,
    };
    file::make(&path).map_err(|error| OpenError::File { path: path.clone(), error })?;
    let refused = Arc::new(AtomicBool::new(false));
    let flag = refused.clone();
    let write = pool::<sqlx::Sqlite>(1)
        .after_release(move |connection, _| {
            let flag = flag.clone();
            Box::pin(async move {
                // A full or failing disk makes SQLite roll back by itself. sqlx does not notice, counts a transaction as open, and
                // would refuse every `begin` on this connection from then on: the next writer gets another one.
                if connection.is_in_transaction() {
                    // Unless it is one that was given up, whose roll-back is still on its way to SQLite's thread.
                    connection.ping().await?;
                }
                let is_well = !connection.is_in_transaction();
                if !is_well {
                    flag.store(true, Ordering::Release);
                    return Ok(false);
                }
                connection.execute(DURABLE).await?;
                Ok(true)
            })
        })
        // Only this one keeps statistics: the readers may not write. And it maps no file: what it reads is mostly in its cache, and with a
        // mapped file SQLite asks the write-ahead log for each page before it looks there.
        .connect_with(options.clone().optimize_on_close(true, None).pragma("mmap_size", "0"))
        .await?;
    let write = Connections::of(write);
    let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(&write).await?;
    if parse_version(&version) < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite(version));
    }
    // Readers never begin a transaction, so there is nothing to roll back. But a search has itself asked whether to go on
    // (`db::search`), and nobody else must be stopped by that.
    let read = pool::<sqlx::Sqlite>(connections.max(1)).after_release(|connection, _| {
        Box::pin(async move {
            connection.lock_handle().await?.remove_progress_handler();
            Ok(true)
        })
    });
    let read = Connections::of(read.connect_with(options.clone().read_only(true)).await?);
    if purpose == Purpose::Serve {
        file::warn_of_readers(&path);
    }
    let checkpoints = Checkpoints::new(options);
    tokio::spawn(checkpoints.clone().keep(write.clone()));
    let follower = Follower::new(write.clone());
    Ok(Sqlite { write, read, lock: Mutex::new(lock), refused, follower, checkpoints })
}

fn lock(database: &Path) -> Result<File, OpenError> {
    let path = file::lock_of(database);
    let failed = |error| OpenError::File { path: path.clone(), error };
    let file = file::open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(database.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn parse_version(version: &str) -> (u32, u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

async fn open_postgres(url: &str, connections: u32, purpose: Purpose) -> Result<Postgres, OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Url(error.to_string()))?;
    let options = options.options([
        // Bounded waits: a lock that somebody else holds, or a statement that never ends, is an error and not a standstill.
        ("lock_timeout", "5s"),
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("synchronous_commit", "on"),
        // Compiling a statement takes longer than any of Parlor's runs.
        ("jit", "off"),
    ]);
    // The ledger needs one at a time, and who writes something else must not wait for it.
    let writing = (connections / 4).max(2);
    let write = postgres_pool(writing)
        // Whatever is written is looked up by its key, row for row. To the planner any array is a hundred rows, and for so many it would
        // rather read a small table whole: with these, only steps from row to row are left (docs/decisions/0027).
        .connect_with(options.clone().options([("enable_hashjoin", "off"), ("enable_mergejoin", "off")]))
        .await?;
    let write = Connections::of(write);
    // These write nothing; only a search begins a transaction, for a limit of its own.
    let reading = connections.saturating_sub(writing).max(1);
    let read = postgres_pool(reading).connect_with(options.options([("default_transaction_read_only", "on")])).await?;
    let read = Connections::of(read);
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(&read).await?;
        if value == "off" {
            tracing::warn!("Postgres runs with {setting} = off: an acknowledged message can be lost when the power fails");
        }
    }
    if purpose == Purpose::Serve {
        tokio::spawn(statistics::keep(write.clone()));
    }
    Ok(Postgres { write, read })
}

fn postgres_pool(connections: u32) -> PoolOptions<sqlx::Postgres> {
    pool::<sqlx::Postgres>(connections)
        // One that was alive a moment ago is not asked again.
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                // Had a transaction been begun by somebody who was cancelled, sqlx would not know of it, and the next write on this
                // connection would seem to succeed and never be committed. Postgres would write a warning into its log for each
                // roll-back of nothing, so it is asked first; one whose transaction has failed answers nothing else.
                let is_clean = match connection.fetch_one(IS_IN_TRANSACTION).await {
                    Ok(row) => !row.try_get::<bool, _>(0)?,
                    Err(sqlx::Error::Database(_)) => false,
                    Err(error) => return Err(error),
                };
                if !is_clean {
                    connection.execute("rollback").await?;
                }
                Ok(true)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sqlite_that_can_corrupt_is_told_from_one_that_cannot() {
        assert!(parse_version("3.51.2") < OLDEST_SQLITE);
        assert!(parse_version("3.51.3") >= OLDEST_SQLITE);
        assert!(parse_version("3.52") >= OLDEST_SQLITE);
    }
}
