//! The database: all SQL, and only SQL.
//!
//! Owns connections, migrations and every statement. SQL is written once and runs on SQLite and Postgres; docs/decisions/0001 has
//! the rules. It must not decide who may do what, or know about HTTP or sockets.

pub mod account_mails;
mod assets;
pub mod audit;
pub mod backup;
mod bans;
pub mod blobs;
pub mod blocks;
pub mod bots;
pub mod certificates;
mod checkpoint;
pub mod cleanups;
pub mod clock;
pub mod closing;
pub mod cluster;
mod connections;
pub mod data_exports;
pub mod deliveries;
pub mod direct;
mod directory;
pub mod doctor;
pub mod drafts;
pub mod emails;
pub mod export;
pub mod feeds;
mod file;
pub mod files;
mod history;
pub mod holds;
pub mod hooks;
pub mod identities;
pub mod import;
pub mod invites;
pub mod jobs;
pub mod ledger;
pub mod links;
mod lookalikes;
mod measures;
mod mentions;
pub mod messages;
pub mod missed;
pub mod nodes;
mod notifications;
mod open;
pub mod outbox;
pub mod overview;
pub mod passkeys;
pub mod pending_log_ins;
pub mod people;
mod pins;
mod portraits;
pub mod previews;
pub mod push;
pub mod reminders;
pub mod reports;
pub mod resets;
pub mod retention;
mod revisions;
pub mod rooms;
pub mod search;
pub mod second_factor;
pub mod session_list;
pub mod sessions;
pub mod settings;
pub mod sidebar;
mod state;
mod statistics;
mod threads;
pub mod tokens;
pub mod uploads;
pub mod users;
pub mod webhooks;

use std::sync::atomic::Ordering;
use std::time::Duration;

pub use connections::{Connections, Guard, PoolState};
pub use measures::LONGEST_LAG;
pub use open::{OpenError, Postgres, Purpose, Sqlite, latest_migration};

use crate::clock::Millis;
use crate::encoding::{hex, random_hex};

/// Timeout of a health check.
const HEALTH: Duration = Duration::from_secs(2);

/// SQLite's result codes for disk errors: `READONLY`, `IOERR`, `CORRUPT`, `FULL`, `CANTOPEN`.
const DISK_FAULTS: [u32; 5] = [8, 10, 11, 13, 14];

/// An open database.
#[derive(Debug)]
pub enum Db {
    /// An embedded database file.
    Sqlite(Sqlite),
    /// A database server.
    Postgres(Postgres),
}

/// Runs a body with the read pool of either database.
macro_rules! read {
    ($db:expr, |$pool:ident| $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite(sqlite) => {
                let $pool = &sqlite.read;
                $body
            }
            $crate::db::Db::Postgres(postgres) => {
                let $pool = &postgres.read;
                $body
            }
        }
    };
}

/// Runs a body with the write pool of either database: on SQLite, a single connection.
macro_rules! write {
    ($db:expr, |$pool:ident| $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite(sqlite) => {
                let $pool = &sqlite.write;
                $body
            }
            $crate::db::Db::Postgres(postgres) => {
                let $pool = &postgres.write;
                $body
            }
        }
    };
}

/// Runs a body in a write transaction and commits it. It runs in a task of its own: if a cancelled request dropped it half-way,
/// it would swallow a later write.
macro_rules! transaction {
    ($db:expr, |$tx:ident| $body:expr) => {
        match $db {
            $crate::db::Db::Sqlite(sqlite) => {
                let connections = sqlite.write.clone();
                tokio::spawn(async move {
                    let mut guard = connections.acquire().await?;
                    let mut $tx = sqlx::Connection::begin_with(&mut *guard, "begin immediate").await?;
                    let value = $body;
                    $tx.commit().await?;
                    guard.release();
                    Ok::<_, sqlx::Error>(value)
                })
                .await
            }
            $crate::db::Db::Postgres(postgres) => {
                let connections = postgres.write.clone();
                tokio::spawn(async move {
                    let mut guard = connections.acquire().await?;
                    let mut $tx = sqlx::Connection::begin(&mut *guard).await?;
                    let value = $body;
                    $tx.commit().await?;
                    guard.release();
                    Ok::<_, sqlx::Error>(value)
                })
                .await
            }
        }
        .map_err(|fault| sqlx::Error::Protocol(fault.to_string()))?
    };
}

pub(crate) use {read, transaction, write};

