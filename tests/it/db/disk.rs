//! A SQLite file on a disk that is full or fails.

use parlor::db::{Connections, Db};
use parlor::model::Author;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Sqlite};

use super::store::{Store, line, word};
use crate::once;

fn writer(db: &Store) -> &Connections<Sqlite> {
    match &**db {
        Db::Sqlite(sqlite) => &sqlite.write,
        Db::Postgres(_) => unreachable!("`once` runs on SQLite"),
    }
}

/// Writes a long message as the ledger does.
async fn write(db: &Store, seq: i64) -> sqlx::Result<()> {
    let author = db.find_user_by_name("ada").await?.expect("she registered");
    let room = db.find_room("general", author.id).await?.expect("it is public").room;
    let author =
        Author { id: author.id, username: author.username, name: author.name, is_alike: false, is_bot: false, photo: None };
    db.write(room.id, vec![line(&author, seq, "long ".repeat(20_000))]).await
}

/// What a full or failing disk makes SQLite do in the middle of a transaction: roll back by itself. sqlx is not told.
async fn fail_by_itself(db: &Store) {
    let mut guard = writer(db).acquire().await.expect("nobody writes now");
    let mut failing = guard.begin_with("begin immediate").await.expect("it is well");
    failing.execute("rollback").await.expect("a transaction is open");
    failing.commit().await.expect_err("there is nothing to commit any more");
    drop(guard);
    // The pool looks at a connection behind the back of whoever gave it up; there is only one, and nobody has it before that.
    drop(writer(db).acquire().await.expect("somebody may write again"));
}

/// Whether what is written next is on the disk when it is committed.
async fn waits_for_the_disk(db: &Store) -> bool {
    const FULL: i64 = 2;
    sqlx::query_scalar::<_, i64>("pragma synchronous").fetch_one(writer(db)).await.expect("SQLite tells") == FULL
}

#[apply(once)]
async fn a_full_disk_refuses_writes_and_takes_them_again_when_there_is_room(db: &Store) {
    db.add("ada").await;
    write(db, 1).await.expect("there is room");
    let pages: i64 = sqlx::query_scalar("pragma page_count").fetch_one(writer(db)).await.expect("SQLite counts");
    let limit = |pages: i64| AssertSqlSafe(format!("pragma max_page_count = {pages}"));
    writer(db).execute(limit(pages + 4)).await.expect("it can be limited");
    for seq in 2..5 {
        write(db, seq).await.expect_err("there is no room");
    }
    assert_eq!(db.messages(db.general().await, &"general".into(), 1, 9, 9).await.expect("reads go on").len(), 1);
    // What is not in the index yet stays out of it, and is not forgotten.
    db.catch_up().await.expect_err("there is no room");
    writer(db).execute(limit(1_000_000)).await.expect("the limit can be lifted");
    db.catch_up().await.expect("there is room again");
    assert!(waits_for_the_disk(db).await);
    let author = db.find_user_by_name("ada").await.expect("the database answers").expect("she registered").id;
    assert_eq!(db.search(&word(author, "long"), i64::MAX, 9, None).await.expect("it can be asked").hits.len(), 1);
    write(db, 2).await.expect("there is room again");
    assert_eq!(db.database.rows("messages").await.len(), 2);
}

#[apply(once)]
async fn what_is_said_after_the_index_gave_up_waits_for_the_disk(db: &Store) {
    db.add("ada").await;
    write(db, 1).await.expect("there is room");
    let mut other = SqliteConnectOptions::new().filename(db.database.file()).connect().await.expect("the file is there");
    other.execute("begin immediate").await.expect("nobody writes now");
    db.catch_up().await.expect_err("somebody else writes");
    assert!(waits_for_the_disk(db).await, "what is said next would be lost with the power");
    other.execute("rollback").await.expect("it can let go");
}

#[apply(once)]
async fn a_transaction_that_sqlite_ended_by_itself_does_not_end_all_writing(db: &Store) {
    db.add("ada").await;
    fail_by_itself(db).await;
    write(db, 1).await.expect("the next one has nothing to do with it");
    assert!(db.is_healthy().await);
    assert_eq!(db.database.rows("messages").await.len(), 1);
}

#[apply(once)]
async fn a_database_whose_disk_refused_a_write_is_not_well_until_it_takes_one(db: &Store) {
    assert!(db.is_healthy().await);
    fail_by_itself(db).await;
    let mut other = SqliteConnectOptions::new().filename(db.database.file()).connect().await.expect("the file is there");
    other.execute("begin immediate").await.expect("nobody writes now");
    assert!(!db.is_healthy().await, "it cannot write now");
    other.execute("rollback").await.expect("it can let go");
    assert!(db.is_healthy().await);
}
