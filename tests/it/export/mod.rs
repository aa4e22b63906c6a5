//! Exports: made while people write, as records and as pages, whole or not at all.

mod commands;
mod interrupted;
mod own;
mod pages;
mod people;
mod records;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::files::send_one;
use crate::harness::process::{Ended, run};
use crate::harness::{Database, Person, Server};

/// Exports into a folder of the test's.
async fn export(server: &Server, database: &Database, arguments: &[&str], to: &str) -> (Ended, PathBuf) {
    let to = database.folder().join(to);
    let place = to.to_str().expect("tests have plain paths");
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", server.setting("FILES_URL"))];
    let all = [&["export"], arguments, &["--to", place]].concat();
    (run(database.folder(), &all, &settings, "").await, to)
}

/// The same, of which nothing is left out.
pub async fn exported(server: &Server, database: &Database, arguments: &[&str], to: &str) -> PathBuf {
    let (ended, to) = export(server, database, arguments, to).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    to
}

/// A private room with everything that a room can have. Returns its owner, another member, and its slug.
pub async fn live(server: &Server) -> (Person, Person, String) {
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    let room = ada.create_room("Tea & Talk", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "eve")]).await.expect(303);
    let (socket, _) = ada.join(&room).await;
    let (hers, _) = eve.join(&room).await;
    let first = socket.post(&room, "Hello @eve, **this** is `code`", "n1").await;
    let seq = &first["seq"];
    hers.ok("message", json!({ "room": room, "body": "a reply \u{2028} to you", "nonce": "n2", "reply_to": seq })).await;
    socket.ok("edit", json!({ "room": room, "seq": seq, "body": "Hello @eve, once *more*\n\n```rust\nfn main() {}\n```" })).await;
    hers.ok("react", json!({ "room": room, "seq": seq, "emoji": "👍", "on": true })).await;
    socket.ok("react", json!({ "room": room, "seq": seq, "emoji": "👍", "on": true })).await;
    hers.ok("react", json!({ "room": room, "seq": seq, "emoji": "🎉", "on": true })).await;
    socket.ok("pin", json!({ "room": room, "seq": seq, "on": true })).await;
    let gone = socket.post(&room, "soon gone", "n3").await;
    socket.ok("delete", json!({ "room": room, "seq": gone["seq"] })).await;
    send_one(&ada, &room, "näme.txt", b"the content of a file").await;
    (ada, eve, room)
}

/// A file of records, each line an object.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("it is there")).expect("it is JSON")
}

/// The name of everything in a folder, hidden entries among them.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
