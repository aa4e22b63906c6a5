//! Every table is in a backup, or is known to be left out.

use std::collections::BTreeSet;

use parlor::db::backup::{KEPT, LEFT_OUT};
use parlor::db::{Db, Purpose, latest_migration};

use crate::both;
use crate::harness::{Database, Kind};

#[apply(both)]
async fn every_table_is_backed_up_or_left_out_for_a_reason(database: &Database) {
    let db = Db::open(database.url(), 2, Purpose::Visit).await.expect("a database");
    db.migrate().await.expect("the migrations run");
    db.close().await;
    let list = match database.kind {
        Kind::Sqlite => "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'",
        Kind::Postgres => "select table_name as name from information_schema.tables where table_schema = current_schema()",
    };
    let tables = database.query(list).await;
    let tables: BTreeSet<_> = tables.iter().map(|table| table["name"].as_str().expect("a name").to_owned()).collect();
    // The search index is built again, and migrations are run.
    let is_made_again = |table: &str| table == "_sqlx_migrations" || table == "words" || table.starts_with("words_");
    let tables: Vec<_> = tables.into_iter().filter(|table| !is_made_again(table)).collect();
    let known: BTreeSet<_> = KEPT.iter().map(|table| table.name).chain(LEFT_OUT.iter().map(|(name, _)| *name)).collect();
    assert_eq!(known.len(), KEPT.len() + LEFT_OUT.len(), "a table is listed twice");
    assert_eq!(tables, known.into_iter().collect::<Vec<_>>(), "decide in src/db/backup/mod.rs whether a backup holds a table");
}

/// A backup of an earlier version is loaded into the tables of that version.
#[apply(both)]
async fn an_empty_database_goes_to_an_earlier_migration_and_back(database: &Database) {
    let db = Db::open(database.url(), 2, Purpose::Visit).await.expect("a database");
    for start in [0, latest_migration()] {
        db.migrate_to(start).await.expect("it goes there");
        db.migrate_to(33).await.expect("it goes to the one with files");
        let last = database.query("select max(version) as last from _sqlx_migrations").await;
        assert_eq!(last[0]["last"], 33);
        db.migrate().await.expect("it goes on");
    }
    db.close().await;
}
