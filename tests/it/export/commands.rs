//! What is refused, what is left out, and that nothing half-done is left.

use std::fs;
use std::process::Stdio;

use proof::infra::process::command;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{export, json_of, lines, live, names};
use crate::files::{objects, send_one};
use crate::harness::process::{PROGRAM, run};
use crate::harness::{Database, Server};
use crate::{both, once};

#[apply(both)]
async fn what_is_asked_wrongly_is_refused_in_one_sentence(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (_, _, room) = live(&server).await;
    server.stop().await;
    let occupied = database.folder().join("occupied");
    fs::create_dir(&occupied).unwrap();
    fs::write(occupied.join("theirs"), "x").unwrap();
    for (arguments, to, why) in [
        (&["nowhere"][..], "out", "there is no room nowhere"),
        (&["--person", "nobody"], "out", "--person: there is nobody called nobody"),
        (&[&*room], "occupied", "--to: "),
        (&[&*room], "occupied/theirs", "--to: "),
        (&["--all", "--person", "ada"], "out", "cannot be used with"),
        (&[&*room, "--all"], "out", "cannot be used with"),
        (&[], "out", "required"),
    ] {
        let (refused, place) = export(&server, database, arguments, to).await;
        assert!(refused.status == Some(2) && refused.stderr.contains(why), "{arguments:?}: {refused:?}");
        assert_eq!(refused.stdout, "");
        assert!(to != "out" || !place.exists());
    }
    assert_eq!(names(&occupied), ["theirs"]);
    let without = run(database.folder(), &["export", "--all"], &[], "").await;
    assert!(without.status == Some(2) && without.stderr.contains("--to"), "{without:?}");
    let (nowhere, _) = export(&server, database, &["--all"], "no/such/folder").await;
    assert!(nowhere.status == Some(1) && nowhere.stderr.starts_with("nothing was exported: can’t write"), "{nowhere:?}");
    assert!(!names(database.folder()).iter().any(|name| name.starts_with(".parlor")), "{:?}", names(database.folder()));
}

#[apply(once)]
async fn without_a_database_none_is_made(database: &Database) {
    let settings = [("DATABASE_URL", database.url())];
    let none = run(database.folder(), &["export", "--all", "--to", "out"], &settings, "").await;
    assert!(none.status == Some(2) && none.stderr.contains("there is no file"), "{none:?}");
    assert_eq!(fs::read_dir(database.folder()).unwrap().count(), 0);
}

#[apply(both)]
async fn a_file_that_is_missing_or_damaged_is_left_out_and_listed(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (ada, _, room) = live(&server).await;
    send_one(&ada, &room, "damaged.txt", b"another content").await;
    server.stop().await;
    let stored = objects(&server.files.path().join("blobs"));
    let with = |content: &str| stored.iter().find(|path| fs::read_to_string(path).is_ok_and(|text| text == content)).unwrap();
    let (missing, damaged) = (with("the content of a file"), with("another content"));
    fs::remove_file(missing).unwrap();
    fs::write(damaged, "another c0ntent").unwrap();
    let (ended, to) = export(&server, database, &[&room, "--json"], "out").await;
    assert_eq!(ended.status, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("2 things were left out"), "{ended:?}");
    let said: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let left_out = said["left_out"].to_string();
    assert!(left_out.contains(&format!("näme.txt of {room}/")) && left_out.contains("it is missing"), "{left_out}");
    assert!(left_out.contains("it is damaged"), "{left_out}");
    assert_eq!((&said["files"], objects(&to.join("files")).len()), (&serde_json::json!(0), 0));
    let messages = lines(&to.join("messages/1.jsonl"));
    let with_file = messages.iter().find(|message| message["files"][0]["name"] == "näme.txt").expect("it is told");
    assert!(with_file["files"][0]["path"].is_null() && with_file["files"][0]["bytes"] == 21, "{with_file}");
    assert_eq!(json_of(&to.join("manifest.json"))["files"], 0);
    let (listed, _) = export(&server, database, &[&room, "--html"], "pages").await;
    assert!(listed.status == Some(3) && listed.stdout.contains("left out: näme.txt"), "{listed:?}");
}

/// A full disk, or an interruption, leaves nothing but files that were copied whole.
#[apply(once)]
async fn what_ends_early_leaves_nothing_half_done(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for number in 0..20 {
        send_one(&ada, &room, "noise.bin", &vec![number; 500_000]).await;
    }
    server.stop().await;
    let place = database.folder().join("exports");
    fs::create_dir(&place).unwrap();
    let to = place.join("out");
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", server.setting("FILES_URL"))];
    let arguments = ["export", &room, "--to", to.to_str().unwrap()];
    // Files may not grow above 100 KB: that fails as a full disk does.
    let mut shell = command("/bin/sh", database.folder(), &settings);
    let shell = shell
        .args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$@\"", "sh", PROGRAM])
        .args(arguments)
        .output()
        .await
        .expect("there is a shell");
    let said = String::from_utf8_lossy(&shell.stderr);
    assert!(shell.status.code() == Some(1) && said.contains("nothing was exported: can’t write"), "{said}");
    assert_eq!(names(&place), Vec::<String>::new());

    let mut child = command(PROGRAM, database.folder(), &settings).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut last = String::new();
    while let Some(line) = said.next_line().await.unwrap() {
        if line.starts_with("files: 10%") {
            let id = child.id().expect("it runs").to_string();
            assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        }
        last = line;
    }
    // It may have been quicker.
    match child.wait().await.unwrap().code() {
        Some(1) => {
            assert!(last.starts_with("nothing was exported: it was interrupted. Files that were copied stay in "), "{last}");
            assert_eq!(
                (names(&place), names(&place.join(".parlor-export-out"))),
                (vec![".parlor-export-out".into()], vec!["files".into()])
            );
            let whole = run(database.folder(), &arguments, &settings, "").await;
            assert!(whole.status == Some(0) && whole.stdout.contains("of the files were there already"), "{whole:?}");
        }
        Some(0) => {}
        other => panic!("{other:?}, {last}"),
    }
    assert_eq!((names(&place), objects(&to.join("files")).len()), (vec!["out".to_owned()], 20));
}
