//! What becomes of bytes whose message, upload or room is gone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{attachments, form, objects, send, send_one, somebody, tus};
use crate::harness::{Answer, DEADLINE, Nodes, Person, TestApp};
use crate::{both, nodes};

/// Waits until a folder has so many objects.
pub async fn comes_to(folder: &Path, count: usize) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while objects(folder).len() != count {
        assert!(tokio::time::Instant::now() < deadline, "{:?} are there, and not {count}", objects(folder));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until these tables are empty: a row outlives its object, and a job its work.
async fn are_empty(app: &TestApp, tables: &[&str]) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    for table in tables {
        while !app.database.rows(table).await.is_empty() {
            assert!(tokio::time::Instant::now() < deadline, "{table}: {:?}", app.database.rows(table).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn blobs(app: &TestApp) -> PathBuf {
    app.files.path().join("blobs")
}

async fn message_with_files(person: &Person, room: &str) -> Value {
    let messages = person.get_json(&format!("/rooms/{room}")).await.json()["messages"].clone();
    messages.as_array().unwrap().iter().rev().find(|message| message["attachments"].is_array()).unwrap()["seq"].clone()
}

#[apply(both)]
async fn bytes_go_with_the_last_message_that_has_them(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let (socket, _) = ada.join(&room).await;
    send_one(&ada, &room, "one.txt", b"the same").await;
    let first = message_with_files(&ada, &room).await;
    let kept = attachments(&send(&ada, &room, form(&[("two.txt", b"the same"), ("three.txt", b"another")])).await);
    let second = message_with_files(&ada, &room).await;
    socket.ok("delete", json!({ "room": room, "seq": first })).await;
    comes_to(&blobs(app), 2).await;
    assert_eq!(ada.get(kept[0]["url"].as_str().unwrap()).await.expect(200).body, "the same");
    // Editing the text keeps the files; an empty one too.
    socket.ok("edit", json!({ "room": room, "seq": second, "body": "" })).await;
    ada.get(kept[1]["url"].as_str().unwrap()).await.expect(200);
    socket.ok("delete", json!({ "room": room, "seq": second })).await;
    comes_to(&blobs(app), 0).await;
    are_empty(app, &["blobs", "files"]).await;
    // The same content again, after it was deleted.
    let again = send_one(&ada, &room, "one.txt", b"the same").await;
    assert_eq!(ada.get(again["url"].as_str().unwrap()).await.expect(200).body, "the same");
}

#[apply(both)]
async fn bytes_go_with_their_upload_and_with_their_room(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let begun = tus::begin(&ada, 10).await;
    tus::append(&ada, &begun, 0, b"01234").await.expect(204);
    let whole = tus::upload(&ada, b"whole").await;
    let parts = tus::begin(&ada, 4).await;
    tus::append(&ada, &parts, 0, b"ab").await.expect(204);
    tus::append(&ada, &parts, 2, b"cd").await.expect(204);
    comes_to(&blobs(app), 2).await;
    // The parts of a whole upload are gone.
    comes_to(&app.files.path().join("uploads"), 1).await;
    for path in [begun, format!("/uploads/{whole}")] {
        let delete = ada.request(Method::DELETE, &path).header("tus-resumable", "1.0.0");
        Answer::of(delete).await.expect(204);
    }
    comes_to(&app.files.path().join("uploads"), 0).await;
    comes_to(&blobs(app), 1).await;
    app.pass(Duration::from_secs(24 * 60 * 60 + 1));
    // Nobody took the other one.
    comes_to(&blobs(app), 0).await;
    send_one(&ada, &room, "one.txt", b"of the room").await;
    ada.post(&format!("/rooms/{room}/delete"), &[("confirm", &room)]).await.expect(303);
    comes_to(&blobs(app), 0).await;
    are_empty(app, &["jobs"]).await;
}

#[apply(nodes)]
async fn bytes_that_the_storage_could_not_delete_go_later(app: &Nodes) {
    let storage = app.storage.as_ref().unwrap();
    let ada = app.a.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    send_one(&ada, &room, "one.txt", b"one").await;
    let (socket, _) = ada.join(&room).await;
    let seq = message_with_files(&ada, &room).await;
    storage.stop();
    socket.ok("delete", json!({ "room": room, "seq": seq })).await;
    storage.start_again().await;
    let folder = storage.folder().join("blobs");
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !objects(&folder).is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the object stays");
        // The next attempt, and the end of the lease of the one that failed.
        app.a.pass(Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
