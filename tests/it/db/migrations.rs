//! The two folders of migrations: alike, reversible, and the same to Parlor as to `sqlx migrate`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use parlor::db::{Db, OpenError, Purpose};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Executor, PgPool, SqlitePool};

use super::store::NOW;
use crate::both;
use crate::harness::{Database, Kind, on_threads_of};

fn folder(kind: Kind) -> PathBuf {
    let name = match kind {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgres",
    };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations").join(name)
}

fn files(kind: Kind) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder(kind)).expect("the folder is there");
    files.map(|file| file.expect("it can be read").file_name().to_string_lossy().into_owned()).collect()
}

/// What `sqlx migrate` does with a database: the folder is read when it runs.
enum Tool {
    Sqlite(Migrator, SqlitePool),
    Postgres(Migrator, PgPool),
}

impl Tool {
    async fn at(database: &Database) -> Self {
        let migrator = Migrator::new(folder(database.kind)).await.expect("sqlx reads the folder");
        match database.kind {
            Kind::Sqlite => {
                let options = SqliteConnectOptions::new().filename(database.file()).create_if_missing(true);
                Self::Sqlite(migrator, SqlitePool::connect_with(options).await.expect("it opens"))
            }
            Kind::Postgres => Self::Postgres(migrator, PgPool::connect(database.url()).await.expect("it opens")),
        }
    }

    async fn up(&self, to: i64) {
        let done = match self {
            Self::Sqlite(migrator, pool) => migrator.run_to(to, pool).await,
            Self::Postgres(migrator, pool) => migrator.run_to(to, pool).await,
        };
        done.expect("it migrates");
    }

    async fn down(&self) {
        let done = match self {
            Self::Sqlite(migrator, pool) => migrator.undo(pool, 0).await,
            Self::Postgres(migrator, pool) => migrator.undo(pool, 0).await,
        };
        done.expect("it goes back");
    }

    async fn run(&self, statements: &'static str) {
        self.try_to(AssertSqlSafe(statements.to_owned())).await.expect("the statements are right");
    }

    async fn try_to(&self, statements: AssertSqlSafe<String>) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(_, pool) => pool.execute(statements).await.map(drop),
            Self::Postgres(_, pool) => pool.execute(statements).await.map(drop),
        }
    }

    fn last(&self) -> i64 {
        let (Self::Sqlite(migrator, _) | Self::Postgres(migrator, _)) = self;
        migrator.iter().map(|migration| migration.version).max().expect("there are migrations")
    }

    async fn close(self) {
        match self {
            Self::Sqlite(_, pool) => pool.close().await,
            Self::Postgres(_, pool) => pool.close().await,
        }
    }
}

/// Every column with whether it may be null, and every index with whether it is unique.
async fn shape(database: &Database) -> BTreeSet<String> {
    let (columns, indexes) = match database.kind {
        Kind::Sqlite => (
            "select sqlite_master.name as relation, columns.name as name, columns.\"notnull\" = 0 as flag
             from sqlite_master, pragma_table_info(sqlite_master.name) as columns
             where sqlite_master.type = 'table' and sqlite_master.name not like 'sqlite_%'",
            "select sqlite_master.name as relation, indexes.name as name, indexes.\"unique\" = 1 as flag
             from sqlite_master, pragma_index_list(sqlite_master.name) as indexes
             where sqlite_master.type = 'table' and indexes.origin = 'c'",
        ),
        Kind::Postgres => (
            "select table_name as relation, column_name as name, is_nullable = 'YES' as flag
             from information_schema.columns where table_schema = 'public'",
            "select tables.relname as relation, indexes.relname as name, indisunique as flag
             from pg_index join pg_class as indexes on indexes.oid = indexrelid join pg_class as tables on tables.oid = indrelid
             where tables.relnamespace = 'public'::regnamespace
               and not exists (select 1 from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))",
        ),
    };
    let mut shape = BTreeSet::new();
    for (what, query) in [("may be null", columns), ("is unique", indexes)] {
        for row in database.query(query).await {
            let flag = row["flag"] == true || row["flag"] == 1;
            let (relation, name) = (row["relation"].as_str().expect("a name"), row["name"].as_str().expect("a name"));
            // sqlx's own.
            if relation != "_sqlx_migrations" {
                shape.insert(format!("{relation}.{name} {what}: {flag}"));
            }
        }
    }
    shape
}

