//! Slack's exports.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use serde_json::{Value, json};

use super::{Migrated, Slack, companions, count, each, files_url, import, is_whole, log, members, report, serve};
use crate::harness::Database;
use crate::{both, once};

/// Everything that an export can hold.
fn full() -> Slack {
    let mut export = Slack::default();
    export.put(
        "users.json",
        &json!([
            { "id": "U1", "team_id": "T1", "name": "ada", "is_admin": true, "tz": "Europe/London",
              "profile": { "display_name": "Ada", "real_name": "Ada Lovelace", "email": "ada@example.com", "status_text": "counting" } },
            { "id": "U2", "team_id": "T1", "name": "grace.hopper", "profile": { "real_name": "Grace Hopper" } },
            { "id": "U3", "team_id": "T1", "name": "gone", "deleted": true, "profile": { "real_name": "Gone" } },
            { "id": "U4", "team_id": "T1", "name": "robot", "is_bot": true, "profile": { "real_name": "Robot", "bot_id": "B1" } },
            { "id": "U5", "team_id": "T1", "name": "visitor", "is_restricted": true, "profile": { "real_name": "Visitor" } },
            { "id": "U6", "team_id": "T1", "name": "admin", "profile": { "real_name": "Parlor Admin" } },
        ]),
    );
    export.put(
        "channels.json",
        &json!([
            { "id": "C1", "name": "general", "created": 1_500_000_000, "creator": "U1", "members": ["U1", "U2", "U5", "U9"],
              "topic": { "value": "All about <#C2|engines>" }, "pins": [{ "id": "1600000000.000100", "created": 1_600_000_900, "user": "U2" }] },
            { "id": "C2", "name": "engines", "created": 1_500_000_100, "creator": "U2", "is_archived": true, "members": ["U2"],
              "purpose": { "value": "Machines" } },
        ]),
    );
    export.put(
        "groups.json",
        &json!([{ "id": "G1", "name": "secret", "created": 1_500_000_200, "creator": "U2", "members": ["U1", "U2"] }]),
    );
    export.put("dms.json", &json!([{ "id": "D1", "created": 1_500_000_300, "members": ["U1", "U2"] }]));
    export.put("mpims.json", &json!([{ "id": "M1", "name": "mpdm-ada--grace--gone-1", "members": ["U1", "U2", "U3"] }]));
    export.put("integration_logs.json", &json!([]));
    let say = |user: &str, ts: &str, text: &str| json!({ "type": "message", "user": user, "ts": ts, "text": text });
    let with = |mut message: Value, more: Value| {
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message
    };
    export.put(
        "general/2020-09-13.json",
        &json!([
            with(say("U1", "1600000000.000100", "*Hello* <@U2>, see <#C2|engines> &amp; <https://a.example/x|this>"), json!({
                "reactions": [{ "name": "+1", "users": ["U2", "U3"], "count": 2 }, { "name": "party-parrot", "users": ["U2"], "count": 1 }],
                "edited": { "user": "U1", "ts": "1600000050.000000" },
            })),
            with(say("U2", "1600000010.000200", "a reply"), json!({ "thread_ts": "1600000000.000100" })),
            with(say("U2", "1600000020.000300", "<@U2> has joined the channel"), json!({ "subtype": "channel_join" })),
            with(say("U1", "1600000030.000400", "set the topic"), json!({ "subtype": "channel_topic", "topic": "New topic" })),
            with(say("U1", "1600000040.000500", ""), json!({ "subtype": "huddle_thread" })),
            json!({ "type": "message", "subtype": "bot_message", "bot_id": "B1", "ts": "1600000041.000000", "text": "built <!here>" }),
            json!({ "type": "message", "subtype": "bot_message", "bot_id": "B7", "username": "Deployer", "ts": "1600000042.000000", "text": "",
                    "attachments": [{ "title": "Build 7", "title_link": "https://a.example/7", "text": "It *works*" }] }),
        ]),
    );
    export.put(
        "general/2020-09-14.json",
        &json!([
            with(say("U1", "1600080000.000100", "waves"), json!({ "subtype": "me_message" })),
            with(say("U2", "1600080001.000100", "reply to the reply"), json!({ "thread_ts": "1600000000.000100", "subtype": "thread_broadcast" })),
            json!({ "type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": "1600080002.000100", "text": "This message was deleted." }),
            with(say("U8", "1600080003.000100", "from elsewhere"), json!({ "user_profile": { "name": "eve", "real_name": "Eve" } })),
            say("U6", "1600080004.000100", "<@U6> <!channel>"),
        ]),
    );
    export.put("secret/2020-09-13.json", &json!([say("U1", "1600000001.000100", "for few")]));
    export.put("D1/2020-09-13.json", &json!([say("U2", "1600000002.000100", "for you")]));
    export.put("mpdm-ada--grace--gone-1/2020-09-13.json", &json!([say("U3", "1600000003.000100", "for three")]));
    export.put(
        "engines/2020-09-13.json",
        &json!([with(say("U2", "1600000004.000100", "archived"), json!({ "subtype": "channel_archive" }))]),
    );
    export
}

