//! What was there is there again, in either kind of database.

use std::collections::BTreeSet;

use parlor::db::backup::KEPT;
use serde_json::{Value, json};

use super::{Origin, empty, kinds, restore, said, verify};
use crate::both;
use crate::files::send_one;
use crate::harness::{Database, Kind, Person, Server};

/// The rows of a table as far as a backup has them, in any order. SQLite has 0 and 1 for false and true.
async fn rows(database: &Database, table: &str) -> BTreeSet<String> {
    let plain = |value: Value| match value {
        Value::Bool(is_true) => json!(i64::from(is_true)),
        value => value,
    };
    let rows = database.rows(table).await.into_iter().filter(|row| table != "meta" || row["key"] == "device_key");
    let plain = rows.map(|row| match row {
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect()),
        other => other,
    });
    plain.map(|row| row.to_string()).collect()
}

/// A server's life in short: something in as many tables as pages reach.
async fn live(origin: &Origin, database: &Database) -> (Person, String, Value) {
    let (ada, eve) = (origin.server.register("ada").await, origin.server.register("eve").await);
    database.make_admin("ada").await;
    let room = ada.create_room("Pictures & “words”", "private").await;
    eve.enter("general").await;
    let (socket, _) = ada.join("general").await;
    let first = socket.post("general", "Hello **eve**, \\ \"quoted\" \u{1F600} \u{2028} @eve", "n1").await;
    let seq = &first["seq"];
    socket.ok("message", json!({ "room": "general", "body": "a reply", "nonce": "n2", "reply_to": seq })).await;
    socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "Hello @eve, a\nline more" })).await;
    socket.ok("react", json!({ "room": "general", "seq": seq, "emoji": "👍", "on": true })).await;
    socket.ok("pin", json!({ "room": "general", "seq": seq, "on": true })).await;
    ada.post("/admin/holds", &[("scope", "room"), ("target", "general"), ("reason", "Case 7")]).await.expect(303);
    let gone = socket.post("general", "soon gone", "n3").await;
    socket.ok("delete", json!({ "room": "general", "seq": gone["seq"] })).await;
    socket.ok("draft", json!({ "room": "general", "body": "not\tyet" })).await;
    let file = send_one(&ada, &room, "näme.txt", b"the content of a file").await;
    send_one(&ada, &room, "same.txt", b"the content of a file").await;
    send_one(&ada, &room, "large.bin", &vec![7; 3 << 20]).await;
    ada.post("/invites", &[("uses", "2"), ("days", "3"), ("note", "for Bob")]).await;
    ada.post("/people/eve/block", &[]).await.expect(303);
    eve.post(&format!("/rooms/general/{seq}/report"), &[("reason", "too friendly")]).await.expect(303);
    ada.post("/admin/settings", &[("server_name", "Tea & Talk")]).await.expect(303);
    (ada, room, file)
}

