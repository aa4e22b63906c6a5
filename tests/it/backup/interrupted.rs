//! Interrupted: on the way to and from object storage, a second time, and going on afterwards.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use proof::infra::process::command;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::damage::noise;
use super::{Origin, empty, restore, said, text};
use crate::files::{objects, send_one};
use crate::harness::process::{PROGRAM, run};
use crate::harness::{DEADLINE, Database, Kind, ObjectStorage};
use crate::{both, once};

/// Sends a signal to a program, which may have ended by itself.
pub async fn signal(name: &str, child: &Child) {
    let id = child.id().expect("nobody has waited for it").to_string();
    Command::new("kill").args([&format!("-{name}"), &id]).stderr(Stdio::null()).status().await.expect("it can be run");
}

/// Whether a line says that so many percent of this part are done, or more: how many it says depends on how much is read at once.
fn has_reached(line: &str, (part, percent): (&str, u64)) -> bool {
    let said = line.strip_prefix(part).and_then(|rest| rest.strip_prefix(": ")?.strip_suffix('%')?.parse::<u64>().ok());
    said.is_some_and(|said| said >= percent)
}

/// Runs a command, and sends it signals, one right after the other, once it has said that it has come so far, which it must. Returns its
/// status, and the last line.
async fn interrupt(
    folder: &Path,
    arguments: &[&str],
    settings: &[(&str, &str)],
    moment: (&str, u64),
    signals: &[&str],
) -> (Option<i32>, String) {
    let mut child = command(PROGRAM, folder, settings).args(arguments).stdout(Stdio::null()).spawn().expect("it was built");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let (mut last, mut is_reached) = (String::new(), false);
    while let Some(line) = timeout(DEADLINE, lines.next_line()).await.expect("it comes to an end").expect("it can be read") {
        if !is_reached && has_reached(&line, moment) {
            is_reached = true;
            for name in signals {
                signal(name, &child).await;
            }
        }
        last = line;
    }
    assert!(is_reached, "{arguments:?} never said that it was at {moment:?}; its last words: {last}");
    (child.wait().await.expect("it ends").code(), last)
}

/// A server with some files that hardly get smaller.
async fn origin(database: &Database, files: u8, bytes: usize) -> Origin {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for number in 0..files {
        let mut content = noise(bytes);
        content[0] = number;
        send_one(&ada, &room, "noise.bin", &content).await;
    }
    origin.server.stop().await;
    origin
}

/// A storage that takes connections and says nothing holds nobody up who wants to stop.
#[apply(once)]
async fn a_storage_that_is_silent_can_be_left(database: &Database) {
    let origin = origin(database, 1, 1000).await;
    let restored = format!("sqlite://{}", database.folder().join("restored.db").display());
    for (arguments, url) in [
        (&["backup", "s3://parlor/backups"][..], database.url()),
        (&["restore", "s3://parlor/backups"], &restored),
        (&["verify", "s3://parlor/backups/one.tar.gz"], &restored),
        (&["files", "move", "--to", "s3://parlor/files"], database.url()),
    ] {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        let settings = [
            ("DATABASE_URL", url),
            ("FILES_URL", &*origin.files),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ACCESS_KEY_ID", "parlor"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret-of-tests"),
            ("AWS_REGION", "us-east-1"),
        ];
        let mut child = command(PROGRAM, database.folder(), &settings).args(arguments).spawn().expect("it was built");
        let (_open, _) = timeout(DEADLINE, silent.accept()).await.expect("it asks the storage").unwrap();
        signal("TERM", &child).await;
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).await.unwrap();
        let status = timeout(DEADLINE, child.wait()).await.expect("it stops").unwrap();
        assert_eq!(status.code(), Some(1), "{arguments:?} {told}");
        assert!(told.contains("it was interrupted"), "{arguments:?} {told}");
    }
    assert!(!database.folder().join("restored.db").exists());
}

/// What was sent goes; the archive stays here, and the next run sends it.
#[apply(once)]
async fn an_upload_that_is_interrupted_leaves_no_part_of_it(database: &Database) {
    let storage = ObjectStorage::start().await;
    let origin = origin(database, 4, 9 << 20).await;
    let temporary = database.folder().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut settings = storage.settings();
    settings.retain(|(name, _)| *name != "FILES_URL");
    settings.extend([("DATABASE_URL", database.url()), ("FILES_URL", &*origin.files), ("TMPDIR", text(&temporary))]);
    let arguments = ["backup", "s3://parlor/files/backups", "--files"];
    storage.hold("PUT", "partNumber=", 1);
    let (status, last) = interrupt(database.folder(), &arguments, &settings, ("upload", 20), &["TERM"]).await;
    storage.release();
    assert!(
        status == Some(1) && last.starts_with("no backup was made: it was interrupted. What was written stays in "),
        "{last}"
    );
    assert_eq!((storage.parts(), objects(&storage.folder())), (Vec::<String>::new(), Vec::<String>::new()));
    let drafts = objects(&temporary);
    assert!(drafts.len() == 1 && drafts[0].contains("/.parlor-backup-") && last.contains(&drafts[0]), "{drafts:?} {last}");
    // For another place it is none.
    let elsewhere = ["backup", "s3://parlor/files/others", "--files", "--resume"];
    let none = run(database.folder(), &elsewhere, &settings, "").await;
    assert!(none.status == Some(1) && none.stderr.contains("there is no draft"), "{none:?}");
    let resume = [&arguments[..], &["--resume", "--json"]].concat();
    let draft = fs::read(&drafts[0]).unwrap();
    let made = run(database.folder(), &resume, &settings, "").await;
    assert_eq!((made.status, &said(&made)["files_already"]), (Some(0), &json!(4)), "{made:?}");
    assert_eq!(objects(&temporary), Vec::<String>::new());
    // As if it was killed between the end of the upload and that of the draft.
    fs::write(&drafts[0], draft).unwrap();
    let again = run(database.folder(), &resume, &settings, "").await;
    assert!(again.status == Some(2) && again.stderr.contains("it exists already"), "{again:?}");
    assert_eq!(objects(&temporary), Vec::<String>::new());
    let verified = run(database.folder(), &["verify", "s3://parlor/files/backups"], &settings, "").await;
    assert!(verified.status == Some(0) && verified.stderr.contains("download: 100%"), "{verified:?}");
}

