//! Opening a database: settings, lock, migrations.
//!
//! Owns the settings that make acknowledged writes durable. It must not hold statements about people or rooms.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Database, Executor, PgPool, Row};
use tokio::time::timeout;

use super::checkpoint::Checkpoints;
use super::connections::FRESH;
use super::history::History;
use super::search::Follower;
use super::{Connections, Db, file, statistics};
use crate::encoding::random_hex;
use crate::fulltext::tokenizer;
use crate::measure::Times;

/// How long a statement waits for a lock, or for a free connection, before it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Each commit waits for the disk, so that an acknowledged message survives a power failure. Only the search index relaxes this
/// for a while.
pub(super) const DURABLE: &str = "pragma synchronous = full";
/// SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

/// Why a database cannot be used; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no supported database.
    #[error("DATABASE_URL: {0}")]
    Url(String),
    /// There must be a file, and there is none.
    #[error("DATABASE_URL: there is no file {}", .0.display())]
    Missing(PathBuf),
    /// Another Parlor has locked the file.
    #[error("{0} is in use by another Parlor. Two servers can’t share one SQLite file: use Postgres, or stop the other one")]
    InUse(PathBuf),
    /// A file cannot be created or locked.
    #[error("Can’t open {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The linked SQLite is too old.
    #[error("SQLite {0} can corrupt a database in WAL mode. Parlor needs 3.51.3 or newer")]
    OldSqlite(String),
    /// Nothing answers at its address.
    #[error("Can’t reach Postgres at {place}: {why}")]
    Unreachable {
        /// Its host and port, or the folder of its socket.
        place: String,
        /// The system's error.
        why: String,
    },
    /// The database returned an error.
    #[error("Can’t open the database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("Can’t upgrade the database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database is open but cannot be used.
    #[error("Can’t use the database: {0}")]
    Unusable(String),
}

impl OpenError {
    /// Whether the setting is at fault.
    #[must_use]
    pub const fn is_of_arguments(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Missing(_))
    }
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A server, which caches rooms and assigns numbers: one at a time on a SQLite file.
    Serve,
    /// A command such as adding a user, possibly while a server is running.
    Visit,
}

/// A SQLite file: one connection writes, several read.
#[derive(Debug)]
pub struct Sqlite {
    /// The writing connection.
    pub write: Connections<sqlx::Sqlite>,
    /// The reading connections.
    pub read: Connections<sqlx::Sqlite>,
    /// Held by a server while the file is open, so that no second server opens it.
    pub(super) lock: Mutex<Option<File>>,
    /// Whether the disk refused the last transaction: the database still answers, but is unhealthy.
    pub(super) refused: Arc<AtomicBool>,
    /// Keeps the search index up to date.
    pub(super) follower: Arc<Follower>,
    /// Runs checkpoints.
    pub(super) checkpoints: Arc<Checkpoints>,
    /// How to open a connection.
    pub(super) options: Box<SqliteConnectOptions>,
    /// How long the ledger's commits took, in which the disk is waited for.
    pub(super) syncs: Times,
}

/// A Postgres server.
#[derive(Debug)]
pub struct Postgres {
    /// Connections for writes and transactions.
    pub write: Connections<sqlx::Postgres>,
    /// Connections for single reads.
    pub read: Connections<sqlx::Postgres>,
    /// The id of this process, by which its connections are known in Postgres and its notifications by other nodes.
    pub(super) node: Arc<str>,
    /// Whether it has the history that clients know.
    pub history: Arc<History>,
    /// How to open a connection.
    pub(super) options: Box<PgConnectOptions>,
    /// The version of the index of search that this program writes.
    pub(super) search_version: i64,
    /// How long the ledger's commits took, in which the disk is waited for.
    pub(super) syncs: Times,
}

/// Options common to both databases. Connections stay open because they cache prepared statements.
fn pool<D: Database>(connections: u32) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        // It costs a round trip before each statement; each pool has a cheaper check.
        .test_before_acquire(false)
}

/// Inside an open transaction, `now()` is older than the statement.
const IS_IN_TRANSACTION: &str = "select now() <> statement_timestamp()";

