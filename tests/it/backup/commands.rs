//! The commands: where backups go, what is refused, and how they end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Origin, empty, said, text};
use crate::files::send_one;
use crate::harness::process::run;
use crate::harness::{Database, Kind, ObjectStorage, Server};
use crate::{both, once};

#[apply(both)]
async fn a_backup_goes_into_a_directory_under_a_dated_name_and_the_latest_is_read(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    origin.server.register("ada").await;
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("parlor-19990101T000000Z.tar.gz"), "an older one").unwrap();
    let settings = [("DATABASE_URL", database.url())];
    let made = run(database.folder(), &["backup", text(&folder)], &settings, "").await;
    assert_eq!(made.status, Some(0), "{made:?}");
    assert!(made.stderr.contains("rows: 100%"), "{made:?}");
    let path = made.stdout.split(':').next().expect("it begins with the path");
    let name = path.rsplit('/').next().expect("a name");
    assert!(name.starts_with("parlor-2") && name.ends_with("Z.tar.gz"), "{made:?}");
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "nothing else is left there");
    // What exists is never replaced.
    let again = run(database.folder(), &["backup", path], &settings, "").await;
    assert!(again.status == Some(2) && again.stderr.contains("it exists already"), "{again:?}");
    let verified = run(database.folder(), &["verify", text(&folder)], &[], "").await;
    assert!(verified.status == Some(0) && verified.stdout.starts_with(path), "{verified:?}");
    origin.server.stop().await;
}

#[apply(once)]
async fn backups_go_into_object_storage_and_come_back(database: &Database) {
    let storage = ObjectStorage::start().await;
    let mut settings = storage.settings();
    let mut server = Server::start(database.url(), &settings).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    let file = send_one(&ada, &room, "one.txt", b"one").await;
    server.stop().await;
    settings.push(("DATABASE_URL", database.url()));
    let made = run(database.folder(), &["backup", "s3://parlor/old/parlor", "--files", "--json"], &settings, "").await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let to = said(&made)["to"].as_str().expect("a place").to_owned();
    assert!(to.starts_with("s3://parlor/old/parlor/parlor-2"), "{to}");
    let target = empty(Kind::Sqlite).await;
    settings.retain(|(name, _)| !["DATABASE_URL", "FILES_URL"].contains(name));
    settings.extend([("DATABASE_URL", target.url()), ("FILES_URL", "s3://parlor/new")]);
    let restored = run(target.folder(), &["restore", "s3://parlor/old/parlor"], &settings, "").await;
    assert_eq!(restored.status, Some(0), "{restored:?}");
    let mut server = Server::start(target.url(), &settings[..settings.len()]).await;
    let ada = server.log_in("ada").await;
    assert_eq!(ada.get(file["url"].as_str().expect("an address")).await.expect(200).body, "one");
    server.stop().await;
    let verified = run(target.folder(), &["verify", &to], &settings, "").await;
    assert_eq!(verified.status, Some(0), "{verified:?}");
    let again = run(target.folder(), &["backup", &to], &settings, "").await;
    assert!(again.status == Some(2) && again.stderr.contains("it exists already"), "{again:?}");
    let none = run(target.folder(), &["verify", "s3://parlor/old/none.tar.gz"], &settings, "").await;
    assert!(none.status == Some(2) && none.stderr.contains("there is no backup there"), "{none:?}");
    let none = run(target.folder(), &["verify", "s3://parlor/nothing"], &settings, "").await;
    assert!(none.status == Some(2) && none.stderr.contains("there is no backup there"), "{none:?}");
    target.discard().await;
}

#[apply(once)]
async fn wrong_arguments_and_settings_are_told_apart_from_failures(database: &Database) {
    let folder = database.folder();
    for arguments in [&["backup"][..], &["backup", "ftp://host/x"], &["restore"], &["restore", ""], &["verify", "a", "b"]] {
        let refused = run(folder, arguments, &[], "").await;
        assert_eq!((refused.status, &*refused.stdout), (Some(2), ""), "{arguments:?}: {refused:?}");
    }
    let alone = run(folder, &["backup", "x.tar.gz"], &[("BACKUP_EVERY", "6h")], "").await;
    assert!(alone.status == Some(2) && alone.stderr.contains("BACKUP_EVERY: needs BACKUP_TO"), "{alone:?}");
    // There is no database, and none is made.
    let none = run(folder, &["backup", "x.tar.gz"], &[("DATABASE_URL", database.url())], "").await;
    assert!(none.status == Some(2) && none.stderr.contains("there is no file"), "{none:?}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    for command in ["verify", "restore"] {
        let nowhere = run(folder, &[command, "no/such/file"], &[("DATABASE_URL", database.url())], "").await;
        assert!(nowhere.status == Some(2) && nowhere.stderr.contains("no/such/file: there is no backup there"), "{nowhere:?}");
    }
    // With Redis there are several nodes, and no directory is a default.
    let without_files = [("DATABASE_URL", database.url()), ("REDIS_URL", "redis://127.0.0.1:1")];
    let unstored = run(folder, &["backup", "x.tar.gz", "--files"], &without_files, "").await;
    assert!(unstored.status == Some(2) && unstored.stderr.contains("FILES_URL: this server has no storage"), "{unstored:?}");
    // The server's directory, or another one: none is made.
    let away = format!("file://{}", folder.join("elsewhere").display());
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*away)];
    for arguments in [&["backup", "x.tar.gz", "--files"][..], &["files", "check"]] {
        assert_eq!(run(folder, &["migrate"], &settings, "").await.status, Some(0));
        let unstored = run(folder, arguments, &settings, "").await;
        assert!(unstored.status == Some(2) && unstored.stderr.contains("FILES_URL: there is no such directory"), "{unstored:?}");
    }
    assert!(!folder.join("elsewhere").exists() && !folder.join("x.tar.gz").exists());
    // Nobody listens there.
    let closed = [("DATABASE_URL", "postgres://parlor@127.0.0.1:1/parlor")];
    let away = run(folder, &["user", "list"], &closed, "").await;
    assert!(away.status == Some(1) && away.stderr.contains("127.0.0.1:1: Connection refused"), "{away:?}");
}
