//! What opening a database promises: durability, one server to a file, and a history with an id.

use parlor::db::{Db, OpenError, Purpose};
use sqlx::Executor;

use super::store::{NOW, Store};
use crate::harness::{Database, Kind, on_threads_of};
use crate::{both, once};

#[apply(both)]
async fn a_new_database_has_one_room_and_an_id_that_stays(db: &Store) {
    let epoch = db.epoch().await.expect("it has one");
    assert!(epoch.len() == 32 && epoch.bytes().all(|byte| byte.is_ascii_hexdigit()), "{epoch}");
    db.run("update rooms set slug = 'lobby'").await;
    db.ensure(NOW.plus(1)).await.expect("it is ready already");
    db.migrate().await.expect("it is up to date already");
    assert_eq!(db.epoch().await.expect("it has one"), epoch);
    assert_eq!(db.database.rows("rooms").await.len(), 1, "a server whose `general` was renamed gets no second one");
}

#[apply(both)]
async fn a_database_is_well_until_it_is_closed(db: &Store) {
    assert!(db.is_healthy().await);
    db.close().await;
    assert!(!db.is_healthy().await);
}

#[apply(both)]
async fn two_databases_have_two_ids(database: &Database) {
    let other = Database::fresh(database.kind).await.expect("there is one already");
    let mut ids = Vec::new();
    for url in [database.url(), other.url()] {
        let db = Db::open(url, 2, Purpose::Serve).await.expect("it opens");
        db.migrate().await.expect("it migrates");
        db.ensure(NOW).await.expect("it is made ready");
        ids.push(db.epoch().await.expect("it has one"));
        db.close().await;
    }
    other.discard().await;
    assert_ne!(ids[0], ids[1]);
}

#[apply(both)]
async fn a_commit_waits_for_the_disk_whatever_the_database_is_told(database: &Database) {
    let db = Db::open(database.url(), 2, Purpose::Serve).await.expect("it opens");
    match &db {
        Db::Sqlite(sqlite) => {
            let settings: (i64, String, i64, i64) = sqlx::query_as(
                "select synchronous, journal_mode, foreign_keys, timeout
                 from pragma_synchronous, pragma_journal_mode, pragma_foreign_keys, pragma_busy_timeout",
            )
            .fetch_one(&sqlite.write)
            .await
            .expect("SQLite tells its settings");
            assert_eq!(settings, (2, "wal".into(), 1, 5000), "2 is FULL");
            let refused = sqlite.read.execute("create table t (a)").await.expect_err("readers do not write");
            assert!(refused.to_string().contains("readonly"), "{refused}");
        }
        Db::Postgres(postgres) => {
            let name: String =
                sqlx::query_scalar("select current_database()").fetch_one(&postgres.read).await.expect("it answers");
            let off = format!("alter database {name} set synchronous_commit = off");
            postgres.write.execute(sqlx::AssertSqlSafe(off)).await.expect("its owner may");
            let again = Db::open(database.url(), 2, Purpose::Visit).await.expect("it opens");
            let Db::Postgres(postgres) = &again else { unreachable!("the URL is the same") };
            for pool in [&postgres.write, &postgres.read] {
                let setting: String = sqlx::query_scalar("show synchronous_commit").fetch_one(pool).await.expect("it answers");
                assert_eq!(setting, "on");
            }
            let refused = postgres.read.execute("create table t (a int)").await.expect_err("readers do not write");
            assert!(refused.to_string().contains("read-only"), "{refused}");
            again.close().await;
        }
    }
    db.close().await;
}

/// Then another program does that, and would miss what Parlor moves.
#[apply(once)]
async fn without_checkpoints_nothing_moves_the_log_into_the_file(database: &Database) {
    for (checkpoints, pages) in [(true, 20_000), (false, 0)] {
        let db = Db::open_with(database.url(), 2, Purpose::Serve, checkpoints).await.expect("it opens");
        let Db::Sqlite(sqlite) = &db else { unreachable!("`once` runs on SQLite") };
        for pool in [&sqlite.write, &sqlite.read] {
            let limit: i64 = sqlx::query_scalar("pragma wal_autocheckpoint").fetch_one(pool).await.expect("SQLite tells");
            assert_eq!(limit, pages);
        }
        db.close().await;
    }
}

/// There is a connection to write, and then no further one.
#[test]
fn whoever_gets_too_few_connections_is_told_why() {
    on_threads_of("too few connections", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        database.run("create role narrow login connection limit 1").await;
        let url = database.url().replace("postgres@", "narrow@");
        let refused = Db::open(&url, 4, Purpose::Visit).await.map(drop).expect_err("it needs two").to_string();
        assert!(refused.starts_with("Can’t reach Postgres at /") && refused.contains("too many connections"), "{refused}");
        database.run("drop role narrow").await;
        database.discard().await;
    });
}

#[apply(once)]
async fn a_file_serves_one_server_at_a_time(db: &Store) {
    let again = async |purpose| Db::open(db.database.url(), 2, purpose).await;
    assert!(matches!(again(Purpose::Serve).await, Err(OpenError::InUse(path)) if path == db.database.file()));
    again(Purpose::Visit).await.expect("the command line may visit").close().await;
    db.close().await;
    again(Purpose::Serve).await.expect("the first one has ended").close().await;
}

#[apply(once)]
async fn an_address_that_names_no_database_is_refused_in_words(database: &Database) {
    let refusal = async |url: &str| Db::open(url, 2, Purpose::Serve).await.expect_err("it names none").to_string();
    for url in ["mysql://localhost/parlor", "parlor.db", ""] {
        assert_eq!(refusal(url).await, "DATABASE_URL: must begin with sqlite:// or postgres://", "{url}");
    }
    let nowhere = format!("sqlite://{}/no/such/folder/parlor.db", database.folder().display());
    let said = refusal(&nowhere).await;
    assert!(said.contains("no/such/folder"), "{said}");
}