#[test]
fn the_two_folders_make_the_same_tables_columns_and_indexes() {
    assert_eq!(files(Kind::Sqlite), files(Kind::Postgres));
    on_threads_of("parity", async {
        let mut shapes = Vec::new();
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let Some(database) = Database::fresh(kind).await else {
                println!("left out: Postgres is not on this machine");
                return;
            };
            let tool = Tool::at(&database).await;
            tool.up(tool.last()).await;
            shapes.push(shape(&database).await);
            tool.close().await;
            database.discard().await;
        }
        assert!(shapes[0].contains("messages.body may be null: false"), "{:#?}", shapes[0]);
        assert!(shapes[0].contains("messages.messages_by_seq is unique: true"), "{:#?}", shapes[0]);
        // The index of search is each database's own.
        assert!(shapes.iter().all(|shape| shape.iter().any(|line| line.starts_with("words."))));
        let different: Vec<_> = shapes[0].symmetric_difference(&shapes[1]).filter(|line| !line.starts_with("words")).collect();
        assert!(different.is_empty(), "{different:#?}");
    });
}

#[test]
fn every_migration_can_be_taken_back() {
    let files = files(Kind::Sqlite);
    assert!(files.contains("0001_core.up.sql"));
    for file in &files {
        let name = file.strip_suffix(".up.sql").or_else(|| file.strip_suffix(".down.sql"));
        let name = name.unwrap_or_else(|| panic!("{file} is neither way"));
        assert!(
            files.contains(&format!("{name}.up.sql")) && files.contains(&format!("{name}.down.sql")),
            "{name} has one way only"
        );
    }
}

#[apply(both)]
async fn sqlx_and_parlor_take_each_others_databases_up_and_back_and_up_again(database: &Database) {
    let tool = Tool::at(database).await;
    let last = tool.last();
    for round in 0..2 {
        tool.up(last).await;
        // The same checksums: Parlor finds nothing to do, and nothing that was changed.
        let db = Db::open(database.url(), 2, Purpose::Serve).await.expect("it opens");
        db.migrate().await.expect("it is up to date");
        db.ensure(NOW).await.expect("it is made ready");
        db.close().await;
        tool.up(last).await;
        tool.run(
            "insert into users (username, name, password_hash, created_at, last_room_id) select 'ada', 'Ada', 'x', 0, id from rooms;
             insert into memberships (room_id, user_id, joined_at) select rooms.id, users.id, 0 from rooms, users;
             insert into messages (room_id, seq, rev, kind, author_id, body, html, created_at)
             select rooms.id, 1, 1, 'text', users.id, 'words', 'words', 0 from rooms, users;
             insert into reactions (room_id, seq, emoji, user_id, created_at) select room_id, 1, '+', user_id, 0 from memberships",
        )
        .await;
        assert!(shape(database).await.len() > 50);
        tool.down().await;
        assert!(shape(database).await.is_empty(), "round {round} left something behind");
    }
    tool.close().await;
}

#[apply(both)]
async fn a_database_made_by_parlor_can_be_taken_back_by_sqlx(database: &Database) {
    let db = Db::open(database.url(), 2, Purpose::Serve).await.expect("it opens");
    db.migrate().await.expect("it migrates");
    db.close().await;
    let tool = Tool::at(database).await;
    tool.up(tool.last()).await;
    let applied = database.query("select version from _sqlx_migrations").await;
    assert_eq!(applied.len() * 2, files(Kind::Sqlite).len(), "each has a file for either way");
    tool.down().await;
    assert!(shape(database).await.is_empty());
    tool.close().await;
}

#[apply(both)]
async fn members_from_before_they_were_counted_are_counted(database: &Database) {
    let tool = Tool::at(database).await;
    tool.up(1).await;
    tool.run(
        "insert into rooms (slug, name, visibility, created_at) values ('full', 'full', 'public', 0), ('empty', 'empty', 'public', 0);
         insert into users (username, name, password_hash, created_at) values ('ada', 'Ada', 'x', 0), ('eve', 'Eve', 'x', 0);
         insert into memberships (room_id, user_id, joined_at) select rooms.id, users.id, 0 from rooms, users where slug = 'full'",
    )
    .await;
    tool.up(tool.last()).await;
    let counts = database.query("select slug, members from rooms order by slug").await;
    assert_eq!((&counts[0]["members"], &counts[1]["members"]), (&0.into(), &2.into()));
    tool.close().await;
}

