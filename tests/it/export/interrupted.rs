//! An export that is interrupted while files are copied: what was copied is used by the next one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use proof::infra::process::command;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::{json_of, lines, names};
use crate::backup::interrupted::signal;
use crate::both;
use crate::files::send_one;
use crate::harness::process::{PROGRAM, run};
use crate::harness::{DEADLINE, Database, ObjectStorage, Server};

/// The files in a folder with their contents; each is called after what is in it.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |name: String| {
        let content = fs::read(folder.join(&name)).expect("it is there");
        let hash: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(name.split('.').next(), Some(&*hash));
        (name, content)
    };
    names(folder).into_iter().map(read).collect()
}

#[apply(both)]
async fn what_was_copied_is_used_by_the_next_export_and_everything_else_is_of_now(database: &Database) {
    let storage = ObjectStorage::start().await;
    let mut server = Server::start(database.url(), &storage.settings()).await;
    let ada = server.register("ada").await;
    let room = ada.create_room("Pictures", "private").await;
    for name in ["one", "two", "three"] {
        send_one(&ada, &room, &format!("{name}.txt"), format!("the content of {name}").as_bytes()).await;
    }
    server.stop().await;
    let settings = [storage.settings(), vec![("DATABASE_URL", database.url())]].concat();
    let place = database.folder().join("exports");
    fs::create_dir(&place).unwrap();
    let (to, kept) = (place.join("out"), place.join(".parlor-export-out"));
    let arguments = ["export", &*room, "--to", to.to_str().expect("a plain path"), "--json"];
    for (round, name) in ["TERM", "KILL"].into_iter().enumerate() {
        // Two are copied, and the third one is waited for.
        storage.hold("GET", "/blobs/", 2);
        let mut child = command(PROGRAM, database.folder(), &settings);
        let child = child.args(arguments).stdout(Stdio::null()).spawn().expect("it was built");
        storage.waits().await;
        assert_eq!(names(&place), [".parlor-export-out"]);
        // Nobody else writes there meanwhile.
        let busy = run(database.folder(), &arguments, &settings, "").await;
        assert!(busy.status == Some(1) && busy.stderr.contains("another export to"), "{busy:?}");
        signal(name, &child).await;
        let ended = timeout(DEADLINE, child.wait_with_output()).await.expect("it ends").expect("it ran");
        storage.release();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        if name == "TERM" {
            let told = format!("nothing was exported: it was interrupted. Files that were copied stay in {}", kept.display());
            assert!(ended.status.code() == Some(1) && said.contains(&told), "{said}");
            assert_eq!(names(&kept), ["files"], "nothing that somebody said stays");
        } else {
            assert_eq!(ended.status.code(), None, "{said}");
        }
        assert_eq!(names(&place), [".parlor-export-out"]);
        let mut there = names(&kept.join("files"));
        // What was being written when it was killed is not whole.
        there.retain(|name| fs::metadata(kept.join("files").join(name)).is_ok_and(|about| about.len() > 0));
        assert_eq!(there.len(), 2, "{there:?}");
        // One is damaged, and something else came there.
        fs::write(kept.join("files").join(&there[0]), "the c0ntent").unwrap();
        fs::write(kept.join("files").join("stray.txt"), "of nobody").unwrap();

        server.start_again().await;
        let ada = server.log_in("ada").await;
        send_one(&ada, &room, "later.txt", format!("the content of round {round}").as_bytes()).await;
        server.stop().await;
        let made = run(database.folder(), &arguments, &settings, "").await;
        assert_eq!(made.status, Some(0), "{made:?}");
        let told: Value = serde_json::from_str(&made.stdout).expect("it is JSON");
        assert_eq!((&told["files"], &told["files_already"]), (&json!(4 + round), &json!(1)), "{told}");
        assert_eq!((names(&place), contents(&to.join("files")).len()), (vec!["out".to_owned()], 4 + round));
        // Everything else is of now.
        let messages = lines(&to.join("messages/1.jsonl"));
        assert!(messages.iter().any(|message| message["files"][0]["name"] == "later.txt"), "{messages:?}");
        assert_eq!(json_of(&to.join("manifest.json"))["files"], json!(4 + round));
        fs::remove_dir_all(&to).unwrap();
    }
    // Without an interruption, nothing was there.
    let plain = run(database.folder(), &arguments[..4], &settings, "").await;
    assert!(plain.status == Some(0) && !plain.stdout.contains("were there already"), "{plain:?}");
}
