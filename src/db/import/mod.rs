//! Statements of imports: what came from where, and the people and rooms that are made for it.
//!
//! Owns that whatever is made is noted in the same transaction (`imported`), so that an import that was interrupted makes nothing twice.
//! Messages are written by the ledger. It must not decide whom a person is matched with, or what a room is called.

pub mod campfire;
mod people;
mod rooms;

pub use people::{ImportedPerson, NewImportedPerson};
pub use rooms::{ImportedRoom, NamedRoom, NewImportedRoom, NewMember};

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use super::{Db, read};

/// How long ago a node was seen that counts as running.
const SEEN: Duration = Duration::from_secs(60);
/// The number of the lock that an import holds on Postgres.
const LOCK: i64 = 0x7061_726c_6f72_0042;

/// Postgres' code for a lock that was not free in time.
const LOCK_TIMEOUT: &str = "55P03";

/// Whether an import can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    /// It can.
    Yes,
    /// Servers run on this database.
    Servers,
    /// Another import runs.
    Import,
}

/// What a database knows of imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has been migrated: what was imported can be asked for.
    Yes,
    /// Its tables are those of an earlier version.
    Earlier,
    /// There are no tables yet.
    Nothing,
}

/// Held while an import runs on Postgres; nothing on SQLite, where the file is locked.
#[derive(Debug)]
pub struct ImportLock(Option<PgConnection>);

impl Db {
    /// Has no other import begin, and sees that no server runs.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock_for_import(&self) -> sqlx::Result<Result<ImportLock, Alone>> {
        let Self::Postgres(postgres) = self else { return Ok(Ok(ImportLock(None))) };
        let mut connection = PgConnection::connect_with(&postgres.options).await?;
        // It waits a moment: Postgres may not have noticed yet that an import was killed.
        match sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await {
            Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some(LOCK_TIMEOUT) => {
                return Ok(Err(Alone::Import));
            }
            locked => locked.map(drop)?,
        }
        match self.is_alone().await? {
            Alone::Yes => Ok(Ok(ImportLock(Some(connection)))),
            other => Ok(Err(other)),
        }
    }

    /// Whether no server runs on this database. On SQLite the lock on the file tells that.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_alone(&self) -> sqlx::Result<Alone> {
        let Self::Postgres(postgres) = self else { return Ok(Alone::Yes) };
        let has_nodes: bool = sqlx::query_scalar("select to_regclass('nodes') is not null").fetch_one(&postgres.read).await?;
        if !has_nodes {
            return Ok(Alone::Yes);
        }
        Ok(if postgres.count_other_nodes(SEEN).await? > 0 { Alone::Servers } else { Alone::Yes })
    }

    /// What this database knows of imports, without changing it.
    ///
    /// # Errors
    /// The database's.
    pub async fn knows_imports(&self) -> sqlx::Result<Known> {
        let statement = match self {
            Self::Sqlite(_) => {
                "select exists (select 1 from sqlite_schema where name = 'imported'), exists (select 1 from sqlite_schema where name = 'meta')"
            }
            Self::Postgres(_) => "select to_regclass('imported') is not null, to_regclass('meta') is not null",
        };
        let (imports, any): (bool, bool) = read!(self, |pool| sqlx::query_as(statement).fetch_one(pool).await)?;
        Ok(match (imports, any) {
            (true, _) => Known::Yes,
            (false, true) => Known::Earlier,
            (false, false) => Known::Nothing,
        })
    }

    /// The sources of earlier imports, each as often as it has rooms, with their keys; once, without a key, if it has people.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_import_sources(&self) -> sqlx::Result<Vec<(String, Option<String>)>> {
        // From one source to the next, because most rows are of messages.
        let statement = "with recursive sources (source) as (
                 select min(source) from imported
                 union all
                 select (select min(source) from imported where imported.source > sources.source) from sources where source is not null)
             select distinct imported.source, case when kind = 'room' then key end
             from sources join imported on imported.source = sources.source and kind in ('person', 'room')";
        read!(self, |pool| sqlx::query_as(statement).fetch_all(pool).await)
    }

    /// Those of these messages that were imported, each the key of its room and its own, with their places here.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_imported_messages(&self, source: &str, keys: &[(&str, &str)]) -> sqlx::Result<Vec<(String, String, i64)>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let statement = match self {
            Self::Sqlite(_) => {
                "select imported.room, imported.key, seq from json_each($2) as given
                 join imported on source = $1 and kind = 'message' and imported.room = given.value->>0 and imported.key = given.value->>1"
            }
            Self::Postgres(_) => {
                "select imported.room, imported.key, seq from jsonb_array_elements($2::jsonb) as given(value)
                 join imported on source = $1 and kind = 'message' and imported.room = given.value->>0 and imported.key = given.value->>1"
            }
        };
        let given = serde_json::to_string(keys).expect("texts always have a JSON form");
        read!(self, |pool| sqlx::query_as(statement).bind(source).bind(given).fetch_all(pool).await)
    }
}

impl ImportLock {
    /// Lets others begin.
    pub async fn release(self) {
        if let Some(connection) = self.0 {
            connection.close().await.ok();
        }
    }
}