#[apply(both)]
async fn everything_is_there_again_in_either_kind_of_database(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let (ada, room, file) = live(&origin, database).await;
    // Nothing more is done behind it that a comparison would see.
    origin.server.stop().await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    let verified = verify(&archive, database.folder()).await;
    assert_eq!((verified.status, &said(&verified)["problems"]), (Some(0), &json!([])), "{verified:?}");
    assert_eq!(said(&verified)["files"], 2, "the same content is one file");
    for kind in kinds() {
        let copy = empty(kind).await;
        let (restored, files) = restore(&archive, &copy).await;
        assert_eq!(restored.status, Some(0), "{restored:?}");
        let mut filled = 0;
        for table in KEPT.iter().map(|table| table.name) {
            let (before, after) = (rows(database, table).await, rows(&copy, table).await);
            // Who has a job, and until when, is not restored.
            if !["jobs", "cleanups", "blobs"].contains(&table) {
                assert_eq!(after, before, "{table} on {kind:?}");
            }
            filled += usize::from(!after.is_empty());
        }
        assert!(filled >= 15, "only {filled} tables had rows");
        assert!(copy.rows("sessions").await.is_empty());
        let epoch = |rows: Vec<Value>| rows.into_iter().find(|row| row["key"] == "epoch").expect("an epoch")["value"].clone();
        let (old, new) = (epoch(database.rows("meta").await), epoch(copy.rows("meta").await));
        assert!(old != new && new == said(&restored)["epoch"], "{restored:?}");
        copy.check_rooms().await;

        let mut server = Server::start(copy.url(), &[("FILES_URL", &files)]).await;
        // The old session is not there.
        assert!(ada.at(&server.site).get("/rooms").await.expect(303).location().starts_with("/login"));
        let again = server.log_in("ada").await;
        let url = file["url"].as_str().expect("a file has an address");
        assert_eq!(again.get(url).await.expect(200).body, "the content of a file");
        let page = again.get("/rooms/general").await.expect(200).body.clone();
        assert!(page.contains("line more") && !page.contains("soon gone") && page.contains("Tea &#38; Talk"), "{page}");
        // What follows goes on where it was, with ids that nobody had.
        let last = copy.query("select max(id) as id from users").await[0]["id"].as_i64();
        server.register("bob").await;
        assert!(copy.query("select max(id) as id from users").await[0]["id"].as_i64() > last);
        let (socket, joined) = again.join(&room).await;
        let head = joined["head"]["seq"].as_i64().expect("a number");
        assert_eq!(socket.post(&room, "and on", "n9").await["seq"], head + 1);
        let found = async || again.get_json("/search?q=line").await.expect(200).json()["results"].as_array().map(Vec::len);
        let deadline = std::time::Instant::now() + crate::harness::DEADLINE;
        while found().await != Some(1) {
            assert!(std::time::Instant::now() < deadline, "search does not find what was restored");
        }
        server.stop().await;
        copy.check_rooms().await;
        copy.discard().await;
    }
}

#[apply(both)]
async fn a_database_that_is_not_empty_is_left_alone(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    ada.enter("general").await;
    ada.write("general", "what was here before").await.expect(303);
    let archive = origin.back_up(database, "backup.tar.gz").await;
    let (running, _) = restore(&archive, database).await;
    let why = if database.file().exists() { "in use by another Parlor" } else { "servers are running" };
    assert!(running.status == Some(1) && running.stderr.contains(why), "{running:?}");
    origin.server.stop().await;
    let (refused, _) = restore(&archive, database).await;
    assert!(refused.status == Some(1) && refused.stderr.contains("the database is not empty"), "{refused:?}");
    assert_eq!(database.rows("users").await.len(), 1);
    origin.server.start_again().await;
    assert!(origin.server.log_in("ada").await.get("/rooms/general").await.expect(200).body.contains("what was here before"));
    origin.server.stop().await;
}

#[apply(both)]
async fn a_database_of_another_program_is_left_alone(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    origin.server.stop().await;
    for kind in kinds() {
        let target = empty(kind).await;
        if kind == Kind::Sqlite {
            std::fs::File::create(target.file()).expect("an empty file is an empty database");
        }
        target.run("create table ledger (line text)").await;
        let (refused, _) = restore(&archive, &target).await;
        let why = "the database is not empty: it has a table ledger of another program";
        assert!(refused.status == Some(1) && refused.stderr.contains(why), "{refused:?}");
        assert!(target.rows("ledger").await.is_empty());
    }
}

/// A first start makes the tables and the room `general`: that is empty.
#[apply(both)]
async fn a_database_that_was_only_started_once_is_empty(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    ada.enter("general").await;
    ada.write("general", "hello").await.expect(303);
    origin.server.stop().await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    let copy = empty(database.kind).await;
    let mut server = Server::start(copy.url(), &[]).await;
    server.stop().await;
    let (restored, _) = restore(&archive, &copy).await;
    assert_eq!(restored.status, Some(0), "{restored:?}");
    assert_eq!(copy.rows("messages").await.len(), database.rows("messages").await.len());
    copy.discard().await;
}