#[apply(both)]
async fn everything_of_an_export_comes_over(database: &Migrated) {
    let from = full().write(database, "export.zip");
    let foreseen = report(&import(database, &["slack", &from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["slack", &from]).await, 3);
    is_whole(database).await;
    for field in ["people", "rooms", "messages", "reactions", "pins", "files", "left_out"] {
        assert_eq!(foreseen[field], done[field], "{field}");
    }
    assert_eq!(done["source"], json!("slack:T1"));
    assert_eq!(done["people"], json!({ "created": 9, "matched": 0, "already": 0 }));
    assert_eq!(done["rooms"], json!({ "created": 4, "used": 1, "already": 0 }));
    assert_eq!((&done["messages"], &done["reactions"], &done["pins"]), (&json!(15), &json!(2), &json!(1)));
    let left_out = json!({
        "members who are not in the source": 1,
        "messages of Slack’s kind huddle_thread": 1,
        "reactions with a team’s own emoji": 1,
    });
    assert_eq!(done["left_out"], left_out);
    let general = log(database, "general").await;
    assert_eq!(
        each(&general, "kind"),
        ["text", "text", "joined", "topic", "text", "text", "text", "text", "text", "text", "text"]
    );
    let bodies = [
        "**Hello** @grace.hopper, see #engines & [this](https://a.example/x)",
        "a reply",
        "",
        "New topic",
        "built @here",
        "[Build 7](https://a.example/7)\nIt **works**",
        "_waves_",
        "reply to the reply",
        "",
        "from elsewhere",
        "@admin-2 @room",
    ];
    assert_eq!(each(&general, "body"), bodies);
    assert_eq!(general[0]["created_at"], json!(1_600_000_000_000_i64));
    assert_eq!((&general[0]["edited_at"], &general[0]["pinned_by"]), (&json!(1_600_000_050_000_i64), &json!("grace.hopper")));
    assert_eq!((&general[1]["reply_to"], &general[1]["thread"], &general[7]["reply_to"]), (&json!(1), &json!(1), &json!(1)));
    assert!(
        general[8]["deleted_at"].is_number() && general[0]["html"].as_str().unwrap().contains("<strong>Hello</strong>"),
        "{general:?}"
    );
    // Nobody has two names.
    assert_eq!(members(database, "general").await, ["ada owner", "grace.hopper member", "visitor member"]);
    assert_eq!(members(database, "secret").await, ["ada member", "grace.hopper owner"]);
    let direct = database.query("select direct_key, seq from rooms where direct_key is not null order by direct_key").await;
    assert_eq!((direct.len(), &direct[0]["seq"]), (2, &json!(1)));
    let archived = database.query("select topic, archived_at is not null as archived from rooms where slug = 'engines'").await;
    assert_eq!(archived[0]["topic"], json!("Machines"));
    assert!(archived[0]["archived"] == json!(true) || archived[0]["archived"] == json!(1), "{archived:?}");
    let mentioned =
        database.query("select username, seq from mentions join users on users.id = user_id order by seq, username").await;
    let mentioned: Vec<_> = mentioned.iter().map(|row| format!("{} {}", row["username"].as_str().unwrap(), row["seq"])).collect();
    assert_eq!(mentioned, ["grace.hopper 1", "ada 11", "grace.hopper 11", "visitor 11"]);
    let closed = database.query("select username from users where banned_at is not null order by username").await;
    assert_eq!(each(&closed, "username"), ["deployer", "eve", "gone", "robot", "uslackbot"]);

    let server = serve(database).await;
    let reader = server.register("reader").await;
    let (socket, joined) = reader.join("general").await;
    let shown = joined["messages"].as_array().expect("messages");
    assert!(
        shown
            .iter()
            .any(|message| message["body"] == json!(bodies[0])
                && message["reactions"][0]["users"] == json!(["grace.hopper", "gone"])),
        "{joined}"
    );
    let found = socket.ok("search", json!({ "q": "hello from:ada" })).await;
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1), "{found}");
    assert!(reader.get("/rooms/secret").await.status >= 400);
    // What is written now comes after it, and is found by its date although its neighbours are old.
    socket.post("general", "hello again", "1").await;
    for (q, expected) in [("hello before:2021-01-01", vec![bodies[0]]), ("hello after:2021-01-01", vec!["hello again"])] {
        let found = socket.ok("search", json!({ "q": q })).await;
        let found: Vec<_> =
            found["results"].as_array().expect("results").iter().map(|one| one["message"]["body"].clone()).collect();
        assert_eq!(found, expected, "{q}");
    }
}

