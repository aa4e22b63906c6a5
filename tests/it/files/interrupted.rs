//! Uploads that are interrupted: by a lost connection, a killed server, a storage that is away, a full disk.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{form, objects, send, tus};
use crate::both;
use crate::harness::programs::Program;
use crate::harness::servers::Script;
use crate::harness::{Answer, Database, Nodes, ObjectStorage, Person, Server, process};
use crate::{nodes, once};

/// The bytes that `upload.js` sends.
fn made_up(bytes: u32) -> Vec<u8> {
    (0..bytes / 4).flat_map(|at| (at * 4).to_le_bytes()).collect()
}

async fn sent(client: &Script, least: u64) -> Value {
    loop {
        let said = client.next().await;
        assert!(said["error"].is_null(), "{said}");
        if said["sent"].as_u64().is_some_and(|sent| sent >= least) || said["id"].is_string() {
            return said;
        }
    }
}

#[apply(once)]
async fn the_official_client_goes_on_after_the_server_was_killed(database: &Database) {
    const BYTES: u32 = 24 << 20;
    if !Program::Servers.is_here_or_may_be_missing() {
        return;
    }
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let listen = server.address.to_string();
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let arguments = [&*ada.site.origin.clone(), &*ada.cookies(), &BYTES.to_string(), &(1 << 20).to_string()];
    let Some(client) = Script::start("upload.js", &arguments).await else { return };
    for part in 1..4 {
        sent(&client, (part * 4) << 20).await;
        server.kill().await;
        server = process::start(database.folder(), database.url(), &[("LISTEN", &listen)]).await;
    }
    let said = sent(&client, u64::MAX).await;
    let id = said["id"].as_str().expect("an id");
    let posted = super::post(&ada, &room, &[id]).await;
    let file = &posted["message"]["attachments"][0];
    assert_eq!((&file["name"], &file["bytes"]), (&json!("made-up.bin"), &json!(BYTES)));
    let back = ada.request(Method::GET, file["url"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert!(Sha256::digest(&back) == Sha256::digest(made_up(BYTES)), "other bytes came back");
    server.kill().await;
}

/// Sends a part of a body, and then breaks the connection.
async fn broken(person: &Person, path: &str, begun: &[u8], length: usize) {
    use tokio::io::AsyncWriteExt;
    let mut stream = tokio::net::TcpStream::connect(person.site.address).await.expect("it listens");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: {length}\r\n\r\n",
        person.site.address,
        person.cookies()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(begun).await.unwrap();
    stream.flush().await.unwrap();
    // Half-closed: what was sent arrives before the end.
    stream.shutdown().await.unwrap();
}

#[apply(both)]
async fn what_had_come_when_the_connection_broke_is_kept(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let path = tus::begin(&ada, 10).await;
    broken(&ada, &path, b"0123", 10).await;
    // Whoever asks ends what runs, so this waits until it has been read.
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    while objects(&server.files.path().join("uploads")).is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "nothing is kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(tus::offset(&ada, &path).await, "4");
    server.stop().await;
    server.start_again().await;
    assert_eq!(tus::offset(&ada, &path).await, "4");
    tus::append(&ada, &path, 4, b"456789").await.expect(204);
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(ada.get(&format!("/files/{id}/a.txt")).await.expect(200).body, "0123456789");
    server.stop().await;
}

#[apply(nodes)]
async fn while_the_storage_is_away_nothing_is_half_done(app: &Nodes) {
    let storage: &ObjectStorage = app.storage.as_ref().unwrap();
    let ada = app.a.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let path = tus::begin(&ada, 4).await;
    let file = super::send_one(&ada, &room, "a.txt", b"before").await;
    storage.stop();
    let refused = send(&ada, &room, form(&[("b.txt", b"meanwhile")])).await;
    assert_eq!(refused.expect(503).json()["error"]["code"], "unavailable");
    tus::append(&ada, &path, 0, b"abcd").await.expect(503);
    assert_eq!(tus::offset(&ada, &path).await, "0");
    ada.get(file["url"].as_str().unwrap()).await.expect(503);
    // Messages do without it.
    ada.write(&room, "only words").await.expect(303);
    storage.start_again().await;
    tus::append(&ada, &path, 0, b"abcd").await.expect(204);
    assert_eq!(ada.get(file["url"].as_str().unwrap()).await.expect(200).body, "before");
    assert_eq!(objects(&storage.folder()).iter().filter(|object| object.contains("blobs")).count(), 2);
}

#[apply(once)]
async fn a_slow_upload_takes_its_time(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let path = tus::begin(&ada, 18).await;
    // Longer than any other request may take.
    let drops = futures_util::stream::unfold(0u8, |drop| async move {
        if drop == 18 {
            return None;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>(vec![b'a' + drop]), drop + 1))
    });
    let patch = ada.request(Method::PATCH, &path).header("tus-resumable", "1.0.0").header("upload-offset", 0);
    let patch = patch.header("content-type", "application/offset+octet-stream").body(reqwest::Body::wrap_stream(drops));
    let patch = patch.timeout(Duration::from_secs(120));
    Answer::of(patch).await.expect(204);
    server.stop().await;
}
