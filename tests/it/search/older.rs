//! Messages that are older than the index, and an index of another making.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Executor, PgPool, SqlitePool};

use super::{ask, find};
use crate::both;
use crate::harness::app::Server;
use crate::harness::{DEADLINE, Database, Kind, Person};

/// How many messages there are before the index; more than one step of its making.
const OLD: usize = 1_000;

/// Runs statements on a database from outside; with `to`, brings its schema to that number first.
pub(super) async fn prepare(database: &Database, to: Option<i64>, statements: &str) {
    let name = if database.kind == Kind::Sqlite { "sqlite" } else { "postgres" };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations").join(name);
    let migrator = Migrator::new(folder).await.expect("sqlx reads the folder");
    let statements = AssertSqlSafe(statements.to_owned());
    match database.kind {
        Kind::Sqlite => {
            let options = SqliteConnectOptions::new().filename(database.file()).create_if_missing(true);
            let pool = SqlitePool::connect_with(options).await.expect("it opens");
            if let Some(to) = to {
                migrator.run_to(to, &pool).await.expect("it migrates");
            }
            pool.execute(statements).await.expect("the statements are right");
            pool.close().await;
        }
        Kind::Postgres => {
            let pool = PgPool::connect(database.url()).await.expect("it opens");
            if let Some(to) = to {
                migrator.run_to(to, &pool).await.expect("it migrates");
            }
            pool.execute(statements).await.expect("the statements are right");
            pool.close().await;
        }
    }
}

/// Waits until the index is whole.
pub(super) async fn built(person: &Person) {
    let began = Instant::now();
    while ask(person, "anything", "").await.expect(200).json()["building"] == true {
        assert!(began.elapsed() < DEADLINE, "the index is never whole");
        tokio::task::yield_now().await;
    }
}

async fn found(person: &Person, q: &str) -> usize {
    let mut count = 0;
    let mut before = String::new();
    loop {
        let page = ask(person, q, &format!("&before={}", super::encode(&before))).await.expect(200).json();
        count += page["results"].as_array().expect("a list").len();
        match page["next"].as_str() {
            Some(next) => before = next.to_owned(),
            None => return count,
        }
    }
}

/// A database from before there was an index, with messages in it.
async fn old(database: &Database) {
    let mut statements = String::from(
        "insert into rooms (slug, name, visibility, created_at, seq, rev, talk_seq) values ('general', 'general', 'public', 0, 1003, 1003, 1003);
         insert into users (username, name, password_hash, created_at) values ('old', 'Old', 'x', 0);",
    );
    for number in 1..=OLD {
        let deleted = if number % 10 == 0 { "1" } else { "null" };
        let body = if number % 10 == 0 { String::new() } else { format!("old words 東京 {number}") };
        statements += &format!(
            "insert into messages (room_id, seq, rev, kind, author_id, body, html, created_at, deleted_at)
             select rooms.id, {number}, {number}, 'text', users.id, '{body}', '', 0, {deleted} from rooms, users;"
        );
    }
    for (seq, kind) in [(OLD + 1, "joined"), (OLD + 2, "topic"), (OLD + 3, "left")] {
        statements += &format!(
            "insert into messages (room_id, seq, rev, kind, author_id, body, html, created_at)
             select rooms.id, {seq}, {seq}, '{kind}', users.id, 'old words of the room', '', 0 from rooms, users;"
        );
    }
    prepare(database, Some(3), &statements).await;
}

#[apply(both)]
async fn messages_from_before_there_was_an_index_are_found(database: &Database) {
    old(database).await;
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    // While it is being made, everything else goes on.
    for number in 0..20 {
        socket.post("general", &format!("new words {number}"), &format!("n{number}")).await;
    }
    built(&ada).await;
    assert_eq!(found(&ada, "words").await, OLD - OLD / 10 + 20);
    assert_eq!(found(&ada, "old").await, OLD - OLD / 10);
    assert_eq!(found(&ada, "京").await, OLD - OLD / 10);
    assert_eq!(find(&ada, "\"京 777\"").await, ["old words 東京 777"]);
    server.stop().await;
}

#[apply(both)]
async fn changes_of_messages_that_are_not_indexed_yet_are_not_lost(database: &Database) {
    old(database).await;
    prepare(database, None, "update messages set author_id = (select min(id) from users)").await;
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    // By hand, so that whatever the making of the index is doing, these come in between.
    prepare(database, None, "update messages set author_id = (select id from users where username = 'ada')").await;
    let seqs: Vec<_> = (1..OLD).step_by(3).filter(|seq| seq % 10 != 0).collect();
    let mut edited = 0;
    for some in seqs.chunks(50) {
        let mut pending = Vec::new();
        for seq in some {
            let (event, data) = if seq % 2 == 0 {
                ("delete", json!({ "room": "general", "seq": seq }))
            } else {
                edited += 1;
                ("edit", json!({ "room": "general", "seq": seq, "body": format!("edited {seq}") }))
            };
            pending.push(socket.send(event, data).await);
        }
        for one in pending {
            assert_eq!(one.acknowledgement().await["ok"], true);
        }
    }
    built(&ada).await;
    assert_eq!(found(&ada, "edited").await, edited);
    assert_eq!(found(&ada, "old").await, OLD - OLD / 10 - seqs.len());
    server.stop().await;
}

#[apply(both)]
async fn the_making_of_the_index_goes_on_where_it_was(database: &Database) {
    old(database).await;
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    for _ in 0..3 {
        server.stop().await;
        server.start_again().await;
    }
    let ada = server.log_in(&ada.username).await;
    built(&ada).await;
    assert_eq!(found(&ada, "old").await, OLD - OLD / 10);
    server.stop().await;
    // An index of another program's making is made anew, once.
    prepare(database, None, "update meta set value = '999' where key = 'search_version'").await;
    server.start_again().await;
    let ada = server.log_in(&ada.username).await;
    built(&ada).await;
    assert_eq!(found(&ada, "old").await, OLD - OLD / 10);
    let meta = database.query("select key, value from meta where key = 'search_before'").await;
    assert_eq!(meta[0]["value"], "0");
    server.stop().await;
}
