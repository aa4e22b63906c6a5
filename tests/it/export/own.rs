//! People download their own data on the website: they alone, once a day, for a week.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::accounts::tokens::{Program, secret};
use crate::both;
use crate::files::{objects, send_one};
use crate::harness::{DEADLINE, Database, Person, Server, TestApp};

/// A day and a week, and a little more.
const DAY: Duration = Duration::from_secs(24 * 60 * 60 + 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60 + 60);

async fn state(person: &Person) -> Value {
    person.get_json("/settings/data").await.expect(200).json()["data"].clone()
}

/// Where somebody's archive is, once it is made.
async fn archive(person: &Person) -> Value {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let state = state(person).await;
        if !state["archive"].is_null() && state["waiting"] == false {
            return state["archive"].clone();
        }
        assert!(state["failed"] == false && Instant::now() < deadline, "{state}");
    }
}

fn url(archive: &Value) -> &str {
    archive["url"].as_str().expect("an address")
}

/// The members of an archive that somebody downloads.
async fn download(person: &Person, archive: &Value) -> BTreeMap<String, Vec<u8>> {
    let answer = person.request(reqwest::Method::GET, url(archive)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let bytes = answer.bytes().await.expect("the bytes");
    assert_eq!(Some(bytes.len() as u64), archive["bytes"].as_u64());
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
    let entries = tar.entries().expect("a tar").map(|entry| {
        let mut entry = entry.expect("a member");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("it can be read");
        (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), content)
    });
    entries.collect()
}

#[apply(both)]
async fn somebody_downloads_their_own_data(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    ada.enter("general").await;
    eve.enter("general").await;
    ada.write("general", "a word of Ada’s").await.expect(303);
    eve.write("general", "a word of Eve’s").await.expect(303);
    send_one(&ada, "general", "mine.txt", b"a file of Ada's").await;
    assert_eq!(state(&ada).await, json!({ "archive": null, "waiting": false, "failed": false, "may_ask": true }));
    assert!(ada.get("/settings").await.expect(200).body.contains("href=\"/settings/data\""));

    assert_eq!(ada.post("/settings/data", &[]).await.expect(303).location(), "/settings/data");
    let made = archive(&ada).await;
    assert_eq!(made["name"], "parlor-ada.tar.gz");
    let members = download(&ada, &made).await;
    let text = |name: &str| String::from_utf8(members[&format!("parlor-ada/{name}")].clone()).expect("a text");
    assert!(text("person.json").contains("\"username\":\"ada\"") && text("index.html").contains("person.json"));
    assert!(text("messages/1.jsonl").contains("a word of Ada’s") && !text("messages/1.jsonl").contains("Eve"));
    assert!(members.iter().any(|(name, content)| name.starts_with("parlor-ada/files/") && content == b"a file of Ada's"));
    let page = ada.get("/settings/data").await.expect(200).body.clone();
    assert!(page.contains("Ready to download") && page.contains(url(&made)) && !page.contains("Put my data together"), "{page}");
    // It is told, and told apart from what others do.
    let audit = app.database.query("select actor, action, target from audit where action = 'user.export'").await;
    assert_eq!(audit, [json!({ "actor": "ada", "action": "user.export", "target": "ada" })]);
    // It counts against nobody's share.
    assert!(ada.get("/settings").await.body.contains("15 bytes"));
}

#[apply(both)]
async fn nobody_else_downloads_it_and_nobody_asks_too_often(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("eve").await;
    ada.post("/settings/data", &[]).await.expect(303);
    let made = archive(&ada).await;
    // Not even an administrator, and not as a part of a message.
    eve.get(url(&made)).await.expect(404);
    assert_eq!(state(&eve).await["archive"], json!(null));
    let stranger = app.stranger();
    assert!(stranger.get("/settings/data").await.expect(303).location().starts_with("/login"));
    assert!(stranger.post("/settings/data", &[]).await.expect(303).location().starts_with("/login"));
    assert_ne!(stranger.get(url(&made)).await.status, 200);
    let id = url(&made).split('/').nth(2).expect("an id").to_owned();
    ada.enter("general").await;
    let (socket, _) = ada.join("general").await;
    let taken = json!({ "room": "general", "body": "", "nonce": "n1", "attachments": [id] });
    assert_eq!(socket.refused("message", taken).await, "invalid");
    ada.request(reqwest::Method::DELETE, &format!("/uploads/{id}")).header("tus-resumable", "1.0.0").send().await.unwrap();
    ada.get(url(&made)).await.expect(200);

    let again = ada.post("/settings/data", &[]).await;
    let wait: u64 = again.expect(429).header("retry-after").parse().expect("seconds");
    assert!((23 * 3600..=24 * 3600).contains(&wait), "{wait}");
    assert_eq!(state(&ada).await["may_ask"], false);
    app.pass(DAY);
    let ada = app.log_in("ada").await;
    ada.post("/settings/data", &[]).await.expect(303);
    let deadline = Instant::now() + DEADLINE;
    while url(&archive(&ada).await) == url(&made) {
        assert!(Instant::now() < deadline, "no second one");
    }
    // A session that began long ago proves again whose it is.
    app.pass(DAY);
    assert!(ada.post("/settings/data", &[]).await.expect(303).location().starts_with("/confirm"));
    let asked = ada.form("/settings/data", &[]).header("accept", "application/json");
    assert_eq!(crate::harness::Answer::of(asked).await.code(), "confirmation_required");
}

