//! How commands end: 0 done, 1 failed, 2 wrong arguments or settings, 3 done with things left out (which has tests of its own).

use std::fs;

use serde_json::json;

use crate::harness::Database;
use crate::harness::process::{Ended, run};
use crate::once;

/// Runs a command, and sees how it ends, and that it says why.
async fn ends(database: &Database, arguments: &[&str], status: i32, why: &str) -> Ended {
    let settings = [("DATABASE_URL", database.url()), ("LOG", "error")];
    let ended = run(database.folder(), arguments, &settings, "").await;
    assert!(ended.status == Some(status), "{arguments:?}: {ended:?}");
    assert!(ended.stderr.contains(why) && !ended.stderr.contains("panicked"), "{arguments:?}: {ended:?}");
    ended
}

#[apply(once)]
async fn what_is_not_there_is_a_wrong_argument_and_nothing_is_made(database: &Database) {
    let missing = "DATABASE_URL: there is no file ";
    for (arguments, why) in [
        // A database that must be there.
        (&["backup", "x.tar.gz"][..], missing),
        (&["export", "--all", "--to", "out"], missing),
        (&["files", "check"], missing),
        (&["files", "move", "--to", "file:///nowhere/files"], missing),
        (&["user", "list"], missing),
        (&["user", "reset", "ada"], missing),
        (&["user", "role", "ada", "admin"], missing),
        (&["user", "ban", "ada"], missing),
        (&["user", "unban", "ada"], missing),
        (&["user", "deactivate", "ada"], missing),
        (&["user", "reactivate", "ada"], missing),
        (&["clock", "confirm"], missing),
        // What is to be read.
        (&["restore", "no/such/file"], "no/such/file: there is no backup there"),
        (&["verify", "no/such/file"], "no/such/file: there is no backup there"),
        (&["import", "slack", "/nowhere.zip"], "there is nothing at /nowhere.zip"),
        (&["import", "slack", "/nowhere.zip", "--dry-run"], "there is nothing at /nowhere.zip"),
        (&["import", "campfire", "/nowhere"], "there is nothing at /nowhere"),
        (&["import", "mattermost", "/nowhere.jsonl"], "there is nothing at /nowhere.jsonl"),
        (&["import", "parlor", "/nowhere"], "there is nothing at /nowhere"),
        (&["import", "slack", "/", "--map", "/nowhere.map"], "--map /nowhere.map"),
        (&["--env-file", "/nowhere.env", "user", "list"], "--env-file: /nowhere.env"),
        // Clients.
        (&["post", "general", "hello"], "PARLOR_URL"),
        (&["tail", "general"], "PARLOR_URL"),
        // Arguments that are none.
        (&["backup"], "TO"),
        (&["export", "--all"], "--to"),
        (&["import", "slack"], "FROM"),
        (&["files"], "Usage"),
        (&["user", "role", "ada", "king"], "king"),
        (&["nothing"], "nothing"),
    ] {
        assert_eq!(ends(database, arguments, 2, why).await.stdout, "", "{arguments:?}");
    }
    // It is there to say so.
    assert!(ends(database, &["doctor"], 1, "failed (database").await.stdout.contains("there is no database"));
    assert_eq!(fs::read_dir(database.folder()).unwrap().count(), 0, "nothing is made");
}

#[apply(once)]
async fn what_fails_later_is_a_failure(database: &Database) {
    let folder = database.folder();
    let at = |name: &str| folder.join(name).to_str().expect("tests have plain paths").to_owned();
    ends(database, &["migrate"], 0, "").await;
    let (text, nowhere) = (at("text.tar.gz"), at("no/such/folder/x"));
    fs::write(&text, "no archive").unwrap();
    for (arguments, why) in [
        (&["backup", &*nowhere][..], "no backup was made"),
        (&["restore", &text], "this isn’t a backup"),
        (&["verify", &text], "this isn’t a backup"),
        (&["import", "slack", &text], "this isn’t an export"),
        (&["import", "campfire", &text], "this isn’t the storage folder"),
        (&["import", "mattermost", &text], "this isn’t a bulk export"),
        (&["import", "parlor", &text], "this isn’t an export"),
        (&["export", "--all", "--to", &nowhere], "nothing was exported"),
        (&["user", "ban", "nobody"], "couldn’t find"),
        (&["user", "reset", "nobody"], "couldn’t find"),
    ] {
        ends(database, arguments, 1, why).await;
    }
    // Somebody who is not there is what export was asked for.
    ends(database, &["export", "--person", "nobody", "--to", &at("out")], 2, "nobody called nobody").await;
    let client = [("PARLOR_URL", "http://127.0.0.1:1"), ("PARLOR_TOKEN", "parlor_x")];
    let away = run(folder, &["tail", "general"], &client, "").await;
    assert!(away.status == Some(1) && away.stderr.contains("Can’t reach the server"), "{away:?}");
    for arguments in [&["files", "check"][..], &["user", "list"], &["backup", &at("b.tar.gz")], &["clock", "confirm"]] {
        ends(database, arguments, 0, "").await;
    }
}

#[apply(once)]
async fn an_operator_says_that_the_clock_is_right(database: &Database) {
    ends(database, &["migrate"], 0, "").await;
    let state = json!({ "at": "2020-01-01T00:00:00.000Z", "doubt": { "at": "2026-01-01T00:00:00.000Z", "until": "2020-01-02T00:00:00.000Z" } });
    database.run(&format!("insert into meta (key, value) values ('clock', '{state}')")).await;
    let told = ends(database, &["doctor"], 1, "clock").await;
    let said = told.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some("clock")).expect("a line");
    assert!(said.starts_with("failed") && said.contains("2026-01-01") && said.contains("2020-01-02"), "{said}");
    let confirmed = ends(database, &["clock", "confirm"], 0, "").await;
    assert!(confirmed.stdout.starts_with("It is 20"), "{confirmed:?}");
    let value = database.query("select value from meta where key = 'clock'").await[0]["value"].as_str().unwrap().to_owned();
    assert!(!value.contains("doubt") && !value.contains("2020"), "{value}");
}