/// Programs that complete an export write null for what is empty.
#[apply(both)]
async fn what_is_null_is_empty_and_a_message_that_cannot_be_read_is_left_out_alone(database: &Migrated) {
    let mut export = Slack::default();
    export.put(
        "users.json",
        &json!([
            { "id": "U1", "team_id": "T1", "name": "ada", "deleted": null, "is_bot": null, "is_admin": null, "tz": null, "profile": null },
            null,
            { "id": "U2", "team_id": null, "name": "grace", "profile": { "display_name": null, "email": null, "bot_id": null } },
        ]),
    );
    export.put(
        "channels.json",
        &json!([
            { "id": "C1", "name": "engines", "created": null, "creator": null, "is_archived": null, "updated": null, "members": null,
              "topic": null, "purpose": { "value": null }, "pins": null },
            { "id": "C2", "name": "few", "members": ["U1", null], "pins": [null] },
        ]),
    );
    for name in ["groups.json", "dms.json", "mpims.json", "few/2020-09-01.json"] {
        export.put(name, &json!(null));
    }
    let message = json!({
        "type": "message", "user": "U1", "ts": "1600000000.000100", "text": "hello", "subtype": null, "bot_id": null, "bot_profile": null,
        "user_profile": null, "thread_ts": null, "edited": null, "reactions": null, "files": null, "file": null, "attachments": null,
        "blocks": null, "pinned_info": null, "topic": null, "hidden": null,
    });
    let hollow = json!({
        "type": "message", "user": "U2", "ts": "1600000001.000100", "text": null,
        "reactions": [null, { "name": null, "users": null }, { "name": "+1", "users": ["U1", null] }], "attachments": [null, { "text": "attached" }],
        "blocks": [null], "files": [null, { "id": "F1", "name": "lost.txt", "size": null, "is_external": null }],
    });
    let unreadable = json!({ "type": "message", "user": "U1", "ts": 1_600_000_002, "text": "no text for a time" });
    let odd = json!({ "type": "message", "user": "U1", "ts": "1600000003.000100", "text": ["no", "text"] });
    export.put("engines/2020-09-01.json", &json!([message, null, unreadable, hollow, odd, 7]));
    let from = export.write(database, "export.zip");
    for arguments in [&["slack", &*from, "--dry-run"][..], &["slack", &from]] {
        let done = report(&import(database, arguments).await, 3);
        assert_eq!(
            (&done["people"]["created"], &done["messages"], &done["reactions"]),
            (&json!(2), &json!(2), &json!(1)),
            "{done}"
        );
        assert_eq!(done["left_out"]["messages that can’t be read"], json!(3), "{done}");
    }
    is_whole(database).await;
    assert_eq!(each(&log(database, "engines").await, "body"), ["hello", "attached\n[lost.txt]"]);
    assert_eq!(members(database, "few").await, ["ada owner"]);
}

