//! Previews, as whoever makes them stores them.

use std::sync::Arc;

use parlor::clock::Clock;
use parlor::config::Config;
use parlor::db::{Db, Purpose};
use parlor::files::Files;
use parlor::files::adding::{Found, MadePreview};
use parlor::jobs::Jobs;
use serde_json::json;

use super::{objects, send_one};
use crate::both;
use crate::harness::{DEADLINE, Database, Server};

#[apply(both)]
async fn previews_are_served_and_go_with_their_file(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let file = send_one(&ada, &room, "a.bin", b"\0\x01\x02").await;
    let id = file["id"].as_str().unwrap().to_owned();
    ada.get(&format!("/files/{id}/preview")).await.expect(404);
    let folder = server.files.path().to_owned();
    server.stop().await;
    add(database, &folder, &id).await;
    server.start_again().await;
    for (query, body) in [("", "small"), ("?size=small&density=2", "larger"), ("?size=large&density=2", "large")] {
        let answer = ada.get(&format!("/files/{id}/preview{query}")).await;
        assert_eq!((&*answer.expect(200).body, answer.header("content-type")), (body, "image/png"), "{query}");
    }
    ada.get(&format!("/files/{id}/preview?size=huge")).await.expect(422);
    let (socket, _) = ada.join(&room).await;
    let messages = ada.get_json(&format!("/rooms/{room}")).await.json()["messages"].clone();
    let seq = messages.as_array().unwrap().iter().find(|message| message["attachments"].is_array()).unwrap()["seq"].clone();
    socket.ok("delete", json!({ "room": room, "seq": seq })).await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !objects(&folder.join("blobs")).is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "previews stay");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.stop().await;
}

/// Adds previews to a file, as a job would; the second time they replace the first ones.
async fn add(database: &Database, folder: &std::path::Path, id: &str) {
    let db = Arc::new(Db::open(database.url(), 4, Purpose::Serve).await.unwrap());
    let url = format!("file://{}", folder.display());
    let config = Config::from_env([("FILES_URL".to_owned(), url)]).ok().unwrap();
    let files = Files::open(db.clone(), &config, Clock::default(), Jobs::open(db.clone(), Clock::default())).unwrap();
    let made = files.temporary_folder().unwrap();
    let preview = |size, density, content: &str| {
        let path = made.path().join(content);
        std::fs::write(&path, content).unwrap();
        MadePreview { size, density, path, media_type: "image/png".into(), width: 4, height: 3 }
    };
    for content in ["another", "small"] {
        let previews = [preview("small", 1, content), preview("small", 2, "larger"), preview("large", 1, "large")];
        let found = Found { width: Some(40), height: Some(30), blur: None };
        assert!(files.add_previews(id, &previews, &found).await.unwrap());
    }
    assert!(!files.add_previews("of-nobody", &[preview("small", 1, "lost")], &Found::default()).await.unwrap());
    let copy = made.path().join("copy");
    assert_eq!(files.fetch_file(id, &copy).await.unwrap().as_deref(), Some("application/octet-stream"));
    assert_eq!(std::fs::read(&copy).unwrap(), b"\0\x01\x02");
    db.close().await;
}
