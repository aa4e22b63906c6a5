//! Bulk exports of Mattermost's.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::{Migrated, companions, each, import, is_whole, log, members, refused, report, zip};
use crate::harness::Database;
use crate::{both, once};

fn lines() -> String {
    let post = |more: Value| {
        let mut post = json!({ "team": "crew", "channel": "town-square" });
        post.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "type": "post", "post": post })
    };
    let rows = [
        json!({ "type": "version", "version": 1, "info": { "generator": "mattermost-server" } }),
        json!({ "type": "emoji", "emoji": { "name": "own" } }),
        json!({ "type": "team", "team": { "name": "crew", "display_name": "Crew", "type": "O" } }),
        json!({ "type": "channel", "channel": { "team": "crew", "name": "town-square", "display_name": "Town Square", "type": "O", "header": "All" } }),
        json!({ "type": "channel", "channel": { "team": "crew", "name": "few", "display_name": "Few", "type": "P", "deleted_at": 5 } }),
        json!({ "type": "user", "user": { "username": "Ada", "email": "ada@example.com", "auth_service": "saml", "nickname": "Ada L.",
            "roles": "system_user system_admin", "teams": [{ "name": "crew", "channels": [
                { "name": "town-square", "roles": "channel_user channel_admin" }, { "name": "few", "roles": "channel_user" },
                { "name": "unknown" }] }] } }),
        json!({ "type": "user", "user": { "username": "grace", "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper",
            "roles": "system_guest", "teams": [{ "name": "crew", "channels": [{ "name": "town-square" }] }] } }),
        json!({ "type": "user", "user": { "username": "gone", "delete_at": 9, "roles": "system_user", "teams": null } }),
        json!({ "type": "bot", "bot": { "username": "robot", "display_name": "Robot" } }),
        // Not in the order of time.
        post(json!({ "user": "grace", "message": "second @all", "create_at": 3000, "edit_at": 3500, "is_pinned": true,
            "attachments": [{ "path": "20240101/a.txt" }, { "path": "20240101/lost.txt" }] })),
        post(json!({ "user": "ada", "message": "first @grace", "create_at": 1000, "reactions": [
                { "user": "grace", "emoji_name": "tada", "create_at": 1500 }, { "user": "ada", "emoji_name": "own", "create_at": 1 }],
            "replies": [{ "user": "gone", "message": "late reply", "create_at": 4000 }, { "user": "ada", "message": "reply", "create_at": 2000 }] })),
        post(json!({ "user": "ada", "message": "same time", "create_at": 1000 })),
        post(json!({ "user": "grace", "type": "system_join_channel", "message": "grace joined", "create_at": 500 })),
        post(json!({ "user": "grace", "type": "system_header_change", "message": "…", "create_at": 501 })),
        post(json!({ "user": "robot", "message": "beep", "create_at": 5000 })),
        post(json!({ "channel": "unknown", "user": "ada", "message": "lost", "create_at": 1 })),
        json!({ "type": "direct_channel", "direct_channel": { "members": ["ada", "grace"] } }),
        json!({ "type": "direct_post", "direct_post": { "channel_members": ["grace", "ada"], "user": "grace", "message": "for you", "create_at": 1 } }),
    ];
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[apply(both)]
async fn a_bulk_export_comes_over_in_the_order_of_time(database: &Migrated) {
    let path = database.folder().join("export.zip");
    let entries = [("import.jsonl", lines().into_bytes()), ("data/20240101/a.txt", b"contents".to_vec())];
    zip(&path, &entries.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect::<BTreeMap<_, _>>());
    let from = path.to_str().unwrap();
    let foreseen = report(&import(database, &["mattermost", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["mattermost", from]).await, 3);
    is_whole(database).await;
    for field in ["people", "rooms", "messages", "reactions", "files", "left_out"] {
        assert_eq!(foreseen[field], done[field], "{field}");
    }
    assert_eq!(
        (&done["source"], &done["people"]["created"], &done["messages"], &done["files"]),
        (&json!("mattermost:crew"), &json!(4), &json!(8), &json!(1)),
        "{done}"
    );
    let left_out = json!({
        "files whose contents are not in the source": 1,
        "lines of Mattermost’s type emoji": 1,
        "members of channels that are not in the export": 1,
        "messages of Mattermost’s type system_header_change": 1,
        "posts of channels that are not in the export": 1,
        "reactions with a team’s own emoji": 1,
    });
    assert_eq!(done["left_out"], left_out);
    let square = log(database, "town-square").await;
    let bodies = ["", "first @grace", "same time", "reply", "second @room\n[lost.txt]", "late reply", "beep"];
    assert_eq!(each(&square, "body"), bodies);
    assert_eq!(
        (&square[3]["reply_to"], &square[5]["reply_to"], &square[4]["pinned_by"]),
        (&json!(2), &json!(2), &json!("grace"))
    );
    assert_eq!(members(database, "town-square").await, ["ada owner", "grace member"]);
    let emails = database.query("select address from emails").await;
    assert_eq!(each(&emails, "address"), ["ada@example.com"], "only what a directory knows is confirmed");
    // Alone, without its files, with blank lines, and a second time.
    let alone = database.folder().join("import.jsonl");
    fs::write(&alone, lines().replace('\n', "\n \n\n")).unwrap();
    let again = report(&import(database, &["mattermost", alone.to_str().unwrap()]).await, 3);
    assert_eq!((&again["messages"], &again["messages_already"]), (&json!(0), &json!(8)), "{again}");
}

#[apply(both)]
async fn a_conversation_with_somebody_who_is_not_in_the_export_is_left_out(database: &Migrated) {
    let others = |members: Value| {
        let post = json!({ "channel_members": members, "user": "ada", "message": "for somebody else", "create_at": 7 });
        let channel = json!({ "type": "direct_channel", "direct_channel": { "members": members } });
        format!("{channel}\n{}\n", json!({ "type": "direct_post", "direct_post": post }))
    };
    let text = lines() + &others(json!(["ada", "nobody"])) + &others(json!(["ada", "grace", "nobody"]));
    let path = database.folder().join("import.jsonl");
    fs::write(&path, text).unwrap();
    let from = path.to_str().unwrap();
    let foreseen = report(&import(database, &["mattermost", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["mattermost", from]).await, 3);
    for (why, count) in [("direct messages with people who are not in the source", 2), ("messages of rooms that are left out", 2)]
    {
        assert_eq!((&foreseen["left_out"][why], &done["left_out"][why]), (&json!(count), &json!(count)), "{done}");
    }
    assert_eq!(foreseen["rooms"]["created"], done["rooms"]["created"], "{done}");
    assert_eq!(companions(database).await, ["for you ada", "for you grace"]);
    is_whole(database).await;
}

#[apply(both)]
async fn links_to_channels_lead_to_the_rooms_and_nobody_has_joined_in_1970(database: &Migrated) {
    let head = lines().lines().take(9).map(|line| format!("{line}\n")).collect::<String>();
    let channel = |team: &str, name: &str, shown: &str| json!({ "type": "channel", "channel": { "team": team, "name": name, "display_name": shown, "type": "O" } });
    let message = "see ~offtopic, ~town-square. Not ~few ~twice ~~offtopic~~ ~nowhere a~offtopic";
    let rows = [
        channel("crew", "offtopic", "Off Topic"),
        channel("crew", "twice", "Twice"),
        channel("other", "twice", "Again"),
        json!({ "type": "post", "post": { "team": "crew", "channel": "town-square", "user": "ada", "message": message, "create_at": 1000 } }),
    ];
    let path = database.folder().join("import.jsonl");
    fs::write(&path, head + &rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    report(&import(database, &["mattermost", path.to_str().unwrap()]).await, 3);
    let square = log(database, "town-square").await;
    let wanted = "see #off-topic, #town-square. Not ~few ~twice ~~offtopic~~ ~nowhere a~offtopic";
    assert_eq!(square[0]["body"], json!(wanted));
    assert!(square[0]["html"].as_str().expect("a text").contains("\"/rooms/off-topic\""), "{}", square[0]);
    let few = "select joined_at, rooms.created_at as made_at from memberships join rooms on rooms.id = room_id where rooms.name = 'Few'";
    let few = database.query(few).await;
    assert!(few.len() == 1 && few[0]["joined_at"] == few[0]["made_at"] && few[0]["made_at"].as_i64() > Some(0), "{few:?}");
    is_whole(database).await;
}

#[apply(once)]
async fn a_bulk_export_that_is_cut_off_is_refused(database: &Database) {
    let path = database.folder().join("import.jsonl");
    let text = lines();
    fs::write(&path, &text[..text.len() - 30]).unwrap();
    refused(&import(database, &["mattermost", path.to_str().unwrap()]).await, 1, "is damaged or incomplete");
    let mut broken: Vec<_> = text.lines().collect();
    broken.insert(5, "{broken");
    broken.insert(5, "");
    fs::write(&path, broken.join("\n")).unwrap();
    let why = "line 7 is no JSON, or is cut off (key must be a string at column 2)";
    refused(&import(database, &["mattermost", path.to_str().unwrap()]).await, 1, why);
    fs::write(&path, text.replacen("\"version\":1", "\"version\":7", 1)).unwrap();
    refused(&import(database, &["mattermost", path.to_str().unwrap()]).await, 1, "does not say version 1");
    assert!(!database.file().exists());
}

/// Replies are read where they are in the line of what they reply to, also behind blank lines and signs of several bytes.
#[apply(once)]
async fn long_threads_come_over_in_the_order_of_time(database: &Migrated) {
    const REPLIES: i64 = 2_000;
    let thread = |text: &str, first: i64| {
        // Both have replies at odd and even times in turn, and some are written at the same time by the same person.
        let replies: Vec<_> = (0..REPLIES)
            .map(|number| {
                let filling = "…\u{1f600}".repeat(40);
                let at = 10_000 + (number - number % 2) * 10 + first;
                json!({ "user": "grace", "message": format!("{text} {number:04} {filling}"), "create_at": at })
            })
            .collect();
        let post = json!({ "team": "crew", "channel": "town-square", "user": "ada", "message": text, "create_at": first, "replies": replies });
        json!({ "type": "post", "post": post }).to_string()
    };
    let head = lines().lines().take(9).map(|line| format!("{line}\n\n")).collect::<String>();
    let text = format!("{head}{}\n \n{}\n", thread("zwölf", 1_000), thread("eleven", 1_001));
    let path = database.folder().join("import.jsonl");
    fs::write(&path, text).unwrap();
    let done = report(&import(database, &["mattermost", path.to_str().unwrap()]).await, 3);
    assert_eq!(done["messages"], json!(2 * (REPLIES + 1)), "{done}");
    let square = log(database, "town-square").await;
    let bodies = each(&square, "body");
    assert_eq!((bodies[0], bodies[1]), ("zwölf", "eleven"));
    let begins = |at: usize, with: &str| assert!(bodies[at].starts_with(with), "{at}: {}", bodies[at]);
    for (at, with) in
        [(2, "zwölf 0000"), (3, "zwölf 0001"), (4, "eleven 0000"), (5, "eleven 0001"), (6, "zwölf 0002"), (4001, "eleven 1999")]
    {
        begins(at, with);
    }
    for (at, message) in square.iter().enumerate().skip(2) {
        let root = if bodies[at].starts_with("zwölf") { 1 } else { 2 };
        assert_eq!((&message["reply_to"], message["author"].as_str()), (&json!(root), Some("grace")), "{message}");
    }
    is_whole(database).await;
}

/// Retention goes by times: none is before 1970 or after now.
#[apply(both)]
async fn times_that_cannot_be_are_1970_or_now(database: &Migrated) {
    let head = lines().lines().take(9).map(|line| format!("{line}\n")).collect::<String>();
    let post = |message: &str, create_at: i64, more: Value| {
        let mut post =
            json!({ "team": "crew", "channel": "town-square", "user": "ada", "message": message, "create_at": create_at });
        post.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "type": "post", "post": post })
    };
    let posts = [
        post("early", -5, json!({ "edit_at": 1_000 })),
        post("never", 0, json!({})),
        post("right", 1_000, json!({})),
        post("late", i64::MAX, json!({ "is_pinned": true, "edit_at": i64::MAX })),
    ];
    let path = database.folder().join("import.jsonl");
    fs::write(&path, head + &posts.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let from = path.to_str().unwrap();
    let foreseen = report(&import(database, &["mattermost", from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["mattermost", from]).await, 3);
    // A room's beginning is its first message's; the last one has three times, and one has none.
    let moved = "times before 1970 or after now, which are 1970 or now";
    assert_eq!((&done["notes"][moved], &foreseen["notes"][moved]), (&json!(6), &json!(6)), "{done}");
    let square = log(database, "town-square").await;
    assert_eq!(each(&square, "body"), ["early", "never", "right", "late"]);
    let at = |place: usize| square[place]["created_at"].as_i64().expect("a time");
    // Between the beginning of this test's year and now.
    assert_eq!((at(0), at(1), at(2)), (0, 0, 1_000));
    let newest = database.query("select max(created_at) as at from users").await[0]["at"].as_i64().expect("a time");
    assert!(
        at(3) >= newest - 60_000 && at(3) <= newest + 60_000 && square[3]["edited_at"].as_i64() <= Some(newest + 60_000),
        "{}",
        square[3]
    );
    is_whole(database).await;
}
