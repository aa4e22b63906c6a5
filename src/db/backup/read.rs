//! A snapshot of the database, for a backup: every row as it was at one moment, while people write.
//!
//! Owns the one transaction in which everything is read, on a connection of its own: the server's pools have time limits that a backup
//! would exceed. Rows are read one after the other; no table is in memory.

use std::collections::BTreeMap;
use std::str::FromStr;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor};

use super::super::open::{OpenError, PATIENCE};
use super::{Column, Connection, KEPT, Table, USED_BLOBS, quoted, with};

/// A database as it is at one moment.
#[derive(Debug)]
pub struct Snapshot {
    connection: Connection,
    migration: i64,
    epoch: String,
    columns: BTreeMap<&'static str, Vec<Column>>,
}

/// A blob that something refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlob {
    /// The SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its size.
    pub bytes: u64,
}

impl Snapshot {
    /// Takes a snapshot of the database that a URL names. Nothing is created or changed there.
    ///
    /// # Errors
    /// If there is no database of Parlor's, or it does not answer.
    pub async fn take(url: &str) -> Result<Self, OpenError> {
        let (mut connection, migration, epoch) = begin(url, "parlor backup").await?;
        let mut columns = BTreeMap::new();
        for table in &KEPT {
            columns.insert(table.name, connection.columns(table.name).await?);
        }
        Ok(Self { connection, migration, epoch, columns })
    }

    /// Which kind of database it is.
    pub const fn kind(&self) -> &'static str {
        match self.connection {
            Connection::Sqlite(_) => "sqlite",
            Connection::Postgres(_) => "postgres",
        }
    }

    /// The number of its last migration.
    pub const fn migration(&self) -> i64 {
        self.migration
    }

    /// The id of its history.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The names of a table's columns.
    pub fn columns(&self, table: &Table) -> Vec<String> {
        self.columns.get(table.name).into_iter().flatten().map(|column| column.name.clone()).collect()
    }

    /// How many rows of a table there are.
    pub async fn count(&mut self, table: &Table) -> sqlx::Result<u64> {
        let statement = format!("select count(*) from {} where {}", table.name, table.filter);
        let count: i64 = with!(&mut self.connection, |db| sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(db).await)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The rows of a table, each as a JSON object without line breaks, as they are read.
    pub fn rows(&mut self, table: &Table) -> BoxStream<'_, sqlx::Result<String>> {
        let columns = self.columns.get(table.name).map_or(&[][..], Vec::as_slice);
        let value = |column: &Column| {
            let instead = table.instead.iter().find(|(name, _)| *name == column.name);
            instead.map_or_else(|| quoted(&column.name), |(_, instead)| (*instead).to_owned())
        };
        let (name, filter) = (table.name, table.filter);
        match &mut self.connection {
            Connection::Sqlite(db) => {
                let member = |column: &Column| {
                    let value = value(column);
                    let literal = column.name.replace('\'', "''");
                    if column.is_boolean {
                        format!("'{literal}', json(case when {value} then 'true' when not {value} then 'false' end)")
                    } else {
                        format!("'{literal}', {value}")
                    }
                };
                let members: Vec<_> = columns.iter().map(member).collect();
                let statement = format!("select json_object({}) from {name} where {filter}", members.join(", "));
                sqlx::query_scalar(AssertSqlSafe(statement)).fetch(db).boxed()
            }
            Connection::Postgres(db) => {
                let members: Vec<_> =
                    columns.iter().map(|column| format!("{} as {}", value(column), quoted(&column.name))).collect();
                let statement = format!(
                    "select row_to_json(line)::text from (select {} from {name} where {filter}) as line",
                    members.join(", ")
                );
                sqlx::query_scalar(AssertSqlSafe(statement)).fetch(db).boxed()
            }
        }
    }

    /// The blobs that something refers to, as they are read.
    pub fn blobs(&mut self) -> BoxStream<'_, sqlx::Result<StoredBlob>> {
        let statement = format!("select hash, bytes from blobs where {USED_BLOBS} order by hash");
        let blob = |row: sqlx::Result<(String, i64)>| {
            row.map(|(hash, bytes)| StoredBlob { hash, bytes: u64::try_from(bytes).unwrap_or_default() })
        };
        with!(&mut self.connection, |db| sqlx::query_as(AssertSqlSafe(statement)).fetch(db).map(blob).boxed())
    }

    /// The last id that each table has given out, which may be gone: ids are never given out twice.
    pub async fn sequences(&mut self) -> sqlx::Result<BTreeMap<String, i64>> {
        let all: Vec<(String, Option<i64>)> =
            match &mut self.connection {
                Connection::Sqlite(db) => sqlx::query_as("select name, seq from sqlite_sequence").fetch_all(db).await?,
                Connection::Postgres(db) => sqlx::query_as(
                    "select table_name::text, pg_sequence_last_value(pg_get_serial_sequence(table_name, column_name)::regclass)
                     from information_schema.columns where table_schema = current_schema() and is_identity = 'YES'",
                )
                .fetch_all(db)
                .await?,
            };
        Ok(all.into_iter().filter_map(|(name, last)| Some((name, last?))).collect())
    }

    /// Ends the transaction, so that the database can forget what was deleted since. What is read afterwards is the present.
    pub async fn end(&mut self) -> sqlx::Result<()> {
        with!(&mut self.connection, |db| db.execute("commit").await.map(drop))
    }

    /// Whether anything refers to a blob; after [`Self::end`], now.
    pub async fn is_used(&mut self, hash: &str) -> sqlx::Result<bool> {
        let statement = format!("select exists (select 1 from blobs where hash = $1 and {USED_BLOBS})");
        with!(&mut self.connection, |db| sqlx::query_scalar(AssertSqlSafe(statement)).bind(hash).fetch_one(db).await)
    }
}