impl Db {
    /// Opens the database that a URL names, with checkpoints; creates a missing SQLite file. For tests: whoever has settings uses
    /// [`Self::open_with`].
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str, connections: u32, purpose: Purpose) -> Result<Self, OpenError> {
        Self::open_with(url, connections, purpose, true).await
    }

    /// Opens it as [`Self::open`] does. Without `checkpoints`, this process copies nothing from SQLite's write-ahead log into the file, for
    /// programs that copy the log themselves.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_with(url: &str, connections: u32, purpose: Purpose, checkpoints: bool) -> Result<Self, OpenError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => open_sqlite(url, connections, purpose, checkpoints).await.map(Self::Sqlite),
            Some("postgres" | "postgresql") => open_postgres(url, connections, purpose).await.map(Self::Postgres),
            _ => Err(OpenError::Url("must begin with sqlite:// or postgres://".into())),
        }
    }

    /// Applies pending migrations. A database that a newer Parlor has migrated is accepted if that can run beside this one: its last
    /// migration has written the number of the oldest that can into `meta`.
    ///
    /// # Errors
    /// If a migration fails, or a newer Parlor has changed the database too much.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        match self {
            // With `run`, the compiler cannot prove that the borrowed connection is `Send`; this is the function that it calls.
            Self::Sqlite(sqlite) => {
                let oldest: Option<String> = sqlx::query_scalar(OLDEST_SCHEMA).fetch_one(&sqlite.write).await.ok();
                beside(sqlx::migrate!("migrations/sqlite"), oldest)
                    .run_direct(None, &mut *sqlite.write.acquire().await?, false)
                    .await?;
            }
            Self::Postgres(postgres) => {
                let oldest: Option<String> = sqlx::query_scalar(OLDEST_SCHEMA).fetch_one(&postgres.read).await.ok();
                let mut connection = patient(postgres).await?;
                let migrated =
                    beside(sqlx::migrate!("migrations/postgres"), oldest).run_direct(None, &mut connection, false).await;
                connection.close().await.ok();
                migrated?;
            }
        }
        Ok(())
    }

    /// Brings an empty database to exactly this migration, from below or from above: rows of that time fit into it.
    ///
    /// # Errors
    /// If a migration fails.
    pub async fn migrate_to(&self, version: i64) -> Result<(), OpenError> {
        match self {
            Self::Sqlite(sqlite) => {
                let mut connection = sqlite.write.acquire().await?;
                let migrator = sqlx::migrate!("migrations/sqlite");
                migrator.undo(&mut *connection, version).await?;
                migrator.run_direct(Some(version), &mut *connection, false).await?;
                connection.release();
            }
            Self::Postgres(postgres) => {
                let mut connection = patient(postgres).await?;
                let migrator = sqlx::migrate!("migrations/postgres");
                migrator.undo(&mut connection, version).await?;
                migrator.run_direct(Some(version), &mut connection, false).await?;
                connection.close().await.ok();
            }
        }
        Ok(())
    }
}

/// A connection for migrations: several nodes that start at once wait for each other, and a migration takes as long as it takes.
async fn patient(postgres: &Postgres) -> sqlx::Result<PgConnection> {
    let patient = postgres.options.as_ref().clone().options([("lock_timeout", "0"), ("statement_timeout", "0")]);
    PgConnection::connect_with(&patient).await
}

/// The number of the last migration that this program knows.
pub fn latest_migration() -> i64 {
    sqlx::migrate!("migrations/sqlite").iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Fails while there is no table.
const OLDEST_SCHEMA: &str = "select value from meta where key = 'oldest_schema'";

/// The migrations. Those that this Parlor does not know are ignored if it may run beside them.
fn beside(mut known: Migrator, oldest: Option<String>) -> Migrator {
    let last = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    let is_compatible = oldest.and_then(|oldest| oldest.parse::<i64>().ok()).is_some_and(|oldest| oldest <= last);
    known.set_ignore_missing(is_compatible);
    known
}

/// How much of the file's pages the readers may keep in memory, in KiB, all of them together. They map the file; what they copy is pages that
/// are still in the write-ahead log, and each copies for itself.
const READERS_CACHE: u32 = 32 * 1024;

async fn open_sqlite(url: &str, connections: u32, purpose: Purpose, checkpoints: bool) -> Result<Sqlite, OpenError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| OpenError::Url(error.to_string()))?
        // `file::make` creates it with the right mode.
        .create_if_missing(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // The same as `DURABLE`.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
        // Deleted data is overwritten, so that it cannot be recovered from a copy of the file.
        .pragma("secure_delete", "on")
        .pragma("temp_store", "memory")
        .pragma("mmap_size", "268435456")
        // The writer's.
        .pragma("cache_size", "-16384")
        // A fallback; normally `Checkpoints` runs first.
        .pragma("wal_autocheckpoint", if checkpoints { "20000" } else { "0" })
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
                // SQLite rolls back by itself if the disk is full or fails. sqlx does not notice and would refuse every later
                // `begin` on this connection, so it is replaced.
                if connection.is_in_transaction() {
                    // A cancelled transaction's rollback may still be queued on SQLite's thread.
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
        // Only this connection can update statistics; the readers are read-only. It maps no file: its pages are mostly cached,
        // and with a mapped file SQLite searches the write-ahead log for each page first.
        .connect_with(options.clone().optimize_on_close(true, None).pragma("mmap_size", "0"))
        .await?;
    let write = Connections::of(write);
    let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(&write).await?;
    if parse_version(&version) < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite(version));
    }
    // Readers never begin a transaction, so there is nothing to roll back. But a search may leave its progress handler
    // (`db::search`), which must not interrupt the next statement.
    let readers = connections.max(1);
    let cache = format!("-{}", (READERS_CACHE / readers).max(1));
    let read = pool::<sqlx::Sqlite>(readers).after_release(|connection, _| {
        Box::pin(async move {
            connection.lock_handle().await?.remove_progress_handler();
            Ok(true)
        })
    });
    let read = Connections::of(read.connect_with(options.clone().read_only(true).pragma("cache_size", cache)).await?);
    if purpose == Purpose::Serve {
        file::warn_of_readers(&path);
    }
    let runs = checkpoints;
    let checkpoints = Checkpoints::new(options.clone());
    if runs {
        tokio::spawn(checkpoints.clone().keep(write.clone()));
    }
    let follower = Follower::new(write.clone());
    Ok(Sqlite {
        write,
        read,
        lock: Mutex::new(lock),
        refused,
        follower,
        checkpoints,
        options: Box::new(options),
        syncs: Times::default(),
    })
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