#[apply(both)]
async fn replies_from_before_there_were_threads_are_in_one(database: &Database) {
    let tool = Tool::at(database).await;
    tool.up(15).await;
    tool.run(
        "insert into rooms (slug, name, visibility, created_at) values ('a', 'a', 'public', 0), ('b', 'b', 'public', 0);
         insert into users (username, name, password_hash, created_at) values ('ada', 'Ada', 'x', 0)",
    )
    .await;
    // Two begin with 1 and 2; 3 and 5 belong to the first, by way of each other, and 4 to the second.
    for (seq, reply_to) in [(1, "null"), (2, "null"), (3, "1"), (4, "2"), (5, "3"), (6, "1")] {
        let say = format!(
            "insert into messages (room_id, seq, rev, kind, author_id, body, html, created_at, reply_to)
             select rooms.id, {seq}, {seq}, 'text', users.id, 'words', 'words', 0, {reply_to} from rooms, users"
        );
        tool.try_to(AssertSqlSafe(say)).await.expect("the statement is right");
    }
    tool.up(tool.last()).await;
    for room in ["a", "b"] {
        let query = format!(
            "select messages.seq, coalesce(thread, 0) as thread from messages join rooms on rooms.id = room_id
             where slug = '{room}' order by messages.seq"
        );
        let threads: Vec<_> = database.query(&query).await.iter().map(|row| row["thread"].as_i64().expect("a number")).collect();
        assert_eq!(threads, [0, 0, 1, 2, 1, 1], "{room}");
    }
    tool.close().await;
}

#[apply(both)]
async fn invitations_for_one_person_keep_their_meaning(database: &Database) {
    let tool = Tool::at(database).await;
    tool.up(21).await;
    tool.run(
        "insert into users (username, name, password_hash, created_at) values ('ada', 'Ada', 'x', 0);
         insert into invites (token_hash, created_at, expires_at) values ('open', 5, 10);
         insert into invites (token_hash, created_at, expires_at, used_by, used_at) select 'used', 5, 10, id, 7 from users;
         insert into invites (token_hash, created_at, expires_at, used_at) values ('by-nobody', 5, 10, 8)",
    )
    .await;
    tool.up(tool.last()).await;
    let invites = database.query("select token_hash, uses, used, note, revoked_at from invites order by token_hash").await;
    let of = |nth: usize| (invites[nth]["token_hash"].as_str(), invites[nth]["uses"].as_i64(), invites[nth]["used"].as_i64());
    assert_eq!(of(0), (Some("by-nobody"), Some(1), Some(1)));
    assert_eq!(of(1), (Some("open"), Some(1), Some(0)));
    assert_eq!(of(2), (Some("used"), Some(1), Some(1)));
    assert!(invites.iter().all(|invite| invite["note"] == "" && invite["revoked_at"].is_null()), "{invites:?}");
    let uses = database.query("select token_hash, at from invite_uses").await;
    assert_eq!((uses.len(), uses[0]["token_hash"].as_str(), uses[0]["at"].as_i64()), (1, Some("used"), Some(7)));
    tool.close().await;
}

#[apply(both)]
async fn kinds_are_checked_before_and_after_the_check_is_written_anew(database: &Database) {
    let tool = Tool::at(database).await;
    let say = |seq: i64, kind: &str| {
        AssertSqlSafe(format!(
            "insert into messages (room_id, seq, rev, kind, author_id, body, html, created_at)
             select rooms.id, {seq}, {seq}, '{kind}', users.id, 'words', 'words', 0 from rooms, users"
        ))
    };
    tool.up(5).await;
    tool.run(
        "insert into rooms (slug, name, visibility, created_at) values ('general', 'General', 'public', 0);
         insert into users (username, name, password_hash, created_at) values ('ada', 'Ada', 'x', 0)",
    )
    .await;
    for (to, first) in [(5, 1), (6, 10), (tool.last(), 20)] {
        tool.up(to).await;
        let mut kinds = vec!["text", "joined", "left", "topic", "renamed"];
        if to == tool.last() {
            kinds.extend(["visibility", "role", "archived"]);
        } else {
            tool.try_to(say(first + 9, "visibility")).await.expect_err("it is not one yet");
        }
        for (nth, kind) in kinds.into_iter().enumerate() {
            tool.try_to(say(first + nth as i64, kind)).await.expect("it is a kind");
        }
        for none in ["", "texts", "Text", "shouted"] {
            tool.try_to(say(first + 9, none)).await.expect_err("it is no kind");
        }
    }
    assert_eq!(database.query("select kind from messages where kind = 'text'").await.len(), 3);
    if let Tool::Sqlite(_, pool) = &tool {
        let health: String = sqlx::query_scalar("pragma integrity_check").fetch_one(pool).await.expect("it can be asked");
        assert_eq!(health, "ok");
        let table: String =
            sqlx::query_scalar("select sql from sqlite_schema where name = 'messages'").fetch_one(pool).await.unwrap();
        assert!(
            table.contains(
                "check (kind = 'text' or kind in ('joined', 'left', 'topic', 'renamed', 'visibility', 'role', 'archived'))"
            ),
            "{table}"
        );
    }
    tool.down().await;
    assert!(shape(database).await.is_empty());
    tool.close().await;
}

