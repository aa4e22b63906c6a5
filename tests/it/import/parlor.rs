//! Parlor's own exports.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Migrated, companions, count, each, import, is_whole, log, members, refused, report, serve};
use crate::files::portraits::{GREEN, middle, stripes};
use crate::harness::Database;
use crate::{both, once};

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// A folder with everything that records can say.
fn folder(database: &Database) -> PathBuf {
    let folder = database.folder().join("export");
    fs::create_dir_all(folder.join("messages")).unwrap();
    fs::create_dir_all(folder.join("files")).unwrap();
    let text = b"the contents of a file";
    fs::write(folder.join("files/one"), text).unwrap();
    fs::write(folder.join("files/picture"), stripes()).unwrap();
    let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    write(&folder, "manifest.json", &json!({
        "format": "parlor-export", "version": 1, "program": "Parlor 0.1.0", "source": "parlor:abc", "made_at": "2026-01-01T00:00:00.000Z",
        "scope": "all", "people": 3, "rooms": 3, "messages": 12, "files": 1,
    }).to_string());
    write(
        &folder,
        "people.jsonl",
        &lines(&[
            json!({ "key": "1", "username": "ada", "name": "Ada", "created_at": "2020-01-01T00:00:00.000Z", "is_admin": true, "unknown": 1,
                "photo": { "name": "photo", "path": "files/picture" } }),
            json!({ "key": "2", "username": "grace", "name": "Grace", "is_guest": true, "photo": { "name": "photo", "path": "files/one" } }),
            json!({ "key": "3", "username": "eve", "name": "Eve", "is_closed": true }),
        ]),
    );
    write(
        &folder,
        "rooms.jsonl",
        &lines(&[
            json!({ "key": "10", "name": "The Observatory", "topic": "Stars", "visibility": "public", "created_at": "2020-01-02T00:00:00.000Z",
                "created_by": "1", "members": [{ "person": "1", "role": "owner", "joined_at": "2020-01-02T00:00:00.000Z" },
                    { "person": "2", "role": "moderator" }, { "person": "3" }], "icon": { "name": "icon", "path": "files/picture" } }),
            json!({ "key": "11", "visibility": "direct", "members": [{ "person": "1" }, { "person": "2" }] }),
            json!({ "key": "12", "name": "Empty", "visibility": "private", "members": [], "icon": { "name": "icon", "path": "files/picture" },
                "bans": [{ "person": "3", "at": "2020-01-03T00:00:00.000Z" }, { "person": "77" }],
                "settings": { "posting": "moderator", "slow_mode": 60, "link_previews": false, "keep_messages": 0, "keep_files": 99999 } }),
        ]),
    );
    let at = |minute: u32| format!("2020-01-02T00:{minute:02}:00.000Z");
    write(
        &folder,
        "messages/1.jsonl",
        &lines(&[
            json!({ "key": "1", "kind": "joined", "author": "1", "created_at": at(0) }),
            json!({ "key": "2", "author": "1", "body": "hello @grace and @nobody", "created_at": at(1), "edited_at": at(5),
                "revisions": [{ "body": "first", "written_at": at(1) }, { "body": "second", "written_at": at(3) }],
                "reactions": [{ "emoji": "👍", "person": "2", "at": at(6) }, { "emoji": "👍", "person": "2" }, { "emoji": "no", "person": "2" }],
                "pin": { "by": "2", "at": at(7) } }),
            json!({ "key": "3", "author": "2", "body": "reply", "created_at": at(8), "reply_to": "2" }),
            json!({ "key": "4", "author": "1", "body": "", "created_at": at(9), "deleted_at": at(10) }),
            json!({ "key": "5", "author": "1", "body": "", "created_at": at(11), "reply_to": "3", "files": [
            { "name": "notes.txt", "type": "text/plain", "bytes": 22, "hash": hash, "alt": "notes", "path": "files/one" },
            { "name": "gone.txt", "bytes": 3, "path": "files/two" }, { "name": "evil", "path": "../people.jsonl" },
            { "name": "damaged", "hash": "00", "path": "files/one" }] }),
            json!({ "key": "6", "kind": "topic", "author": "1", "body": "Stars", "created_at": at(12) }),
            json!({ "key": "7", "kind": "left", "author": "3", "body": "1", "created_at": at(13) }),
            json!({ "key": "8", "kind": "role", "author": "2", "body": "moderator ada", "created_at": at(14) }),
            json!({ "key": "9", "author": "2", "body": " ", "created_at": at(15) }),
            json!({ "key": "10", "author": "77", "body": "from nobody", "created_at": at(16) }),
        ]),
    );
    write(
        &folder,
        "messages/2.jsonl",
        &lines(&[
            json!({ "key": "1", "author": "2", "body": "for you", "created_at": at(1) }),
            json!({ "key": "2", "author": "1", "body": "a reply to what is not there", "created_at": at(2), "reply_to": "99" }),
        ]),
    );
    write(&folder, "messages/3.jsonl", "");
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

#[apply(both)]
async fn a_folder_comes_over_with_its_files(database: &Migrated) {
    let folder = folder(database);
    let from = folder.to_str().unwrap();
    let foreseen = report(&import(database, &["parlor", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["parlor", from]).await, 3);
    is_whole(database).await;
    assert_eq!(done["source"], json!("parlor:abc"));
    for field in ["people", "messages", "reactions", "pins"] {
        assert_eq!(foreseen[field], done[field], "{field}");
    }
    let left_out = json!({
        "files whose contents are damaged": 1,
        "files whose contents are not in the source": 2,
        "icons of rooms that nobody is in": 1,
        "messages of people who are not in the source": 1,
        "messages that show nothing": 1,
        "photos and icons that are no pictures": 1,
        "reactions that are no emoji": 1,
        "what messages reply to, because it is not there": 1,
    });
    assert_eq!(done["left_out"], left_out);
    assert_eq!(
        (&done["messages"], &done["files"], &done["pins"], &done["reactions"]),
        (&json!(10), &json!(1), &json!(1), &json!(1))
    );
    let room = log(database, "the-observatory").await;
    assert_eq!(each(&room, "kind"), ["joined", "text", "text", "text", "text", "topic", "left", "role"]);
    let bodies = ["", "hello @grace and @nobody", "reply", "", "[gone.txt]\n[evil]\n[damaged]", "Stars", "ada", "moderator ada"];
    assert_eq!(each(&room, "body"), bodies);
    assert_eq!((&room[2]["thread"], &room[4]["thread"], &room[4]["reply_to"]), (&json!(2), &json!(2), &json!(3)));
    assert_eq!((&room[1]["pinned_by"], room[3]["deleted_at"].is_number()), (&json!("grace"), true));
    assert_eq!(each(&database.query("select body from revisions order by rev").await, "body"), ["first", "second"]);
    assert_eq!(members(database, "the-observatory").await, ["ada owner", "eve member", "grace moderator"]);
    let settings = "select posting, mass_mentions, slow_mode, keep_messages, keep_files,
        case when link_previews then 1 else 0 end as previews from rooms where name = 'Empty'";
    let expected = json!({ "posting": "moderator", "mass_mentions": "member", "slow_mode": 60, "keep_messages": 0,
        "keep_files": null, "previews": 0 });
    assert_eq!(database.query(settings).await, [expected], "what its owners had set, as far as it can be so here");
    let banned = "select username, room_bans.banned_at as banned_at from room_bans join users on users.id = user_id";
    assert_eq!(database.query(banned).await, [json!({ "username": "eve", "banned_at": 1_578_009_600_000_i64 })]);
    let guests = database.query("select username from users where is_guest").await;
    assert_eq!(
        (each(&guests, "username"), count(database, "users where is_admin").await),
        (vec!["grace"], 0),
        "nobody becomes an administrator"
    );
    let server = serve(database).await;
    let reader = server.register("reader").await;
    let (socket, joined) = reader.join("the-observatory").await;
    let attachment = &joined["messages"][4]["attachments"][0];
    assert_eq!((&attachment["name"], &attachment["alt"]), (&json!("notes.txt"), &json!("notes")));
    assert_eq!(reader.get(attachment["url"].as_str().unwrap()).await.expect(200).body, "the contents of a file");
    for picture in ["/people/ada/photo", "/rooms/the-observatory/icon"] {
        assert_eq!(middle(&reader, picture).await.0, GREEN, "{picture}");
    }
    assert!(joined["room"]["icon"].is_string(), "{joined}");
    let found = socket.ok("search", json!({ "q": "hello" })).await;
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1), "{found}");
}