/// Whatever is in the zip and does not come over is counted.
#[apply(both)]
async fn what_no_channel_claims_is_counted(database: &Migrated) {
    let mut export = Slack::small(2);
    let day = |texts: &[&str]| -> Value {
        let message =
            |(number, text)| json!({ "type": "message", "user": "U1", "ts": format!("160000{number:04}.000100"), "text": text });
        (1..).zip(texts).map(message).collect()
    };
    export
        .put("orphan/2020-09-01.json", &day(&["lost", "words"]))
        .put("orphan/2020-09-02.json", &json!({ "of": "another form" }));
    export.put("unnamed/2020-09-01.json", &day(&["of a channel without an id", "and a second one"]));
    export.put("C3/2020-09-01.json", &day(&["of a channel without a name"]));
    export.put("engines/sub/2020-09-01.json", &day(&["deep"])).put("engines/canvas.json", &json!({}));
    export.put("__uploads/F1/2020.json", &json!([])).put("__MACOSX/engines/2020-09-01.json", &json!([]));
    export.put("engines/._2020-09-01.json", &json!("of an archiver"));
    let mut people: Vec<Value> = serde_json::from_slice(&export.0["users.json"]).unwrap();
    people.push(json!({ "name": "nobody", "team_id": "T1" }));
    let mut channels: Vec<Value> = serde_json::from_slice(&export.0["channels.json"]).unwrap();
    channels.extend([json!({ "name": "unnamed" }), json!({ "id": "C3", "members": ["U1"] })]);
    export.put("users.json", &json!(people)).put("channels.json", &json!(channels));
    let from = export.write(database, "export.zip");
    let foreseen = report(&import(database, &["slack", &from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["slack", &from]).await, 3);
    let left_out = json!({
        "channels without an id": 1,
        "files that are no days of a channel": 3,
        "messages of channels that are not in the export": 4,
        "people without an id": 1,
    });
    assert_eq!((&done["left_out"], &foreseen["left_out"]), (&left_out, &left_out));
    assert_eq!((&done["messages"], &foreseen["messages"]), (&json!(3), &json!(3)));
    is_whole(database).await;
}

/// Without them it would be the conversation of those who are known, and perhaps one with oneself.
#[apply(both)]
async fn those_who_are_in_conversations_and_not_in_the_list_of_people_are_added(database: &Migrated) {
    let mut export = Slack::small(1);
    let conversations = [
        ("D1", json!(["U1", "U2"])),
        ("D2", json!(["U1", "U8"])),
        ("D3", json!(["U1"])),
        ("D4", json!(["U1", null])),
        ("M1", json!(["U2", "U1", "U9"])),
    ];
    let list = |of: &[(&str, Value)]| of.iter().map(|(key, members)| json!({ "id": key, "members": members })).collect::<Value>();
    export.put("dms.json", &list(&conversations[..4])).put("mpims.json", &list(&conversations[4..]));
    for (key, _) in &conversations {
        let message = json!({ "type": "message", "user": "U1", "ts": "1600000001.000100", "text": key });
        let answer = json!({ "type": "message", "user": "U8", "ts": "1600000002.000100", "text": "here", "user_profile": { "name": "eve" } });
        let day = if *key == "D2" { vec![message, answer] } else { vec![message] };
        export.put(&format!("{key}/2020-09-13.json"), &json!(day));
    }
    let from = export.write(database, "export.zip");
    let foreseen = report(&import(database, &["slack", &from, "--dry-run"]).await, 3);
    let done = report(&import(database, &["slack", &from]).await, 3);
    let left_out =
        json!({ "direct messages with people who are not in the source": 1, "messages of rooms that are left out": 1 });
    assert_eq!(done["left_out"], left_out);
    assert_eq!((&done["people"]["created"], &done["rooms"]["created"]), (&json!(4), &json!(5)), "{done}");
    for field in ["people", "rooms", "messages", "left_out"] {
        assert_eq!(foreseen[field], done[field], "{field}");
    }
    let wanted = ["D1 ada", "D1 grace", "D2 ada", "D2 eve", "D3 ada", "M1 ada", "M1 grace", "M1 u9", "here ada", "here eve"];
    let mut reads = companions(database).await;
    // Each database has its own order of letters.
    reads.sort_unstable();
    assert_eq!(reads, wanted);
    is_whole(database).await;
    assert_eq!(report(&import(database, &["slack", &from]).await, 3)["messages"], json!(0));
}

#[apply(both)]
async fn a_repeated_import_adds_only_what_is_new(database: &Migrated) {
    let mut export = Slack::small(250);
    let from = export.write(database, "first.zip");
    let first = report(&import(database, &["slack", &from]).await, 0);
    assert_eq!((&first["messages"], &first["messages_already"]), (&json!(250), &json!(0)));
    let again = report(&import(database, &["slack", &from]).await, 0);
    assert_eq!((&again["messages"], &again["messages_already"]), (&json!(0), &json!(250)));
    assert_eq!(again["people"], json!({ "created": 0, "matched": 0, "already": 2 }));
    assert_eq!(again["rooms"], json!({ "created": 0, "used": 0, "already": 1 }));
    // Somebody leaves here, and there is more there: a message that replies to an old one, and somebody new.
    database.run("delete from memberships where user_id = (select id from users where username = 'grace')").await;
    export.put(
        "users.json",
        &json!([
            { "id": "U1", "team_id": "T1", "name": "ada" }, { "id": "U2", "team_id": "T1", "name": "grace" },
            { "id": "U3", "team_id": "T1", "name": "eve" },
        ]),
    );
    export.put("channels.json", &json!([{ "id": "C1", "name": "engines", "creator": "U1", "members": ["U1", "U2", "U3"] }]));
    export.put(
        "engines/2021-01-01.json",
        &json!([{ "type": "message", "user": "U3", "text": "hi <@U1>", "ts": "1700000000.000100", "thread_ts": "1600000010.000100" }]),
    );
    let from = export.write(database, "second.zip");
    let third = report(&import(database, &["slack", &from]).await, 0);
    assert_eq!((&third["messages"], &third["messages_already"]), (&json!(1), &json!(250)));
    let log = log(database, "engines").await;
    assert_eq!((log.len(), &log[250]["body"], &log[250]["reply_to"]), (251, &json!("hi @ada"), &json!(2)));
    assert_eq!(members(database, "engines").await, ["ada owner", "eve member"], "who has left does not come back");
    is_whole(database).await;
    // A room that was deleted here stays deleted.
    database.run("update rooms set removed_at = 1 where slug = 'engines'").await;
    let fourth = report(&import(database, &["slack", &from]).await, 3);
    assert_eq!((&fourth["messages"], &fourth["rooms"]["created"]), (&json!(0), &json!(0)));
}

#[apply(both)]
async fn a_dry_run_writes_nothing(database: &Database) {
    let from = Slack::small(10).write(database, "export.zip");
    let foreseen = report(&import(database, &["slack", &from, "--dry-run"]).await, 0);
    assert_eq!(
        (&foreseen["dry_run"], &foreseen["messages"], &foreseen["people"]["created"]),
        (&json!(true), &json!(10), &json!(2))
    );
    assert!(!database.file().exists(), "not even a database");
    assert!(!database.folder().join("files").exists(), "nor a folder for files");
    let settings = [("DATABASE_URL", database.url())];
    let migrated = crate::harness::process::run(database.folder(), &["migrate"], &settings, "").await;
    assert_eq!(migrated.status, Some(0), "{migrated:?}");
    report(&import(database, &["slack", &from, "--dry-run"]).await, 0);
    for table in ["users", "messages", "imported", "memberships", "audit"] {
        assert_eq!(count(database, table).await, 0, "{table}");
    }
    report(&import(database, &["slack", &from]).await, 0);
    let known = report(&import(database, &["slack", &from, "--dry-run"]).await, 0);
    assert_eq!((&known["messages"], &known["messages_already"], &known["people"]["already"]), (&json!(0), &json!(10), &json!(2)));
}

#[apply(once)]
async fn files_are_fetched_where_the_token_works_and_are_links_where_not(database: &Database) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let app = Router::new().fallback(move |uri: Uri| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move {
            match (uri.path(), uri.query()) {
                ("/a.txt", Some("t=good")) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain")], b"some text".to_vec()),
                ("/page.png", _) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html")], b"<html>log in".to_vec()),
                ("/large.bin", _) => (StatusCode::OK, [(header::CONTENT_TYPE, "application/octet-stream")], vec![0; 200_000]),
                _ => (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/plain")], b"no".to_vec()),
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let file = |id: &str, name: &str, url: &str| json!({ "id": id, "name": name, "mimetype": "text/plain", "size": 9, "url_private_download": url });
    let mut export = Slack::small(1);
    export.put(
        "engines/2020-10-01.json",
        &json!([
            { "type": "message", "user": "U1", "ts": "1610000000.000100", "text": "one", "files": [
                file("F1", "a.txt", &format!("{origin}/a.txt?t=good")), file("F2", "b [x].txt", &format!("{origin}/b.txt?t=void")),
                file("F3", "page.png", &format!("{origin}/page.png?t=void")), file("F4", "elsewhere", "https://files.slack.com.example/x"),
                file("F5", "large.bin", &format!("{origin}/large.bin")), { "id": "F6", "mode": "tombstone" }, null,
                { "id": "F7", "name": "here.txt", "size": 4, "url_private": "https://files.slack.com/void" },
            ] },
        ]),
    );
    export.0.insert("__uploads/F7/here.txt".into(), b"here".to_vec());
    let from = export.write(database, "export.zip");
    let files = files_url(database);
    let settings = [("DATABASE_URL", database.url()), ("FILES_URL", &*files), ("MAX_FILE_SIZE", "100KB")];
    let arguments = ["import", "slack", &from, "--json", "--files-from", &origin];
    let ended = crate::harness::process::run(database.folder(), &arguments, &settings, "").await;
    let done = report(&ended, 3);
    serving.abort();
    assert_eq!(done["files"], json!(2), "{done}");
    let left_out = json!({
        "files that are larger than MAX_FILE_SIZE": 1,
        "files that could not be fetched: the export has only links to them, and its token may be void": 3,
        "files that were deleted in Slack, or that its plan hides": 1,
    });
    assert_eq!(done["left_out"], left_out);
    assert_eq!(asked.load(Ordering::Relaxed), 4, "the other host is not asked");
    let message = &log(database, "engines").await[1];
    let expected = format!(
        "one\n[b  x .txt]({origin}/b.txt)\n[page.png]({origin}/page.png)\n[elsewhere](https://files.slack.com.example/x)\n[large.bin]({origin}/large.bin)"
    );
    assert_eq!(message["body"], json!(expected), "links have no secrets");
    is_whole(database).await;
    let server = serve(database).await;
    let reader = server.register("reader").await;
    let (_socket, joined) = reader.join("engines").await;
    let attachments = joined["messages"][1]["attachments"].as_array().expect("files").clone();
    let mut contents = Vec::new();
    for attachment in &attachments {
        contents.push(reader.get(attachment["url"].as_str().unwrap()).await.expect(200).body.clone());
    }
    assert_eq!(contents, ["some text", "here"]);
}

#[apply(once)]
async fn names_that_are_taken_get_a_number_and_long_texts_are_several_messages(database: &Database) {
    let mut server = serve(database).await;
    let ada = server.register("ada").await;
    ada.create_room("engines", "public").await;
    let (socket, _) = ada.join("engines").await;
    socket.post("engines", "mine", "1").await;
    server.stop().await;
    // She has read her own message, too.
    database.run("update memberships set read_seq = (select seq from rooms where rooms.id = room_id)").await;
    let mut export = Slack::small(1);
    let long = "many words ".repeat(2_000);
    export.put(
        "engines/2020-10-01.json",
        &json!([{ "type": "message", "user": "U2", "ts": "1610000000.000100", "text": format!("{long} <@U1> #engines") }]),
    );
    let from = export.write(database, "export.zip");
    let done = report(&import(database, &["slack", &from]).await, 0);
    assert_eq!((&done["people"]["created"], &done["rooms"]["created"]), (&json!(2), &json!(1)), "{done}");
    assert_eq!(log(database, "engines").await.last().expect("a message")["body"], json!("mine"));
    let imported = log(database, "engines (2)").await;
    assert_eq!(imported[0]["author"], json!("ada-2"));
    let bodies = each(&imported, "body");
    assert!(bodies.len() > 3 && bodies[1..].iter().all(|body| body.chars().count() <= 8_000), "{}", bodies.len());
    let whole = bodies[1..].join(" ");
    assert!(whole.starts_with("many words") && whole.ends_with("@ada-2 #engines-2"), "{}", &whole[whole.len() - 80..]);
    assert_eq!(whole.matches("many words").count(), 2_000);
    assert_eq!(report(&import(database, &["slack", &from]).await, 0)["messages"], json!(0));
    is_whole(database).await;
}