#[apply(both)]
async fn no_token_downloads_it_or_is_told_where_it_is(app: &TestApp) {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    ada.post("/settings/data", &[]).await.expect(303);
    let made = archive(&ada).await;
    let id = url(&made).split('/').nth(2).expect("an id");
    for scopes in ["read", "read write", "read write admin"] {
        let program = Program::new(app, &secret(&ada, scopes).await);
        assert_eq!(program.get("/settings/data").await.expect(403).code(), "forbidden", "{scopes}");
        for path in [url(&made), &format!("/api/v1/files/{id}"), &format!("/files/{id}/preview")] {
            assert_eq!(program.get(path).await.expect(404).code(), "not_found", "{path} with {scopes}");
        }
    }
    ada.get(url(&made)).await.expect(200);
}

#[apply(both)]
async fn it_is_gone_after_a_week_with_its_bytes_and_with_the_account(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    for person in [&ada, &eve] {
        person.post("/settings/data", &[]).await.expect(303);
    }
    let (hers, theirs) = (archive(&ada).await, archive(&eve).await);
    assert_eq!(objects(&app.files.path().join("blobs")).len(), 2);
    let deletion = [("password", crate::harness::site::PASSWORD), ("confirm", "eve"), ("messages", "keep")];
    eve.post("/settings/account/delete", &deletion).await.expect(303);
    assert!(app.database.query("select id from files where purpose = 'export'").await.len() == 1, "{theirs}");
    app.pass(WEEK);
    let ada = app.log_in("ada").await;
    ada.get(url(&hers)).await.expect(404);
    assert_eq!(state(&ada).await["archive"], json!(null));
    let deadline = Instant::now() + DEADLINE;
    while !objects(&app.files.path().join("blobs")).is_empty() {
        assert!(Instant::now() < deadline, "the bytes stay");
    }
}

/// There must be room for copies of one's files, beyond those of everybody.
#[apply(both)]
async fn nobody_fills_the_space_for_files_with_their_data(database: &Database) {
    let mut server = Server::start(database.url(), &[("FILE_SPACE", "100KB")]).await;
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    ada.enter("general").await;
    eve.enter("general").await;
    send_one(&ada, "general", "large.bin", &vec![7; 60_000]).await;
    send_one(&eve, "general", "small.bin", &vec![8; 10_000]).await;
    ada.post("/settings/data", &[]).await.expect(507);
    let asked = ada.form("/settings/data", &[]).header("accept", "application/json");
    assert_eq!(crate::harness::Answer::of(asked).await.code(), "unavailable");
    assert_eq!(state(&ada).await, json!({ "archive": null, "waiting": false, "failed": false, "may_ask": true }));
    assert!(database.query("select id from jobs where kind = 'data_export'").await.is_empty());
    assert!(database.query("select id from audit where action = 'user.export'").await.is_empty());
    eve.post("/settings/data", &[]).await.expect(303);
    archive(&eve).await;
    server.stop().await;
}

/// One that failed is not made again and again because somebody asks.
#[apply(both)]
async fn after_a_failure_somebody_asks_again_an_hour_later(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let now = app.clock.now().0;
    app.database
        .run(&format!(
            "insert into jobs (kind, payload, created_at, due_at, dead_at, last_error)
             select 'data_export', '{{\"user\":' || cast(id as text) || '}}', {now}, {now}, {now}, 'no room' from users where username = 'ada'"
        ))
        .await;
    assert_eq!(state(&ada).await, json!({ "archive": null, "waiting": false, "failed": true, "may_ask": false }));
    let page = ada.get("/settings/data").await.expect(200).body.clone();
    assert!(page.contains("Try again in an hour") && !page.contains("Put my data together"), "{page}");
    let wait: u64 = ada.post("/settings/data", &[]).await.expect(429).header("retry-after").parse().expect("seconds");
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    eve.post("/settings/data", &[]).await.expect(303);
    app.pass(Duration::from_secs(3_601));
    // Who proved long ago who they are is asked first.
    let ada = app.log_in("ada").await;
    assert_eq!(state(&ada).await["may_ask"], true);
    ada.post("/settings/data", &[]).await.expect(303);
    archive(&ada).await;
}

/// A guest has data, too.
#[apply(both)]
async fn a_guest_downloads_theirs(app: &TestApp) {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    let gus = app.register("gus").await;
    ada.post("/admin/people/gus/role", &[("role", "guest")]).await.expect(303);
    let gus = app.log_in(&gus.username).await;
    gus.post("/settings/data", &[]).await.expect(303);
    let members = download(&gus, &archive(&gus).await).await;
    assert!(members.contains_key("parlor-gus/person.json"), "{:?}", members.keys());
}
