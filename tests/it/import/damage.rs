//! What is no export, or is damaged, is refused in one sentence; and what would not be safe.

use std::fs;
use std::fs::OpenOptions;

use serde_json::json;

use super::{Migrated, Slack, count, import, is_whole, refused, report, serve, zip};
use crate::harness::Database;
use crate::harness::process::limited;
use crate::{both, once};

#[apply(once)]
async fn what_is_no_export_is_refused(database: &Database) {
    let folder = database.folder();
    let text = folder.join("text.zip");
    fs::write(&text, "no zip").unwrap();
    let mut other = Slack::default();
    other.put("package.json", &json!({}));
    let other = other.write(database, "other.zip");
    let mut nobody = Slack::default();
    nobody.put("users.json", &json!([])).put("channels.json", &json!([]));
    let nobody = nobody.write(database, "nobody.zip");
    let (text, folder) = (text.to_str().unwrap(), folder.to_str().unwrap());
    for (kind, from, why) in [
        ("slack", text, "this isn’t an export of Slack’s"),
        ("slack", folder, "it is a folder"),
        ("slack", &other, "there is no users.json"),
        ("slack", &nobody, "there is nobody"),
        ("parlor", folder, "this isn’t an export of Parlor’s"),
        ("parlor", text, "this isn’t an export of Parlor’s"),
        ("campfire", folder, "this isn’t the storage folder of a Campfire"),
        ("campfire", text, "this isn’t the storage folder of a Campfire"),
        ("mattermost", text, "this isn’t a bulk export of Mattermost’s"),
        ("mattermost", folder, "this isn’t a bulk export of Mattermost’s"),
        ("mattermost", &other, "there is no .jsonl"),
    ] {
        for dry_run in [&[][..], &["--dry-run"]] {
            refused(&import(database, &[&[kind, from], dry_run].concat()).await, 1, why);
        }
    }
    for kind in ["slack", "parlor", "campfire", "mattermost"] {
        for dry_run in [&[][..], &["--dry-run"]] {
            let ended = import(database, &[&[kind, "/nowhere.zip"], dry_run].concat()).await;
            refused(&ended, 2, "there is nothing at /nowhere.zip");
        }
    }
    assert!(!database.file().exists(), "no database is made");
}

#[apply(once)]
async fn an_import_onto_a_full_disk_ends_and_goes_on_when_there_is_room(database: &Migrated) {
    const MESSAGES: i64 = 6_000;
    let from = Slack::small(usize::try_from(MESSAGES).unwrap()).write(database, "export.zip");
    let settings = [("DATABASE_URL", database.url()), ("LOG", "error")];
    let full = limited(database.folder(), 4_000, &["import", "slack", &from, "--json"], &settings).await;
    assert!(full.status == Some(1) && full.stdout.is_empty() && full.stderr.contains("the import failed: "), "{full:?}");
    let before = count(database, "messages").await;
    assert!(before < MESSAGES, "{before}");
    is_whole(database).await;
    let done = report(&import(database, &["slack", &from]).await, 0);
    assert_eq!((&done["messages_already"], &done["messages"]), (&json!(before), &json!(MESSAGES - before)), "{done}");
    is_whole(database).await;
}

#[apply(both)]
async fn a_damaged_export_ends_with_a_sentence_and_a_whole_one_goes_on(database: &Migrated) {
    let whole = Slack::small(700);
    let from = whole.write(database, "export.zip");
    let cut = database.folder().join("cut.zip");
    fs::copy(&from, &cut).unwrap();
    let length = fs::metadata(&cut).unwrap().len();
    OpenOptions::new().write(true).open(&cut).unwrap().set_len(length * 2 / 3).unwrap();
    refused(&import(database, &["slack", cut.to_str().unwrap()]).await, 1, "not complete");
    let mut broken = whole.clone();
    broken.0.insert("engines/2020-09-06.json".into(), b"[{\"type\":\"message\",".to_vec());
    let broken = broken.write(database, "broken.zip");
    refused(&import(database, &["slack", &broken]).await, 1, "2020-09-06.json is damaged");
    // Whole batches of what came before are there.
    let before = count(database, "messages").await;
    assert!(before < 700 && before % 256 == 0, "{before}");
    let done = report(&import(database, &["slack", &from]).await, 0);
    assert_eq!(done["messages"].as_i64().unwrap() + before, 700);
    is_whole(database).await;
}

#[apply(once)]
async fn what_unpacks_to_too_much_is_refused(database: &Database) {
    let mut export = Slack::small(1);
    export.0.insert("engines/2020-10-01.json".into(), vec![b' '; (64 << 20) + 1]);
    let from = export.write(database, "bomb.zip");
    assert!(fs::metadata(&from).unwrap().len() < 1 << 20);
    refused(&import(database, &["slack", &from]).await, 1, "it has more than 64 MB");
}

/// A disk that is full is no damage, and the sentence says which one it is.
#[apply(once)]
async fn where_there_is_no_room_to_unpack_the_folder_is_named(database: &Database) {
    let (path, scratch) = (database.folder().join("export.zip"), database.folder().join("scratch"));
    fs::create_dir(&scratch).unwrap();
    let mut lines = b"{\"type\":\"version\",\"version\":1}\n".to_vec();
    lines.resize(3_000_000, b'\n');
    zip(&path, &[("import.jsonl".to_owned(), lines)].into());
    let (from, to) = (path.to_str().unwrap(), scratch.to_str().unwrap());
    let settings = [("DATABASE_URL", database.url()), ("TMPDIR", to), ("LOG", "error")];
    // Files may not grow above 1 MB: that fails as a full disk does.
    let arguments = ["import", "mattermost", from, "--json", "--dry-run"];
    let full = limited(database.folder(), 2_000, &arguments, &settings).await;
    refused(&full, 1, &format!("can’t write to {to} (TMPDIR)"));
    assert!(!full.stderr.contains("damaged"), "{full:?}");
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
    report(&crate::harness::process::run(database.folder(), &arguments, &settings, "").await, 0);
}

#[apply(both)]
async fn nothing_is_imported_while_a_server_runs(database: &Migrated) {
    let from = Slack::small(4).write(database, "export.zip");
    let mut server = serve(database).await;
    let why = match database.kind {
        crate::harness::Kind::Sqlite => "is in use by another Parlor",
        crate::harness::Kind::Postgres => "servers are running on this database",
    };
    refused(&import(database, &["slack", &from]).await, 1, why);
    report(&import(database, &["slack", &from, "--dry-run"]).await, 0);
    server.stop().await;
    assert_eq!(count(database, "messages").await, 0);
    report(&import(database, &["slack", &from]).await, 0);
}