/// Nor does a person's own export make them talk to themselves: it names nobody else.
#[apply(once)]
async fn a_conversation_with_somebody_who_is_not_in_the_folder_is_left_out(database: &Migrated) {
    let folder = folder(database);
    let from = folder.to_str().unwrap();
    let [manifest, rooms] = ["manifest.json", "rooms.jsonl"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    let both = r#"[{"person":"1"},{"person":"2"}]"#;
    assert!(rooms.contains(both) && manifest.contains(r#""scope":"all""#), "{rooms} {manifest}");
    for (scope, members) in [("all", r#"[{"person":"1"},{"person":"77"}]"#), ("person", r#"[{"person":"1"}]"#)] {
        write(&folder, "manifest.json", &manifest.replace(r#""scope":"all""#, &format!(r#""scope":"{scope}""#)));
        write(&folder, "rooms.jsonl", &rooms.replace(both, members));
        for dry_run in [&["--dry-run"][..], &[]] {
            let done = report(&import(database, &[&["parlor", from], dry_run].concat()).await, 3);
            let left_out = &done["left_out"];
            assert_eq!(left_out["direct messages with people who are not in the source"], json!(1), "{done}");
            assert_eq!(left_out["messages of rooms that are left out"], json!(2), "{done}");
        }
        assert!(companions(database).await.is_empty());
    }
    // The whole export brings it.
    write(&folder, "manifest.json", &manifest);
    write(&folder, "rooms.jsonl", &rooms);
    report(&import(database, &["parlor", from]).await, 3);
    assert_eq!(companions(database).await.len(), 4);
    is_whole(database).await;
}

#[apply(once)]
async fn notes_to_oneself_come_with_a_persons_own_export(database: &Migrated) {
    let folder = folder(database);
    let from = folder.to_str().unwrap();
    let [manifest, rooms] = ["manifest.json", "rooms.jsonl"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    let (both, alone) = (r#"[{"person":"1"},{"person":"2"}]"#, r#"[{"person":"1"}],"others":0"#);
    write(&folder, "manifest.json", &manifest.replace(r#""scope":"all""#, r#""scope":"person""#));
    write(&folder, "rooms.jsonl", &rooms.replace(both, alone));
    let done = report(&import(database, &["parlor", from]).await, 3);
    assert_eq!(done["left_out"]["direct messages with people who are not in the source"], json!(null), "{done}");
    let companions = companions(database).await;
    assert!(companions.len() == 2 && companions.iter().all(|reads| reads.ends_with(" ada")), "{companions:?}");
    is_whole(database).await;
}

#[apply(once)]
async fn a_folder_that_is_damaged_or_of_a_later_version_is_refused(database: &Database) {
    let folder = folder(database);
    let from = folder.to_str().unwrap().to_owned();
    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    for (text, why) in [
        (manifest.replace("\"version\":1", "\"version\":2"), "which is newer"),
        (manifest.replace("parlor-export", "other"), "says otherwise"),
        ("{".to_owned(), "this isn’t an export of Parlor’s"),
    ] {
        write(&folder, "manifest.json", &text);
        refused(&import(database, &["parlor", &from]).await, 1, why);
    }
    assert!(!database.file().exists());
    write(&folder, "manifest.json", &manifest);
    let messages = fs::read_to_string(folder.join("messages/2.jsonl")).unwrap();
    write(&folder, "messages/2.jsonl", &messages[..messages.len() - 20]);
    refused(&import(database, &["parlor", &from]).await, 1, "2.jsonl is damaged or incomplete: line 2 has no end");
    write(&folder, "messages/2.jsonl", &messages.replacen("\n{", "\n{broken", 1));
    refused(&import(database, &["parlor", &from]).await, 1, "line 2: key must be a string at column 2");
    fs::remove_file(folder.join("messages/2.jsonl")).unwrap();
    refused(&import(database, &["parlor", &from]).await, 1, "can’t read");
    write(&folder, "messages/2.jsonl", &messages);
    // Cut off after a line, each file looks whole.
    for (name, place, why) in [
        ("people.jsonl", "people.jsonl", "it has 2 lines, and manifest.json says 3"),
        ("rooms.jsonl", "rooms.jsonl", "it has 2 lines, and manifest.json says 3"),
        ("messages/2.jsonl", "messages", "it has 11 lines, and manifest.json says 12"),
    ] {
        let whole = fs::read_to_string(folder.join(name)).unwrap();
        let cut = whole.trim_end().rfind('\n').unwrap() + 1;
        write(&folder, name, &whole[..cut]);
        for dry_run in [&[][..], &["--dry-run"]] {
            let arguments = [&["parlor", &*from], dry_run].concat();
            refused(&import(database, &arguments).await, 1, &format!("{place} is damaged or incomplete: {why}"));
        }
        write(&folder, name, &whole);
    }
    let done = report(&import(database, &["parlor", &from]).await, 3);
    assert_eq!(done["messages"].as_i64().unwrap() + done["messages_already"].as_i64().unwrap(), 10, "{done}");
    is_whole(database).await;
}