/// Whether a reader can see the room of this row of `rooms`, joined with their `memberships`: they are a member, or it is public, and they
/// are no guest and not banned from it.
macro_rules! visible {
    ($reader:literal) => {
        concat!(
            "(memberships.user_id is not null or (rooms.visibility = 'public'
                 and not exists (select 1 from users as reader where reader.id = ",
            $reader,
            " and reader.is_guest)
                 and not exists (select 1 from room_bans where room_bans.user_id = ",
            $reader,
            " and room_bans.room_id = rooms.id)))"
        )
    };
}
use visible;

impl Db {
    /// A number that changes when another process commits to a SQLite file; `None` on Postgres.
    pub async fn outside_changes(&self) -> sqlx::Result<Option<i64>> {
        match self {
            Self::Sqlite(sqlite) => sqlx::query_scalar("pragma data_version").fetch_one(&sqlite.write).await.map(Some),
            Self::Postgres(_) => Ok(None),
        }
    }

    /// Creates the initial data: the epoch, the room `general`, and the search index.
    pub async fn ensure(&self, now: Millis) -> sqlx::Result<()> {
        let epoch = random_hex();
        write!(self, |pool| {
            sqlx::query("insert into meta (key, value) values ('epoch', $1) on conflict (key) do nothing")
                .bind(&epoch)
                .execute(pool)
                .await?;
            sqlx::query(
                "insert into rooms (slug, name, topic, visibility, created_at)
                 select 'general', 'general', 'For everyone here.', 'public', $1
                 where not exists (select 1 from rooms) on conflict (slug) do nothing",
            )
            .bind(now)
            .execute(pool)
            .await?;
        });
        if let Self::Postgres(postgres) = self {
            let mut guard = postgres.write.acquire().await?;
            postgres.history.check(&mut guard).await?;
            guard.release();
        }
        self.prepare_index().await
    }

    /// The id of this database's history; restoring or copying a database assigns a new one.
    pub async fn epoch(&self) -> sqlx::Result<String> {
        read!(self, |pool| sqlx::query_scalar("select value from meta where key = 'epoch'").fetch_one(pool).await)
    }

    /// The key that signs device tokens; created on first use.
    pub async fn device_key(&self) -> sqlx::Result<String> {
        let new = hex(&rand::random::<[u8; 32]>());
        // Of several processes that start at once, all read the value of the first.
        write!(self, |pool| {
            sqlx::query("insert into meta (key, value) values ('device_key', $1) on conflict (key) do nothing")
                .bind(new)
                .execute(pool)
                .await?;
            sqlx::query_scalar("select value from meta where key = 'device_key'").fetch_one(pool).await
        })
    }

    /// Whether the database answers within two seconds and accepts writes. It attempts a write only after a failed one: otherwise
    /// each health check would cost a sync. A connection that was lost since its last use is no fault of the database, so another one is asked.
    pub async fn is_healthy(&self) -> bool {
        let answers = async {
            match self.answers().await {
                Err(error) if connections::is_lost(&error) => self.answers().await.is_ok(),
                answer => answer.is_ok(),
            }
        };
        let answers = tokio::time::timeout(HEALTH, answers).await.unwrap_or(false);
        answers && self.takes_writes().await
    }

    async fn answers(&self) -> sqlx::Result<()> {
        read!(self, |pool| sqlx::query("select key from meta limit 1").execute(pool).await.map(drop))
    }

    /// Records a failed transaction. After a disk error the database is unhealthy until a write succeeds; other errors are
    /// ignored.
    pub fn note_failure(&self, error: &sqlx::Error) {
        if let (Self::Sqlite(sqlite), sqlx::Error::Database(refusal)) = (self, error)
            && let Some(code) = refusal.code().and_then(|code| code.parse::<u32>().ok())
            && DISK_FAULTS.contains(&(code & 0xff))
        {
            sqlite.refused.store(true, Ordering::Release);
        }
    }

    async fn takes_writes(&self) -> bool {
        let Self::Sqlite(sqlite) = self else { return true };
        if !sqlite.refused.load(Ordering::Acquire) {
            return true;
        }
        let (pool, refused) = (sqlite.write.clone(), sqlite.refused.clone());
        // A task of its own: the timeout must not cancel a write half-way.
        let attempt = tokio::spawn(async move {
            // A new value each time: SQLite writes nothing if nothing changes, and that succeeds on any disk.
            let statement =
                "insert into meta (key, value) values ('written', $1) on conflict (key) do update set value = excluded.value";
            let tried = sqlx::query(statement).bind(rand::random::<u64>().to_string()).execute(&pool).await;
            refused.store(tried.is_err(), Ordering::Release);
            tried.is_ok()
        });
        matches!(tokio::time::timeout(HEALTH, attempt).await, Ok(Ok(true)))
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => {
                sqlite.read.close().await;
                sqlite.write.close().await;
                // Last, when this process can no longer write.
                sqlite.lock.lock().take();
            }
            Self::Postgres(postgres) => {
                postgres.read.close().await;
                postgres.write.close().await;
            }
        }
    }
}