/// A connection to the database that a URL names, in a transaction that reads everything as it is at this moment; the number of its last
/// migration, and the id of its history. `program` is what an operator of Postgres sees. Nothing is created or changed there.
///
/// # Errors
/// If there is no database of Parlor's, or it does not answer.
pub(in crate::db) async fn begin(url: &str, program: &str) -> Result<(Connection, i64, String), OpenError> {
    let mut connection = connect(url, program).await?;
    match &mut connection {
        // It is taken by the first statement that reads.
        Connection::Sqlite(db) => db.execute("begin").await.map(drop)?,
        Connection::Postgres(db) => {
            db.execute("begin transaction isolation level repeatable read read only").await.map(drop)?;
        }
    }
    let found: sqlx::Result<(i64, String)> = with!(&mut connection, |db| sqlx::query_as(
        "select coalesce((select max(version) from _sqlx_migrations where success), 0),
                coalesce((select value from meta where key = 'epoch'), '')"
    )
    .fetch_one(db)
    .await);
    let (migration, epoch) = found.map_err(|error| match error {
        // There are no such tables.
        sqlx::Error::Database(_) => OpenError::Unusable("there is no database of Parlor’s at DATABASE_URL".into()),
        error => error.into(),
    })?;
    Ok((connection, migration, epoch))
}

/// A connection that only reads, without limits on how long a statement takes.
async fn connect(url: &str, program: &str) -> Result<Connection, OpenError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => {
            let options = SqliteConnectOptions::from_str(url).map_err(|error| OpenError::Url(error.to_string()))?;
            let path = options.get_filename();
            if !path.exists() {
                return Err(OpenError::Missing(path.to_owned()));
            }
            let options = options.create_if_missing(false).read_only(true).busy_timeout(PATIENCE);
            Ok(Connection::Sqlite(options.connect().await?))
        }
        Some("postgres" | "postgresql") => {
            let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Url(error.to_string()))?;
            let options = options.application_name(program).options([
                ("lock_timeout", "5s"),
                ("statement_timeout", "0"),
                ("idle_in_transaction_session_timeout", "0"),
                ("default_transaction_read_only", "on"),
            ]);
            Ok(Connection::Postgres(PgConnection::connect_with(&options).await?))
        }
        _ => Err(OpenError::Url("must begin with sqlite:// or postgres://".into())),
    }
}
