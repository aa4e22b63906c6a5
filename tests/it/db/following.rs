//! SQLite's index follows the messages: nobody notices, and nothing is left out.

use std::path::{Path, PathBuf};

use parlor::db::{Db, Purpose};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Executor};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::store::{Store, line, word};
use crate::harness::app::Server;
use crate::harness::{DEADLINE, Database, TestApp};
use crate::once;

/// A number, seen from outside.
async fn number(database: &Database, of: &str) -> i64 {
    database.query(&format!("select ({of}) as number")).await[0]["number"].as_i64().expect("a number")
}

/// How many messages are not in the index yet.
pub async fn waiting(database: &Database) -> i64 {
    let of = "select count(*) from messages
              where kind = 'text' and id > (select cast(value as integer) from meta where key = 'search_after')";
    number(database, of).await
}

/// How large the index is.
async fn size(database: &Database) -> i64 {
    number(database, "select sum(length(block)) from words_data").await
}

#[apply(once)]
async fn what_is_said_is_indexed_by_itself(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    socket.post("general", "nobody looks for this", "1").await;
    let indexed = async {
        while waiting(&app.database).await > 0 {
            yield_now().await;
        }
    };
    timeout(DEADLINE, indexed).await.expect("it is indexed");
}

#[apply(once)]
async fn what_changes_before_it_is_indexed_is_indexed_as_what_it_became(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut seqs = Vec::new();
    for nth in 1..=3 {
        seqs.push(socket.post("general", &format!("as it was first {nth}"), &format!("{nth}")).await["seq"].clone());
    }
    socket.ok("edit", json!({ "room": "general", "seq": seqs[0], "body": "as it became" })).await;
    socket.ok("delete", json!({ "room": "general", "seq": seqs[1] })).await;
    let found = async |q: &str| {
        ada.get_json(&format!("/search?q={q}")).await.expect(200).json()["results"].as_array().expect("a list").len()
    };
    assert_eq!([found("first").await, found("became").await, found("was").await], [1, 1, 1]);
    // FTS5 keeps how many entries it has, and would have counted wrong.
    let kept = app.database.query("select hex(block) as entries from words_data where id = 1").await;
    assert!(kept[0]["entries"].as_str().expect("a number").starts_with("02"), "{kept:?}");
}

#[apply(once)]
async fn a_search_answers_and_says_so_when_nothing_can_be_indexed(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let search = async || ada.get_json("/search?q=word").await.expect(200).json();
    socket.post("general", "the first word", "first").await;
    assert_eq!(search().await["results"].as_array().map(Vec::len), Some(1));
    let mut other = SqliteConnectOptions::new().filename(app.database.file()).connect().await.expect("the file is there");
    let mut said = 1;
    // Somebody else holds the database before the newest message is indexed.
    loop {
        socket.post("general", "another word", &format!("{said}")).await;
        said += 1;
        other.execute("begin immediate").await.expect("nobody writes for long");
        if waiting(&app.database).await > 0 {
            break;
        }
        other.execute("rollback").await.expect("it can let go");
    }
    let meanwhile = search().await;
    assert_eq!(meanwhile["building"], true, "{meanwhile}");
    assert_eq!(meanwhile["results"].as_array().map(Vec::len), Some(said - 1));
    other.execute("rollback").await.expect("it can let go");
    let afterwards = search().await;
    assert_eq!(afterwards["building"], serde_json::Value::Null, "{afterwards}");
    assert_eq!(afterwards["results"].as_array().map(Vec::len), Some(said));
}

#[apply(once)]
async fn what_was_not_indexed_before_a_stop_is_found_after_it(db: &Store) {
    let (author, general) = (db.author("old").await, db.general().await);
    let said = (1..=3).map(|seq| line(&author, seq, format!("said just before the end, w{seq}x")));
    db.write(general, said.collect()).await.expect("there is room");
    assert_eq!(waiting(&db.database).await, 3);
    db.close().await;
    let mut server = Server::start(db.database.url(), &[]).await;
    let ada = server.register("ada").await;
    let found = ada.get_json("/search?q=w2x").await.expect(200).json();
    assert_eq!(found["results"][0]["message"]["body"], "said just before the end, w2x", "{found}");
    assert_eq!(waiting(&db.database).await, 0);
    server.stop().await;
}

#[apply(once)]
async fn what_was_indexed_and_lost_with_the_power_is_indexed_again(db: &Store) {
    let (author, general) = (db.author("ada").await, db.general().await);
    db.write(general, vec![line(&author, 1, "said before the power failed".into())]).await.expect("there is room");
    let log = |file: &Path| PathBuf::from(format!("{}-wal", file.display()));
    // Whatever a post's commit has written is on the disk; what the index writes after it may not be.
    let synced = std::fs::metadata(log(&db.database.file())).expect("it was just written to").len();
    db.catch_up().await.expect("there is room");
    assert_eq!(waiting(&db.database).await, 0);
    let left = db.database.folder().join("left.db");
    std::fs::copy(db.database.file(), &left).expect("it can be read");
    let mut tail = std::fs::read(log(&db.database.file())).expect("it can be read");
    assert!(tail.len() as u64 > synced, "nothing was indexed");
    tail.truncate(usize::try_from(synced).expect("a short log"));
    std::fs::write(log(&left), tail).expect("the folder is the test's");
    let left = Db::open(&format!("sqlite://{}", left.display()), 1, Purpose::Visit).await.expect("it is whole");
    let hits = async || left.search(&word(author.id, "power"), i64::MAX, 9, None).await.expect("it can be asked").hits.len();
    assert_eq!(hits().await, 0);
    left.catch_up().await.expect("there is room");
    assert_eq!(hits().await, 1);
    left.close().await;
}

#[apply(once)]
async fn however_much_waits_is_indexed_once(db: &Store) {
    const MANY: i64 = 2_500;
    let (author, general) = (db.author("ada").await, db.general().await);
    for first in (1..MANY).step_by(500) {
        let said = (first..first + 500).map(|seq| line(&author, seq, format!("w{seq}x")));
        db.write(general, said.collect()).await.expect("there is room");
    }
    assert_eq!(waiting(&db.database).await, MANY);
    db.catch_up().await.expect("there is room");
    assert_eq!(waiting(&db.database).await, 0);
    for seq in [1, 1_024, 1_025, 2_048, 2_049, MANY] {
        let hits = db.search(&word(author.id, &format!("w{seq}x")), i64::MAX, 9, None).await.expect("it can be asked").hits;
        assert_eq!(hits.iter().map(|hit| hit.seq).collect::<Vec<_>>(), [seq]);
    }
    let before = size(&db.database).await;
    db.catch_up().await.expect("there is room");
    assert_eq!(size(&db.database).await, before);
}
