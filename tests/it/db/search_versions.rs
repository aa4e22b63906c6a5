//! Nodes of two programs side by side, which index messages differently.

use parlor::db::search::IndexProgress;
use parlor::db::{Db, Purpose};
use parlor::fulltext::tokenizer::VERSION;
use parlor::model::{Author, RoomId, Visibility};

use super::store::{Store, line};
use crate::both;
use crate::harness::Kind;

/// A node of the next program, and a column that says which node has written a document.
async fn newer(db: &Store) -> Db {
    db.run("alter table words add column writer text default current_setting('application_name')").await;
    let newer = Db::open(db.database.url(), 4, Purpose::Serve).await.expect("it opens");
    newer.with_search_version(VERSION + 1)
}

/// Reports that a node is running.
async fn report(node: &Db) {
    let postgres = node.shared().expect("it is on Postgres");
    postgres.write_node("node", "version", 0, "{}").await.expect("it is written");
}

async fn post(db: &Store, node: &Db, room: RoomId, author: &Author, seq: i64) {
    let message = line(author, seq, format!("words {seq}"));
    let written = node
        .commit_batch(&Default::default(), |mut known| {
            let mut writes = parlor::db::ledger::Writes::default();
            known.messages.insert((room, seq), message.into());
            writes.set_message((room, seq), true);
            ((), known, writes)
        })
        .await;
    written.unwrap_or_else(|error| panic!("{seq} in {room} on {}: {error}", db.database.url()));
}

async fn count(db: &Store, query: &str) -> i64 {
    db.database.query(&format!("select count(*) as n from {query}")).await[0]["n"].as_i64().expect("a number")
}

/// Indexes all that this node may, and reports how far the index is.
async fn build(node: &Db) -> IndexProgress {
    while node.index_older().await.expect("it can be written") {}
    node.index_progress().await.expect("it can be asked")
}

/// Checks that each message is indexed, by this node or by nobody.
async fn all_by(db: &Store, node: &Db) {
    assert_eq!(build(node).await, IndexProgress::Whole);
    let id = node.shared().expect("it is on Postgres").node();
    let (messages, documents) = (count(db, "messages").await, count(db, &format!("words where writer = '{id}'")).await);
    assert_eq!((documents, count(db, "words").await), (messages, messages));
    assert_eq!(count(db, "unindexed").await, 0);
}

#[apply(both)]
async fn only_the_newest_program_writes_the_index(db: &Store) {
    if db.database.kind == Kind::Sqlite {
        return;
    }
    let (ada, room) = (db.author("ada").await, db.general().await);
    let old: &Db = db;
    assert_eq!(build(old).await, IndexProgress::Whole);
    let newer = newer(db).await;
    for seq in 1..=5 {
        post(db, old, room, &ada, seq).await;
    }
    all_by(db, old).await;

    report(&newer).await;
    newer.prepare_index().await.expect("it is emptied");
    assert_eq!(newer.index_progress().await.expect("it can be asked"), IndexProgress::Behind);
    // The old node writes on: whatever it writes, it lists.
    for seq in 6..=10 {
        post(db, old, room, &ada, seq).await;
    }
    post(db, &newer, room, &ada, 11).await;
    assert_eq!((count(db, "words").await, count(db, "unindexed").await), (1, 5));
    assert_eq!(build(old).await, IndexProgress::OtherVersion);
    assert_eq!(count(db, "words").await, 1);
    all_by(db, &newer).await;

    // An old node that starts leaves the index alone, and what it writes afterwards is found.
    old.prepare_index().await.expect("it is looked at");
    assert_eq!(count(db, "words").await, 11);
    post(db, old, room, &ada, 12).await;
    assert_eq!(newer.index_progress().await.expect("it can be asked"), IndexProgress::Behind);
    all_by(db, &newer).await;

    // The upgrade is taken back, and what the new node still writes is listed for the old one.
    newer.shared().expect("it is on Postgres").delete_node().await.expect("it is deleted");
    old.prepare_index().await.expect("it is emptied");
    post(db, &newer, room, &ada, 13).await;
    all_by(db, old).await;
    assert_eq!(newer.index_progress().await.expect("it can be asked"), IndexProgress::OtherVersion);
    newer.close().await;
}

/// At whatever moment the version changes, among posts of both.
#[apply(both)]
async fn nothing_that_is_written_at_the_change_of_versions_is_lost(db: &Store) {
    if db.database.kind == Kind::Sqlite {
        return;
    }
    let (ada, bob) = (db.author("ada").await, db.author("bob").await);
    let (here, there) = (db.general().await, db.make("there", Visibility::Public).await);
    let old: &Db = db;
    let newer = newer(db).await;
    report(&newer).await;
    let mut seq = 0;
    for round in 0..10 {
        let posts = async |node: &Db, room, author: &Author| {
            for seq in seq + 1..=seq + 10 {
                post(db, node, room, author, seq).await;
            }
        };
        let (mine, others) = if round % 2 == 0 { (&newer, old) } else { (old, &newer) };
        let change = async {
            if round % 2 == 1 {
                newer.shared().expect("it is on Postgres").delete_node().await.expect("it is deleted");
            }
            tokio::time::sleep(std::time::Duration::from_millis(round)).await;
            mine.prepare_index().await.expect("it is emptied");
            build(mine).await
        };
        tokio::join!(posts(mine, here, &ada), posts(others, there, &bob), change);
        seq += 10;
        all_by(db, mine).await;
        report(&newer).await;
    }
    newer.close().await;
}
