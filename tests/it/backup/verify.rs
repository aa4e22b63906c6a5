//! What a check finds in a backup that can be restored.

use std::fs;

use serde_json::{Value, json};

use super::damage::{members, tar};
use super::{Origin, said, text, verify};
use crate::files::{objects, send_one};
use crate::harness::Database;
use crate::harness::process::run;
use crate::{both, once};

#[apply(both)]
async fn a_log_with_a_gap_and_a_wrong_count_are_found(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    ada.enter("general").await;
    for body in ["one", "two", "three"] {
        ada.write("general", body).await.expect(303);
    }
    origin.server.stop().await;
    database.run("delete from messages where body = 'two'; update rooms set members = members + 1 where slug = 'general'").await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    let verified = verify(&archive, database.folder()).await;
    assert_eq!(verified.status, Some(1), "{verified:?}");
    let problems = said(&verified)["problems"].as_array().expect("a list").clone();
    let has = |part: &str| problems.iter().any(|problem| problem.as_str().is_some_and(|problem| problem.contains(part)));
    assert!(has("the log of a room has gaps (room general") && has("counts its members wrongly"), "{problems:?}");
    assert_eq!(problems.len(), 2, "{problems:?}");
    // It can be restored all the same, and a person reads what is wrong.
    let plain = run(database.folder(), &["verify", text(&archive)], &[], "").await;
    assert!(plain.stdout.contains("wrong: the log of a room has gaps"), "{plain:?}");
}

#[apply(once)]
async fn files_that_are_missing_or_damaged_are_listed(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for name in ["one", "two", "three"] {
        send_one(&ada, &room, name, name.as_bytes()).await;
    }
    origin.server.stop().await;
    let blobs = objects(&database.folder().join("files/blobs"));
    fs::remove_file(&blobs[0]).unwrap();
    let bytes = fs::metadata(&blobs[1]).unwrap().len() as usize;
    fs::write(&blobs[1], vec![b'x'; bytes]).unwrap();
    let to = database.folder().join("backup.tar.gz");
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*origin.files)];
    let made = run(database.folder(), &["backup", text(&to), "--files", "--json"], &settings, "").await;
    assert_eq!(made.status, Some(3), "{made:?}");
    let left_out = said(&made)["left_out"].clone();
    let is_about = |number: usize, path: &str, what: &str| {
        let told = left_out[number].as_str().unwrap_or_default();
        told.ends_with(what) && path.ends_with(told.split(' ').next().unwrap_or("?"))
    };
    assert!(is_about(0, &blobs[0], "is missing") && is_about(1, &blobs[1], "is damaged"), "{left_out}");
    let verified = verify(&to, database.folder()).await;
    assert_eq!((verified.status, &said(&verified)["problems"], &said(&verified)["files"]), (Some(3), &json!([]), &json!(1)));
    let target = super::empty(crate::harness::Kind::Sqlite).await;
    let (restored, _) = super::restore(&to, &target).await;
    assert_eq!((restored.status, said(&restored)["left_out"].as_array().map(Vec::len)), (Some(3), Some(2)), "{restored:?}");
    assert_eq!(objects(&target.folder().join("restored-files/blobs")).len(), 1);
    target.discard().await;
}

/// An archive can be whole in itself and lack a file all the same, because nobody wrote or counted it: the rows know of it.
#[apply(once)]
async fn a_file_that_the_rows_know_and_nobody_counted_is_missed(database: &Database) {
    let mut origin = Origin::start(database, &[]).await;
    let ada = origin.server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for name in ["one", "two"] {
        send_one(&ada, &room, name, name.as_bytes()).await;
    }
    origin.server.stop().await;
    let archive = origin.back_up(database, "backup.tar.gz").await;
    let mut all = members(&archive);
    let file = all.iter().position(|(name, _)| name.starts_with("files/")).expect("a file");
    all.remove(file);
    let (_, manifest) = all.last_mut().expect("a manifest");
    let mut told: Value = serde_json::from_slice(manifest).unwrap();
    (told["files"], told["file_bytes"]) = (json!(1), json!(3));
    *manifest = serde_json::to_vec(&told).unwrap();
    let path = database.folder().join("without.tar.gz");
    tar(&path, &all.iter().map(|(name, content)| (&**name, &**content)).collect::<Vec<_>>());
    let verified = verify(&path, database.folder()).await;
    assert_eq!((verified.status, &said(&verified)["problems"]), (Some(1), &json!(["of 2 files, 1 are not in the backup"])));
    assert!(verified.stderr.contains("1 things in it are wrong"), "{verified:?}");
}
