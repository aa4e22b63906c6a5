//! Puts the rows of a backup into an empty database of either kind.
//!
//! Owns the one transaction in which that happens: all of it is there afterwards, or nothing. Triggers are off meanwhile (what they would
//! write is in the backup) and references are checked at the end, because tables refer to each other in circles. Needs no more rights than
//! the migrations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor};

use super::super::Db;
use super::{Connection, KEPT, Table, quoted, with};
use crate::clock::Millis;

/// Revokes incoming webhooks: an address that was revoked after the backup would be good again. No hash begins like that.
const REVOKE_HOOKS: &str = "update hooks set token_hash = 'restored:' || id";
/// Gives up what was to be delivered: a restored server does not send to others by itself what was news then. Backups of earlier versions have
/// mails, too.
const DROP_MAILS: &str = "delete from outbox where kind <> 'webhook'";
const GIVE_UP: &str = "update outbox set dead_at = $1, last_error = 'restored from a backup' where dead_at is null";

/// The tables that are in a database.
const TABLES_SQLITE: &str =
    "select name from sqlite_schema where type = 'table' and name not like 'sqlite!_%' escape '!' order by name";
const TABLES_POSTGRES: &str = "select tablename::text from pg_tables where schemaname = current_schema() order by tablename";
/// The one that a database of Parlor's has first: sqlx's list of migrations.
const MIGRATIONS: &str = "_sqlx_migrations";

/// How long ago a node was seen that counts as running.
const SEEN: Duration = Duration::from_secs(60);