/// A pool with its first connection, or why it has none.
async fn connected(pool: sqlx::Result<PgPool>, options: &PgConnectOptions) -> Result<Connections<sqlx::Postgres>, OpenError> {
    match pool {
        // It was tried again and again, and the pool does not say why.
        Err(sqlx::Error::PoolTimedOut) => Err(unreachable(options).await),
        pool => Ok(Connections::of(pool?)),
    }
}

/// Why no connection can be made.
async fn unreachable(options: &PgConnectOptions) -> OpenError {
    let place = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let why = match timeout(PATIENCE, PgConnection::connect_with(options)).await {
        Ok(Err(sqlx::Error::Io(error))) => error.to_string(),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(_)) | Err(_) => "no connection was made in time".to_owned(),
    };
    OpenError::Unreachable { place, why }
}

async fn open_postgres(url: &str, connections: u32, purpose: Purpose) -> Result<Postgres, OpenError> {
    let node: Arc<str> = format!("parlor {}", random_hex()).into();
    let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Url(error.to_string()))?.application_name(&node);
    let options = options.options([
        // Bounded waits: a lock held elsewhere, or an endless statement, becomes an error.
        ("lock_timeout", "5s"),
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("synchronous_commit", "on"),
        // JIT compilation takes longer than any statement of Parlor's.
        ("jit", "off"),
    ]);
    // The ledger needs one connection at a time, and other writers must not wait for it.
    let writing = (connections / 4).max(2);
    let history = Arc::new(History::default());
    let write = postgres_pool(writing, &history)
        // Writes look up rows by key. The planner assumes a hundred rows for any array and would rather scan a small table; these
        // settings leave only nested loops (docs/decisions/0027).
        .connect_with(options.clone().options([("enable_hashjoin", "off"), ("enable_mergejoin", "off")]))
        .await;
    let write = connected(write, &options).await?;
    // Read-only; only search begins a transaction, to set its own time limit.
    let reading = connections.saturating_sub(writing).max(1);
    let read =
        postgres_pool(reading, &history).connect_with(options.clone().options([("default_transaction_read_only", "on")])).await;
    let read = connected(read, &options).await?;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = sqlx::query_scalar("select current_setting($1)").bind(setting).fetch_one(&read).await?;
        if value == "off" {
            tracing::warn!("Postgres runs with {setting} = off: an acknowledged message can be lost when the power fails");
        }
    }
    if purpose == Purpose::Serve {
        tokio::spawn(statistics::keep(write.clone()));
    }
    let (options, search_version) = (Box::new(options), tokenizer::VERSION);
    Ok(Postgres { write, read, node, history, options, search_version, syncs: Times::default() })
}

fn postgres_pool(connections: u32, history: &Arc<History>) -> PoolOptions<sqlx::Postgres> {
    let history = history.clone();
    pool::<sqlx::Postgres>(connections)
        .after_connect(move |connection, _| {
            let history = history.clone();
            Box::pin(async move { history.check(connection).await })
        })
        // A recently used connection is trusted.
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
                // If a cancelled task left a transaction open, sqlx would not know, and the next write on this connection would
                // never be committed. Postgres logs a warning for each rollback without a transaction, so its state is queried
                // first; a failed transaction answers with an error.
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

    #[tokio::test]
    async fn readers_share_the_memory_for_pages_however_many_they_are() {
        for (readers, each) in [(1, 32 * 1024), (8, 4096), (1000, 32)] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("parlor.db").display());
            let sqlite = open_sqlite(&url, readers, Purpose::Visit, false).await.unwrap();
            let cache: i64 = sqlx::query_scalar("pragma cache_size").fetch_one(&sqlite.read).await.unwrap();
            assert_eq!(cache, -each, "{readers} readers");
        }
    }
}