/// A second signal ends a check at once, and its copy of all messages goes all the same.
#[apply(once)]
async fn a_second_signal_leaves_no_scratch_database_either(database: &Database) {
    let archive = origin(database, 8, 4 << 20).await.back_up(database, "backup.tar.gz").await;
    let scratch = database.folder().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let mut statuses = Vec::new();
    for moment in [("backup", 10), ("backup", 50), ("index", 10), ("check", 10)] {
        let settings = [("TMPDIR", text(&scratch))];
        let (status, last) = interrupt(database.folder(), &["verify", text(&archive)], &settings, moment, &["INT", "INT"]).await;
        assert!(matches!(status, Some(0 | 1)), "{status:?} {last}");
        assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "{moment:?}");
        statuses.push(status);
    }
    // The last steps may be quicker than a signal; most of the archive is not.
    assert!(statuses.contains(&Some(1)), "no signal ended it: {statuses:?}");
}

#[apply(both)]
async fn a_restore_that_was_interrupted_puts_no_file_twice(database: &Database) {
    const FILES: usize = 12;
    let archive = origin(database, FILES as u8, 300_000).await.back_up(database, "backup.tar.gz").await;
    let target = empty(database.kind).await;
    let files = format!("file://{}", target.folder().join("restored-files").display());
    let settings = [("DATABASE_URL", target.url()), ("FILES_URL", &files)];
    let (status, last) = interrupt(target.folder(), &["restore", text(&archive)], &settings, ("backup", 50), &["TERM"]).await;
    let blobs = target.folder().join("restored-files/blobs");
    let there = objects(&blobs).len();
    if status == Some(1) {
        assert!(last.starts_with("nothing was restored: it was interrupted"), "{last}");
        let (restored, _) = restore(&archive, &target).await;
        assert_eq!(restored.status, Some(0), "{restored:?}");
        assert_eq!((&said(&restored)["files"], &said(&restored)["files_already"]), (&json!(FILES), &json!(there)));
    } else {
        // It was quicker.
        assert_eq!((status, there), (Some(0), FILES), "{last}");
    }
    let checked = run(target.folder(), &["files", "check", "--content"], &settings, "").await;
    assert_eq!(checked.status, Some(0), "{checked:?}");
    target.discard().await;
}

#[apply(once)]
async fn files_that_are_there_are_used_if_they_are_what_they_should_be(database: &Database) {
    let archive = origin(database, 3, 1000).await.back_up(database, "backup.tar.gz").await;
    let target = empty(Kind::Sqlite).await;
    let (first, files) = restore(&archive, &target).await;
    assert_eq!((first.status, &said(&first)["files_already"]), (Some(0), &json!(0)), "{first:?}");
    let blobs = objects(&target.folder().join("restored-files/blobs"));
    assert_eq!(blobs.len(), 3);
    // One is damaged, and one is cut off.
    fs::remove_file(&blobs[0]).unwrap();
    fs::write(&blobs[0], vec![b'x'; 1000]).unwrap();
    fs::remove_file(&blobs[1]).unwrap();
    fs::write(&blobs[1], "half").unwrap();
    let other = format!("sqlite://{}", target.folder().join("other.db").display());
    let settings = [("DATABASE_URL", &*other), ("FILES_URL", &*files)];
    let again = run(target.folder(), &["restore", text(&archive), "--json"], &settings, "").await;
    assert_eq!(again.status, Some(0), "{again:?}");
    assert_eq!((&said(&again)["files"], &said(&again)["files_already"]), (&json!(3), &json!(1)), "{again:?}");
    let checked = run(target.folder(), &["files", "check", "--content"], &settings, "").await;
    assert_eq!(checked.status, Some(0), "{checked:?}");
    target.discard().await;
}

/// The clock was ahead when one was made: its name sorts last, and it is not the latest.
#[apply(once)]
async fn a_backup_of_the_future_is_not_the_latest(database: &Database) {
    let origin = origin(database, 1, 1000).await;
    let folder = database.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*origin.files)];
    let made = run(database.folder(), &["backup", text(&folder), "--json"], &settings, "").await;
    assert_eq!(made.status, Some(0), "{made:?}");
    fs::write(folder.join("parlor-29991231T235959Z.tar.gz"), "of another time").unwrap();
    let verified = run(database.folder(), &["verify", text(&folder), "--json"], &settings, "").await;
    assert_eq!((verified.status, &said(&verified)["from"]), (Some(0), &said(&made)["to"]), "{verified:?}");
    assert!(verified.stderr.contains("the clock was ahead"), "{verified:?}");
}