/// A migration that this Parlor does not know, and the oldest one that it says can run beside it.
#[apply(both)]
async fn a_database_of_a_newer_parlor_is_refused_unless_it_is_compatible(database: &Database) {
    let db = Db::open(database.url(), 2, Purpose::Serve).await.expect("it opens");
    db.migrate().await.expect("it migrates");
    database
        .run("insert into _sqlx_migrations (version, description, success, checksum, execution_time) select 9999, 'newer', success, checksum, 0 from _sqlx_migrations where version = 1")
        .await;
    for (oldest, is_accepted) in [("9999", false), ("17", true), ("x", false)] {
        database.run(&format!("update meta set value = '{oldest}' where key = 'oldest_schema'")).await;
        let migrated = db.migrate().await;
        assert_eq!(migrated.is_ok(), is_accepted, "{oldest}: {migrated:?}");
        assert!(matches!(migrated, Ok(()) | Err(OpenError::Migration(_))));
    }
    db.close().await;
}

/// The first migration that nodes of an older version must bear.
const SHARED: i64 = 17;

/// What a migration takes away from programs that run beside it, if anything.
fn takes_away(sql: &str) -> Option<&'static str> {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join(" ").to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let forbidden = ["drop table", "drop column", "rename ", "set not null", "truncate ", " type "];
    for statement in text.split(';') {
        // The body of a function may say anything.
        let is_alter = statement.trim_start().starts_with("alter table");
        let found = forbidden
            .into_iter()
            .find(|what| statement.contains(what) && (is_alter || what.starts_with("drop") || *what == "truncate "));
        let adds = statement.split("add column").skip(1).any(|column| column.contains("not null") && !column.contains("default"));
        if found.is_some() || (is_alter && adds) {
            return found.or(Some("not null without a default"));
        }
    }
    None
}

/// Old nodes run on while a new one has migrated: what they use must stay, and what they do not write must have a default. What is not needed any
/// more is removed one release later, by a migration that names itself as the oldest compatible one.
#[test]
fn migrations_only_add_and_name_the_oldest_compatible_version() {
    assert_eq!(takes_away("-- drop table x\ncreate table x (y bigint not null);"), None);
    assert_eq!(takes_away("alter table x add column y bigint not null default 0; create index z on x (y);"), None);
    for wrong in [
        "drop table x;",
        "alter table x\n  drop column y;",
        "ALTER TABLE x RENAME TO y",
        "alter table x rename column y to z",
        "alter table x add column y bigint not null",
        "alter table x alter column y set not null",
        "alter table x alter column y type text",
        "truncate x",
    ] {
        assert!(takes_away(wrong).is_some(), "{wrong}");
    }
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let mut oldest = SHARED;
        for file in files(kind).into_iter().filter(|file| file.ends_with(".up.sql")) {
            let number: i64 = file[..4].parse().expect("a number");
            let sql = std::fs::read_to_string(folder(kind).join(&file)).expect("it can be read");
            if number > SHARED {
                let named = sql.split_once("values ('oldest_schema', '").and_then(|(_, rest)| rest.split_once('\''));
                let named: i64 = named.and_then(|(named, _)| named.parse().ok()).unwrap_or_else(|| {
                    panic!("{file} must begin as 0018 does, and name the oldest migration whose program can run beside it")
                });
                assert!((oldest..=number).contains(&named), "{file} names {named}");
                oldest = named;
            }
            if number >= SHARED && oldest < number {
                assert_eq!(takes_away(&sql), None, "{file}");
            }
        }
    }
}

/// A node that starts while another one migrates waits for it, longer than any other statement may wait.
#[test]
fn a_start_waits_for_a_migration_that_takes_long() {
    on_threads_of("long migration", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let first = Db::open(database.url(), 2, Purpose::Serve).await.unwrap();
        first.migrate().await.unwrap();
        let pool = PgPool::connect(database.url()).await.unwrap();
        let mut migrating = pool.begin().await.unwrap();
        migrating.execute("lock table _sqlx_migrations").await.unwrap();
        let url = database.url().to_owned();
        let starting = tokio::spawn(async move { Db::open(&url, 2, Purpose::Serve).await.unwrap().migrate().await });
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
            and clock_timestamp() - query_start > interval '6 s'";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&pool).await.unwrap() == 0 {
            assert!(!starting.is_finished(), "it did not wait");
        }
        migrating.rollback().await.unwrap();
        starting.await.unwrap().unwrap();
        pool.close().await;
        first.close().await;
        database.discard().await;
    });
}