/// Why rows cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database has rows already.
    #[error("the database is not empty: there are rows in {0}")]
    NotEmpty(&'static str),
    /// The database has tables that are not Parlor's.
    #[error("the database is not empty: it has a table {0} of another program")]
    Foreign(String),
    /// Servers are running on the database.
    #[error("servers are running on this database; stop them first")]
    Running,
    /// The rows are not what this database takes.
    #[error("{table}: {why}")]
    Unfit {
        /// Their table.
        table: String,
        /// Why not.
        why: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A transaction that fills an empty database. Dropped without [`Self::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Loader {
    connection: Connection,
    /// What makes triggers and references again.
    again: Vec<String>,
    columns: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Db {
    /// Whether a backup can be loaded: nobody has written anything yet, and no server runs on it. A room `general` without entries, which the
    /// first start makes, is nothing. It changes nothing, and the migrations need not have run.
    ///
    /// # Errors
    /// `NotEmpty`, `Foreign` and `Running`, and the database's.
    pub async fn check_empty(&self) -> Result<(), LoadError> {
        // On SQLite the lock on the file tells that.
        if let Self::Postgres(postgres) = self {
            let has_nodes: bool = sqlx::query_scalar("select to_regclass('nodes') is not null").fetch_one(&postgres.read).await?;
            if has_nodes && postgres.count_other_nodes(SEEN).await? > 0 {
                return Err(LoadError::Running);
            }
        }
        let mut connection = self.connect_for_loading().await?;
        let tables = if matches!(connection, Connection::Sqlite(_)) { TABLES_SQLITE } else { TABLES_POSTGRES };
        let tables: Vec<String> = with!(&mut connection, |db| sqlx::query_scalar(tables).fetch_all(db).await)?;
        if !tables.iter().any(|table| table == MIGRATIONS)
            && let Some(foreign) = tables.into_iter().next()
        {
            return Err(LoadError::Foreign(foreign));
        }
        for table in KEPT.iter().filter(|table| table.name != "meta") {
            if connection.columns(table.name).await?.is_empty() {
                continue;
            }
            let which = if table.name == "rooms" { "slug <> 'general' or seq > 0" } else { "true" };
            let statement = format!("select exists (select 1 from {} where {which})", table.name);
            let has_rows: bool = with!(&mut connection, |db| sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(db).await)?;
            if has_rows {
                return Err(LoadError::NotEmpty(table.name));
            }
        }
        Ok(())
    }

    /// Begins to load a backup. The database must be empty, and migrated as far as the backup's was.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_loading(&self) -> Result<Loader, LoadError> {
        let mut connection = self.connect_for_loading().await?;
        let begin = if matches!(connection, Connection::Sqlite(_)) { "begin immediate" } else { "begin" };
        with!(&mut connection, |db| db.execute(begin).await.map(drop))?;
        let again = match &mut connection {
            Connection::Sqlite(db) => {
                db.execute("pragma defer_foreign_keys = on").await?;
                let triggers: Vec<(String, String)> =
                    sqlx::query_as("select name, sql from sqlite_schema where type = 'trigger'").fetch_all(&mut *db).await?;
                for (name, _) in &triggers {
                    db.execute(AssertSqlSafe(format!("drop trigger {}", quoted(name)))).await?;
                }
                triggers.into_iter().map(|(_, statement)| statement).collect()
            }
            Connection::Postgres(db) => let_go_of(db).await?,
        };
        let mut columns = BTreeMap::new();
        for table in &KEPT {
            let names = connection.columns(table.name).await?.into_iter().map(|column| column.name).collect();
            columns.insert(table.name, names);
            let own = if table.name == "meta" { " where key in ('epoch', 'device_key') or key like 'setup:%'" } else { "" };
            let statement = format!("delete from {}{own}", table.name);
            with!(&mut connection, |db| db.execute(AssertSqlSafe(statement)).await.map(drop))?;
        }
        Ok(Loader { connection, again, columns })
    }

    /// A connection of its own, without limits on how long it takes.
    async fn connect_for_loading(&self) -> sqlx::Result<Connection> {
        Ok(match self {
            Self::Sqlite(sqlite) => Connection::Sqlite(sqlite.options.connect().await?),
            Self::Postgres(postgres) => {
                let options = postgres.options.as_ref().clone();
                let options = options.options([("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")]);
                Connection::Postgres(PgConnection::connect_with(&options).await?)
            }
        })
    }
}

/// Turns triggers off and removes references; returns the statements that undo it.
async fn let_go_of(db: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let references: Vec<(String, String, String)> = sqlx::query_as(
        "select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint
         where contype = 'f' and connamespace = current_schema()::regnamespace",
    )
    .fetch_all(&mut *db)
    .await?;
    let mut again = Vec::new();
    for (table, name, definition) in references {
        db.execute(AssertSqlSafe(format!("alter table {table} drop constraint {name}"))).await?;
        again.push(format!("alter table {table} add constraint {name} {definition}"));
    }
    for table in &KEPT {
        db.execute(AssertSqlSafe(format!("alter table {} disable trigger user", table.name))).await?;
        again.push(format!("alter table {} enable trigger user", table.name));
    }
    Ok(again)
}

impl Loader {
    /// Whether a table has exactly these columns.
    ///
    /// # Errors
    /// `Unfit`, with the difference.
    pub fn check_columns(&self, table: &Table, given: &[String]) -> Result<(), LoadError> {
        let (given, own) = (given.iter().cloned().collect::<BTreeSet<_>>(), &self.columns[table.name]);
        if given == *own {
            return Ok(());
        }
        let list: Vec<_> = given.symmetric_difference(own).cloned().collect();
        Err(LoadError::Unfit { table: table.name.into(), why: format!("its columns differ: {}", list.join(", ")) })
    }

    /// Adds rows, a JSON array of objects; returns how many. What is no column of the table is ignored.
    ///
    /// # Errors
    /// `Unfit` if they are not what the table takes.
    pub async fn add(&mut self, table: &Table, rows: String) -> Result<u64, LoadError> {
        let columns: Vec<_> = self.columns[table.name].iter().map(|column| quoted(column)).collect();
        let list = columns.join(", ");
        let added = match &mut self.connection {
            Connection::Sqlite(db) => {
                let value = |column: &String| format!("json_extract(value, '$.{}')", column.replace('\'', "''"));
                let values: Vec<_> = columns.iter().map(value).collect();
                let statement = format!("insert into {} ({list}) select {} from json_each($1)", table.name, values.join(", "));
                sqlx::query(AssertSqlSafe(statement)).bind(rows).execute(db).await.map(|done| done.rows_affected())
            }
            Connection::Postgres(db) => {
                let statement = format!(
                    "insert into {0} ({list}) overriding system value select {list} from json_populate_recordset(null::{0}, $1::json)",
                    table.name
                );
                sqlx::query(AssertSqlSafe(statement)).bind(rows).execute(db).await.map(|done| done.rows_affected())
            }
        };
        added.map_err(|error| unfit(table.name, error))
    }

    /// Sets the last id of each table, checks all references, gives the history a new id, and commits. What was to be delivered is given up, and
    /// incoming webhooks are revoked.
    ///
    /// # Errors
    /// `Unfit` if rows refer to others that are not there.
    pub async fn commit(mut self, sequences: &BTreeMap<String, i64>, epoch: &str, now: Millis) -> Result<(), LoadError> {
        self.set_sequences(sequences).await?;
        self.hold_back(now).await?;
        for (key, value) in [("epoch", epoch), ("search_version", "0")] {
            let statement =
                "insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value";
            with!(&mut self.connection, |db| sqlx::query(statement).bind(key).bind(value).execute(db).await.map(drop))?;
        }
        for statement in std::mem::take(&mut self.again) {
            let done = with!(&mut self.connection, |db| db.execute(AssertSqlSafe(statement)).await.map(drop));
            done.map_err(|error| unfit("the database", error))?;
        }
        if let Connection::Sqlite(db) = &mut self.connection {
            let orphan: Option<(String, String)> =
                sqlx::query_as("select \"table\", parent from pragma_foreign_key_check limit 1").fetch_optional(db).await?;
            if let Some((table, parent)) = orphan {
                return Err(LoadError::Unfit { table, why: format!("a row refers to a row of {parent} that is not there") });
            }
        }
        with!(&mut self.connection, |db| db.execute("commit").await.map(drop))?;
        if let Connection::Postgres(db) = &mut self.connection {
            // Otherwise the first pages would be planned for empty tables. The rows are there, whatever becomes of it.
            if let Err(error) = db.execute("analyze").await {
                tracing::warn!(%error, "the restored tables were not analyzed");
            }
        }
        with!(self.connection, |db| db.close().await).ok();
        Ok(())
    }

    /// Changes what a restored server would do, or let others do, because its backup says so. An earlier version may not have these tables.
    async fn hold_back(&mut self, now: Millis) -> sqlx::Result<()> {
        let has = |table: &str| self.columns.get(table).is_some_and(|columns| !columns.is_empty());
        let (has_hooks, has_outbox) = (has("hooks"), has("outbox"));
        with!(&mut self.connection, |db| {
            if has_hooks {
                sqlx::query(REVOKE_HOOKS).execute(&mut *db).await?;
            }
            if has_outbox {
                sqlx::query(DROP_MAILS).execute(&mut *db).await?;
                sqlx::query(GIVE_UP).bind(now).execute(&mut *db).await?;
            }
        });
        Ok(())
    }

    async fn set_sequences(&mut self, sequences: &BTreeMap<String, i64>) -> sqlx::Result<()> {
        for table in KEPT.iter().map(|table| table.name) {
            let Some(last) = sequences.get(table).copied().filter(|last| *last > 0) else { continue };
            match &mut self.connection {
                Connection::Sqlite(db) => {
                    sqlx::query("insert into sqlite_sequence (name, seq) select $1, 0 where not exists (select 1 from sqlite_sequence where name = $1)")
                        .bind(table)
                        .execute(&mut *db)
                        .await?;
                    sqlx::query("update sqlite_sequence set seq = max(seq, $2) where name = $1")
                        .bind(table)
                        .bind(last)
                        .execute(db)
                        .await?;
                }
                Connection::Postgres(db) => {
                    let statement = format!(
                        "select setval(pg_get_serial_sequence('{table}', 'id'), greatest($1, (select coalesce(max(id), 1) from {table})))"
                    );
                    sqlx::query(AssertSqlSafe(statement)).bind(last).execute(db).await?;
                }
            }
        }
        Ok(())
    }
}

/// An error of a row, and not of the database as such.
fn unfit(table: &str, error: sqlx::Error) -> LoadError {
    match error {
        // A disk that is full or fails is not the rows' fault.
        sqlx::Error::Database(refusal) if !is_fault_of_the_disk(&*refusal) => {
            LoadError::Unfit { table: table.into(), why: refusal.message().to_owned() }
        }
        error => error.into(),
    }
}

fn is_fault_of_the_disk(refusal: &dyn sqlx::error::DatabaseError) -> bool {
    // Postgres' class of insufficient resources; SQLite's codes are numbers.
    let code = refusal.code().unwrap_or_default();
    let is_of_sqlite = |code: &str| code.parse().is_ok_and(|code: u32| super::super::DISK_FAULTS.contains(&(code & 0xff)));
    code.starts_with("53") || (code.len() != 5 && is_of_sqlite(&code))
}
