//! When previews are there, and when they are gone.

use std::fs;

use image::ImageFormat;
use serde_json::json;

use super::fixtures::{corners, photo, preview, saved};
use crate::files::{objects, send, send_one, somebody, tus};
use crate::harness::process::run;
use crate::harness::{DEADLINE, Database, Server, TestApp};
use crate::{both, everywhere};

#[apply(everywhere)]
async fn previews_are_for_those_who_may_read_the_room(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let grace = app.register("grace").await;
    let file = send_one(&ada, &room, "a.png", &saved(&corners(900, 900), ImageFormat::Png)).await;
    preview(&ada, &file, "").await;
    grace.get(file["preview"].as_str().unwrap()).await.expect(404);
    // An upload, before a message takes it.
    let id = tus::upload(&ada, &saved(&corners(90, 90), ImageFormat::Png)).await;
    let own = json!({ "preview": format!("/files/{id}/preview") });
    preview(&ada, &own, "").await;
    grace.get(own["preview"].as_str().unwrap()).await.expect(404);
}

#[apply(both)]
async fn previews_go_with_their_message(app: &TestApp) {
    let (ada, room) = somebody(app).await;
    let answer = send(&ada, &room, crate::files::form(&[("a.jpg", &photo(&corners(2000, 900), 1, None))])).await;
    let message = answer.expect(201).json()["message"].clone();
    preview(&ada, &message["attachments"][0], "").await;
    // The picture, and three previews: the large one is twice as large for screens with two pixels.
    assert_eq!(app.database.rows("previews").await.len(), 4);
    let folder = app.files.path().join("blobs");
    assert_eq!(objects(&folder).len(), 5);
    let (socket, _) = ada.join(&room).await;
    socket.ok("delete", json!({ "room": room, "seq": message["seq"] })).await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !objects(&folder).is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "previews stay: {:?}", objects(&folder));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(app.database.rows("previews").await.is_empty());
}

#[apply(both)]
async fn previews_are_checked_and_moved_with_their_files(database: &Database) {
    let folder = database.folder().join("files");
    let url = format!("file://{}", folder.display());
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*url)];
    let mut server = Server::start(database.url(), &[("FILES_URL", &url)]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let file = send_one(&ada, &room, "a.jpg", &photo(&corners(600, 600), 1, None)).await;
    // 300 for the small one, 600 for the others, which are the same.
    preview(&ada, &file, "").await;
    server.stop().await;
    let sound = run(database.folder(), &["files", "check", "--content"], &settings, "").await;
    assert_eq!((sound.status, sound.stderr.contains("checked 3 objects")), (Some(0), true), "{sound:?}");
    let target = format!("file://{}", database.folder().join("moved").display());
    let moved = run(database.folder(), &["files", "move", "--to", &target], &settings, "").await;
    assert_eq!((moved.status, moved.stdout.contains("copied 3 objects")), (Some(0), true), "{moved:?}");
    fs::remove_dir_all(&folder).unwrap();
    let gone = run(database.folder(), &["files", "check"], &settings, "").await;
    assert!(gone.status == Some(2) && gone.stderr.contains("FILES_URL: there is no such directory"), "{gone:?}");
    fs::create_dir(&folder).unwrap();
    let lost = run(database.folder(), &["files", "check"], &settings, "").await;
    assert_eq!((lost.status, lost.stdout.lines().count()), (Some(1), 3), "{lost:?}");
    let mut server = Server::start(database.url(), &[("FILES_URL", &target)]).await;
    let ada = server.log_in("ada").await;
    preview(&ada, &file, "?size=large").await;
    server.stop().await;
}
