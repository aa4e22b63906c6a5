//! Each thing that a check looks for is found once it is there.

use parlor::db::{Db, Purpose};

use crate::files::send_one;
use crate::harness::{Database, Kind, Server};
use crate::{both, once};

/// What is told, what does the damage, and what undoes it.
const DAMAGES: [(&str, &str, &str); 11] = [
    (
        "the log of a room has gaps",
        "update messages set seq = seq + 100 where body = 'last'",
        "update messages set seq = seq - 100 where body = 'last'",
    ),
    (
        "the last change of a room is not in its log, or two messages share one",
        "update rooms set rev = rev + 1 where seq > 0",
        "update rooms set rev = rev - 1 where seq > 0",
    ),
    ("a room counts its members wrongly", "update rooms set members = members + 1", "update rooms set members = members - 1"),
    (
        "somebody has read further than a room goes",
        "update memberships set read_seq = read_seq + 1000",
        "update memberships set read_seq = read_seq - 1000",
    ),
    (
        "a message replies to one that is not before it",
        "update messages set reply_to = seq where body = 'last'",
        "update messages set reply_to = null where body = 'last'",
    ),
    (
        "a message is in a thread that does not exist",
        "update messages set thread = seq + 1 where body = 'last'",
        "update messages set thread = null where body = 'last'",
    ),
    (
        "a deleted message has kept its text",
        "update messages set deleted_at = 1 where body = 'last'",
        "update messages set deleted_at = null where body = 'last'",
    ),
    ("a mention is of another message than it says", "update mentions set seq = seq + 1", "update mentions set seq = seq - 1"),
    (
        "a file belongs to a message that does not exist",
        "update files set seq = seq + 1000 where room_id is not null",
        "update files set seq = seq - 1000 where room_id is not null",
    ),
    ("a file has another size than its content", "update blobs set bytes = bytes + 1", "update blobs set bytes = bytes - 1"),
    (
        "a message that is to be indexed does not exist",
        "insert into unindexed (message_id) values (4711)",
        "delete from unindexed where message_id = 4711",
    ),
];

/// A database with something of everything that is checked.
async fn furnish(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let eve = server.register("eve").await;
    let room = ada.create_room("Pictures", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    send_one(&ada, &room, "notes.txt", b"some notes").await;
    eve.write(&room, "look, @ada").await.expect(303);
    ada.write(&room, "last").await.expect(303);
    server.stop().await;
    let db = Db::open(database.url(), 2, Purpose::Visit).await.expect("a database");
    db.catch_up().await.expect("it can be indexed");
    db.close().await;
}

/// What is found in a database.
async fn found(database: &Database) -> Vec<String> {
    let db = Db::open(database.url(), 2, Purpose::Visit).await.expect("a database");
    let found = db.broken_invariants().await.expect("it can be looked through");
    db.close().await;
    found
}

/// Changes what the database itself would refuse.
async fn force(database: &Database, statement: &str) {
    let without_references = match database.kind {
        Kind::Sqlite => "pragma foreign_keys = off; pragma ignore_check_constraints = on",
        Kind::Postgres => "set session_replication_role = replica",
    };
    database.run(&format!("{without_references}; {statement}")).await;
}

#[apply(both)]
async fn everything_that_a_check_looks_for_is_found(database: &Database) {
    furnish(database).await;
    assert_eq!(found(database).await, Vec::<String>::new());
    for (told, damage, repair) in DAMAGES {
        force(database, damage).await;
        let problems = found(database).await;
        assert!(problems.len() == 1 && problems[0].starts_with(told), "{damage}: {problems:#?}");
        force(database, repair).await;
        assert_eq!(found(database).await, Vec::<String>::new(), "{repair}");
    }
}

#[apply(once)]
async fn an_index_that_is_damaged_is_found(database: &Database) {
    furnish(database).await;
    // Pieces of the index, but for its own list of them.
    force(database, "delete from words_data where id > 10").await;
    let problems = found(database).await;
    // SQLite's own check looks at such tables too.
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(problems[0].starts_with("SQLite finds the file damaged"), "{problems:#?}");
    assert!(problems[1].starts_with("the search index is damaged"), "{problems:#?}");
}
