//! `parlor files`: checking and moving.

use std::fs;

use super::{objects, send_one, tus};
use crate::harness::process::run;
use crate::harness::{Database, ObjectStorage, Server};
use crate::{both, once};

#[apply(both)]
async fn a_check_finds_what_is_missing_damaged_or_unknown(database: &Database) {
    let files = database.folder().join("files");
    let url = format!("file://{}", files.display());
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &url)];
    let mut server = Server::start(database.url(), &[("FILES_URL", &url)]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for name in ["one", "two", "three"] {
        send_one(&ada, &room, name, name.as_bytes()).await;
    }
    let path = tus::begin(&ada, 10).await;
    tus::append(&ada, &path, 0, b"half").await.expect(204);
    server.stop().await;
    let sound = run(database.folder(), &["files", "check", "--content"], &settings, "").await;
    assert_eq!((sound.status, &*sound.stdout), (Some(0), ""), "{sound:?}");
    assert!(sound.stderr.contains("check: 50%\n") && sound.stderr.contains("check: 100%\nchecked 4 objects"), "{sound:?}");
    let blobs = objects(&files.join("blobs"));
    fs::remove_file(&blobs[0]).unwrap();
    fs::write(&blobs[1], vec![b'x'; fs::metadata(&blobs[1]).unwrap().len() as usize]).unwrap();
    let stray = files.join("blobs/ff/ffff");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, "nobody’s").unwrap();
    let old = fs::File::options().write(true).open(&stray).unwrap();
    old.set_modified(old.metadata().unwrap().modified().unwrap() - std::time::Duration::from_secs(7200)).unwrap();
    let found = run(database.folder(), &["files", "check", "--content", "--delete-strays"], &settings, "").await;
    assert_eq!(found.status, Some(1));
    let said: Vec<_> = found.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(said, ["missing", "damaged", "stray"], "{found:?}");
    assert!(!stray.exists());
}

#[apply(once)]
async fn files_move_into_object_storage_and_back(database: &Database) {
    let storage = ObjectStorage::start().await;
    let folder = database.folder().join("files");
    let url = format!("file://{}", folder.display());
    let mut server = Server::start(database.url(), &[("FILES_URL", &url)]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let file = send_one(&ada, &room, "one.txt", b"one").await;
    let large = vec![7; 9 << 20];
    let other = send_one(&ada, &room, "large.bin", &large).await;
    let path = tus::begin(&ada, 10).await;
    tus::append(&ada, &path, 0, b"01234").await.expect(204);
    server.stop().await;
    let mut settings = storage.settings();
    settings.retain(|(name, _)| *name != "FILES_URL");
    settings.extend([("DATABASE_URL", database.url()), ("FILES_URL", &*url)]);
    let arguments = ["files", "move", "--to", "s3://parlor/files"];
    let moved = run(database.folder(), &arguments, &settings, "").await;
    assert_eq!((moved.status, moved.stdout.contains("copied 3 objects")), (Some(0), true), "{moved:?}");
    assert!(moved.stderr.ends_with("move: 100%\n"), "{moved:?}");
    let again = run(database.folder(), &arguments, &settings, "").await;
    assert!(again.stdout.contains("copied 0 objects") && again.stdout.contains("3 were there already"), "{again:?}");
    fs::remove_dir_all(&folder).unwrap();
    let mut server = Server::start(database.url(), &storage.settings()).await;
    let ada = server.log_in("ada").await;
    assert_eq!(ada.get(file["url"].as_str().unwrap()).await.expect(200).body, "one");
    let back = ada.request(reqwest::Method::GET, other["url"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert!(back == large);
    let part = ada.request(reqwest::Method::GET, other["url"].as_str().unwrap()).header("range", "bytes=9437180-");
    assert_eq!(part.send().await.unwrap().bytes().await.unwrap().len(), 4);
    tus::append(&ada, &path, 5, b"56789").await.expect(204);
    server.stop().await;
}

#[apply(once)]
async fn a_directory_is_refused_beside_redis(database: &Database) {
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", "file://files"), ("REDIS_URL", "redis://127.0.0.1:1")];
    let refused = run(database.folder(), &[], &settings, "").await;
    assert_eq!(refused.status, Some(2));
    assert!(refused.stderr.contains("FILES_URL: can’t be a directory with REDIS_URL"), "{refused:?}");
    let wrong = run(database.folder(), &[], &[("DATABASE_URL", database.url()), ("FILES_URL", "file:///proc/no")], "").await;
    assert_eq!(wrong.status, Some(1));
    assert!(wrong.stderr.contains("FILES_URL: can’t use /proc/no"), "{wrong:?}");
}
