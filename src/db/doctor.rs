//! What the doctor asks of a database.
//!
//! Owns the statements. They read, but for a probe of the way to the disk, which leaves nothing behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::FromRow;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;

use super::{Db, file, read};
use crate::model::RoomId;

/// More rooms with gaps are not listed.
const MOST: i64 = 20;

/// How the database's migrations compare with this program's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrations {
    /// How many are applied.
    pub applied: usize,
    /// Those that are not.
    pub pending: Vec<i64>,
    /// Those that this program does not know.
    pub unknown: Vec<i64>,
    /// Those that were applied in another form.
    pub changed: Vec<i64>,
    /// Those that were interrupted.
    pub unfinished: Vec<i64>,
}

/// A setting on which it depends whether acknowledged messages survive a power failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durability {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Whether they do.
    pub is_safe: bool,
}

/// A room whose head and messages differ.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct BrokenLog {
    /// The room.
    pub room: RoomId,
    /// The last `seq` of its head.
    pub seq: i64,
    /// The last `rev` of its head.
    pub rev: i64,
    /// How many messages there are.
    pub messages: i64,
    /// The last `seq` among them.
    pub last_seq: i64,
    /// The last `rev` among them.
    pub last_rev: i64,
}

impl Db {
    /// The file of an SQLite database.
    pub async fn file(&self) -> sqlx::Result<Option<PathBuf>> {
        match self {
            Self::Sqlite(sqlite) => {
                let statement = "select file from pragma_database_list where name = 'main'";
                let file: String = sqlx::query_scalar(statement).fetch_one(&sqlite.read).await?;
                Ok(Some(file.into()))
            }
            Self::Postgres(_) => Ok(None),
        }
    }

    /// Compares the migrations.
    pub async fn migrations(&self) -> sqlx::Result<Migrations> {
        let known = match self {
            Self::Sqlite(_) => sqlx::migrate!("migrations/sqlite"),
            Self::Postgres(_) => sqlx::migrate!("migrations/postgres"),
        };
        let statement = "select version, success, checksum from _sqlx_migrations order by version";
        let applied: Vec<(i64, bool, Vec<u8>)> = match read!(self, |pool| sqlx::query_as(statement).fetch_all(pool).await) {
            Ok(applied) => applied,
            // A database without that table is new.
            Err(sqlx::Error::Database(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(compare(&known, &applied))
    }

    /// The settings on which it depends whether acknowledged messages survive, as Parlor's writing connections have them.
    pub async fn durability(&self) -> sqlx::Result<Vec<Durability>> {
        match self {
            Self::Sqlite(sqlite) => {
                let synchronous: i64 = sqlx::query_scalar("pragma synchronous").fetch_one(&sqlite.write).await?;
                let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&sqlite.write).await?;
                let name = match synchronous {
                    0 => "off",
                    1 => "normal",
                    2 => "full",
                    _ => "extra",
                };
                Ok(vec![
                    Durability { name: "synchronous", value: name.into(), is_safe: synchronous >= 2 },
                    Durability { name: "journal_mode", is_safe: journal.eq_ignore_ascii_case("wal"), value: journal },
                ])
            }
            Self::Postgres(postgres) => {
                let mut all = Vec::new();
                for name in ["fsync", "full_page_writes", "synchronous_commit"] {
                    let value: String =
                        sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(&postgres.write).await?;
                    all.push(Durability { name, is_safe: value != "off", value });
                }
                Ok(all)
            }
        }
    }

    /// How long Postgres takes to write a record that nobody reads, and to wait for the disk. Empty on SQLite, whose disk is this
    /// machine's.
    pub async fn sync_times(&self, rounds: usize) -> sqlx::Result<Vec<Duration>> {
        let Self::Postgres(postgres) = self else { return Ok(Vec::new()) };
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let began = Instant::now();
            // A record of the log without a change, committed by itself.
            sqlx::query("select cast(pg_logical_emit_message(true, 'parlor', 'doctor') as text)")
                .execute(&postgres.write)
                .await?;
            times.push(began.elapsed());
        }
        Ok(times)
    }

    /// The rooms whose messages are not 1, 2, 3 … up to the head's `seq`, or whose last change is not the head's `rev`; not more than some.
    /// It reads an entry of an index for each message.
    pub async fn broken_logs(&self) -> sqlx::Result<Vec<BrokenLog>> {
        // `(room_id, seq)` is unique and `seq` is positive: as many as the last one's number are all of them.
        let statement = "select id as room, seq, rev, messages, last_seq, last_rev from (
                 select rooms.id, rooms.seq, rooms.rev,
                        (select count(*) from messages where room_id = rooms.id) as messages,
                        coalesce((select max(seq) from messages where room_id = rooms.id), 0) as last_seq,
                        coalesce((select max(rev) from messages where room_id = rooms.id), 0) as last_rev
                 from rooms where removed_at is null) as heads
             where messages <> seq or last_seq <> seq or last_rev <> rev order by id limit $1";
        read!(self, |pool| sqlx::query_as(statement).bind(MOST).fetch_all(pool).await)
    }
}

/// The files of an SQLite database that are there.
pub fn files_of(database: &Path) -> Vec<PathBuf> {
    file::files_of(database).into_iter().filter(|path| path.exists()).collect()
}

/// The file that a URL names, if it is not there.
pub fn missing_file(url: &str) -> Option<PathBuf> {
    let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok())??;
    Some(options.get_filename().to_owned()).filter(|file| !file.exists())
}

fn compare(known: &Migrator, applied: &[(i64, bool, Vec<u8>)]) -> Migrations {
    let ours: BTreeMap<i64, &[u8]> = known
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration())
        .map(|migration| (migration.version, &*migration.checksum))
        .collect();
    let mut found = Migrations { applied: applied.len(), ..Migrations::default() };
    for (version, success, checksum) in applied {
        if !success {
            found.unfinished.push(*version);
        }
        match ours.get(version) {
            None => found.unknown.push(*version),
            Some(own) if *own != &**checksum => found.changed.push(*version),
            Some(_) => {}
        }
    }
    found.pending = ours.into_keys().filter(|version| applied.iter().all(|(applied, ..)| applied != version)).collect();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_compared_by_number_and_content() {
        let known = sqlx::migrate!("migrations/sqlite");
        let up: Vec<_> = known.iter().filter(|migration| migration.migration_type.is_up_migration()).collect();
        let mut applied: Vec<_> = up.iter().map(|migration| (migration.version, true, migration.checksum.to_vec())).collect();
        let same = compare(&known, &applied);
        assert_eq!(same, Migrations { applied: up.len(), ..Migrations::default() });
        let last = applied.pop().unwrap().0;
        applied[0].2 = vec![1];
        applied[1].1 = false;
        applied.push((9_999, true, vec![]));
        let found = compare(&known, &applied);
        assert_eq!((found.pending, found.unknown, found.changed, found.unfinished), (vec![last], vec![9_999], vec![1], vec![2]));
    }
}
