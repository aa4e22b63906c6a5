//! A later export of the same chat is recognised, although its lists begin with others.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Migrated, Slack, count, import, refused, report};
use crate::harness::Database;
use crate::harness::process::run;
use crate::{both, once};

/// What became of an import: the source, and how many messages are new and were there.
fn came(done: &Value) -> (&str, i64, i64) {
    let number = |field: &str| done[field].as_i64().expect("a number");
    (done["source"].as_str().expect("a name"), number("messages"), number("messages_already"))
}

/// A bulk export with these teams, each with a channel, and a post in that of `old`.
fn mattermost(database: &Database, teams: &[&str]) -> String {
    let mut rows = vec![json!({ "type": "version", "version": 1 })];
    rows.extend(teams.iter().map(|team| json!({ "type": "team", "team": { "name": team } })));
    let channel = |team: &&str| json!({ "type": "channel", "channel": { "team": team, "name": "town-square", "type": "O" } });
    rows.extend(teams.iter().map(channel));
    rows.push(json!({ "type": "user", "user": { "username": "ada" } }));
    let post = json!({ "team": "old", "channel": "town-square", "user": "ada", "message": "hello", "create_at": 1000 });
    rows.push(json!({ "type": "post", "post": post }));
    let path = database.folder().join("import.jsonl");
    fs::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[apply(both)]
async fn a_mattermost_with_a_new_first_team_is_the_same(database: &Migrated) {
    let first = report(&import(database, &["mattermost", &mattermost(database, &["old", "other"])]).await, 0);
    assert_eq!(came(&first), ("mattermost:old", 1, 0));
    let later = mattermost(database, &["new", "old"]);
    let foreseen = report(&import(database, &["mattermost", &later, "--dry-run"]).await, 0);
    let again = report(&import(database, &["mattermost", &later]).await, 0);
    for done in [&foreseen, &again] {
        assert_eq!(came(done), ("mattermost:old", 0, 1), "{done}");
        assert_eq!((&done["people"]["already"], &done["rooms"]["already"]), (&json!(1), &json!(1)), "{done}");
    }
    assert_eq!(count(database, "messages").await, 1);
    // Another server, of which the operator knows.
    let anew = report(&import(database, &["mattermost", &later, "--source", "elsewhere"]).await, 0);
    assert_eq!(came(&anew), ("elsewhere", 1, 0));
    let again = report(&import(database, &["mattermost", &later, "--source", "elsewhere"]).await, 0);
    assert_eq!(came(&again), ("elsewhere", 0, 1));
}

#[apply(both)]
async fn a_workspace_whose_list_begins_with_another_team_is_the_same(database: &Migrated) {
    let first = Slack::small(3);
    let done = report(&import(database, &["slack", &first.write(database, "first.zip")]).await, 0);
    assert_eq!(came(&done), ("slack:T1", 3, 0));
    let mut later = Slack::small(4);
    let mut people: Vec<Value> = serde_json::from_slice(&later.0["users.json"]).unwrap();
    // Somebody of another workspace, with whom a channel is shared.
    people.insert(0, json!({ "id": "U0", "team_id": "T0", "name": "guest" }));
    later.put("users.json", &json!(people));
    let again = report(&import(database, &["slack", &later.write(database, "later.zip")]).await, 0);
    assert_eq!(came(&again), ("slack:T1", 1, 3), "{again}");
    // Now most people have come from elsewhere.
    people.extend((2..5).map(|number| json!({ "id": format!("U0{number}"), "team_id": "T0", "name": format!("guest{number}") })));
    later.put("users.json", &json!(people));
    let again = report(&import(database, &["slack", &later.write(database, "moved.zip")]).await, 0);
    assert_eq!(came(&again), ("slack:T1", 0, 4), "{again}");
}

/// Exports everything of a database into a folder.
async fn export(database: &Database, url: &str, folder: &Path) -> String {
    let to = folder.to_str().unwrap();
    let ended = run(database.folder(), &["export", "--all", "--to", to, "--json"], &[("DATABASE_URL", url)], "").await;
    report(&ended, 0);
    to.to_owned()
}

#[apply(both)]
async fn a_server_that_was_restored_is_not_taken_for_what_it_was(database: &Migrated) {
    // A small server, its backup, and what was restored from it.
    let sqlite = |name: &str| format!("sqlite://{}", database.folder().join(name).display());
    let (server, restored) = (sqlite("server.db"), sqlite("restored.db"));
    let of = database.folder();
    let mut running = crate::harness::Server::start(&server, &[]).await;
    let ada = running.register("ada").await;
    ada.enter("general").await;
    ada.write("general", "before the backup").await.expect(303);
    running.stop().await;
    let archive = of.join("backup.tar.gz");
    let archive = archive.to_str().unwrap();
    let made = run(of, &["backup", archive], &[("DATABASE_URL", &server)], "").await;
    assert_eq!(made.status, Some(0), "{made:?}");
    let before = export(database, &server, &of.join("before")).await;
    let back = run(of, &["restore", archive], &[("DATABASE_URL", &restored)], "").await;
    assert_eq!(back.status, Some(0), "{back:?}");
    let after = export(database, &restored, &of.join("after")).await;

    let first = report(&import(database, &["parlor", &before]).await, 0);
    let (source, new, _) = came(&first);
    assert!(source.starts_with("parlor:") && source.contains('.') && new > 0, "{first}");
    let again = report(&import(database, &["parlor", &before]).await, 0);
    assert_eq!(came(&again), (source, 0, new), "{again}");
    let messages = count(database, "messages").await;
    for dry_run in [&[][..], &["--dry-run"]] {
        refused(
            &import(database, &[&["parlor", &*after], dry_run].concat()).await,
            2,
            &format!("--source {source} goes on there"),
        );
    }
    let there = report(&import(database, &["parlor", &after, "--source", source]).await, 0);
    assert_eq!(came(&there), (source, 0, new), "{there}");
    assert_eq!(count(database, "messages").await, messages);
}

#[apply(once)]
async fn a_source_has_a_plain_name(database: &Database) {
    let from = Slack::small(1).write(database, "export.zip");
    let wrong = import(database, &["slack", &from, "--source", " "]).await;
    assert!(wrong.status == Some(2) && wrong.stderr.contains("must be a name of up to 100 bytes"), "{wrong:?}");
}
