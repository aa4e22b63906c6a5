//! Who is who: addresses, the mapping file, usernames that are taken, and passwords.

use std::fs;

use serde_json::json;

use super::{Migrated, Slack, companions, each, import, is_whole, log, refused, report, serve};
use crate::harness::Database;
use crate::{both, once};

#[apply(both)]
async fn people_are_found_by_their_address_and_by_the_mapping(database: &Migrated) {
    let mut server = serve(database).await;
    server.register("lovelace").await;
    server.register("amazing").await;
    server.register("bystander").await;
    server.stop().await;
    database
        .run("insert into emails (user_id, address, folded, verified_at) select id, 'Ada@example.com', 'ada@example.com', 1 from users where username = 'lovelace'")
        .await;
    let map = database.folder().join("people.txt");
    fs::write(&map, "# who is who\n\ngrace = @Amazing\nnobody@example.com = bystander\n").unwrap();
    let from = Slack::small(4).write(database, "export.zip");
    let arguments = ["slack", &from, "--map", map.to_str().unwrap()];
    let foreseen = report(&import(database, &[&arguments[..], &["--dry-run"]].concat()).await, 3);
    let done = report(&import(database, &arguments).await, 3);
    assert_eq!(done["people"], json!({ "created": 0, "matched": 2, "already": 0 }));
    assert_eq!((&foreseen["people"], &foreseen["left_out"]), (&done["people"], &done["left_out"]));
    assert_eq!(done["left_out"], json!({ "the mapping of nobody@example.com, who is not in the source": 1 }));
    assert_eq!(each(&log(database, "engines").await, "author"), ["lovelace", "amazing", "lovelace", "amazing"]);
    is_whole(database).await;
    // An earlier import goes before another mapping.
    fs::write(&map, "grace = bystander\n").unwrap();
    assert_eq!(report(&import(database, &arguments).await, 0)["people"]["already"], json!(2));
}

/// They would read each other's conversations.
#[apply(both)]
async fn two_people_with_one_address_are_two_accounts(database: &Migrated) {
    let mut server = serve(database).await;
    server.register("lovelace").await;
    server.stop().await;
    database
        .run("insert into emails (user_id, address, folded, verified_at) select id, 'love@example.com', 'love@example.com', 1 from users where username = 'lovelace'")
        .await;
    let person =
        |key: &str, name: &str, email: &str| json!({ "id": key, "team_id": "T1", "name": name, "profile": { "email": email } });
    let mut people = vec![
        person("U1", "ada", "ada@example.com"),
        person("U2", "grace", "Ada@Example.com"),
        person("U3", "augusta", "love@example.com"),
        person("U4", "byron", "love@example.com"),
        // An address that leads to nobody is nobody's.
        json!({ "id": "U5", "team_id": "T1", "name": "gone", "deleted": true, "profile": { "email": "gone@example.com" } }),
        person("U6", "back", "gone@example.com"),
    ];
    let say = |user: &str, ts: &str, text: &str| json!({ "type": "message", "user": user, "ts": ts, "text": text });
    let mut export = Slack::small(4);
    export.put("users.json", &json!(people));
    export.put("dms.json", &json!([{ "id": "D1", "members": ["U1", "U2"] }, { "id": "D2", "members": ["U3", "U4"] }]));
    export.put("D1/2020-09-13.json", &json!([say("U2", "1600000002.000100", "between us")]));
    export.put("D2/2020-09-13.json", &json!([say("U4", "1600000003.000100", "the same address")]));
    let from = export.write(database, "export.zip");
    let foreseen = report(&import(database, &["slack", &from, "--dry-run"]).await, 0);
    let done = report(&import(database, &["slack", &from]).await, 0);
    assert_eq!(done["people"], json!({ "created": 5, "matched": 1, "already": 0 }));
    let without = |name: &str| format!("account without its address, which another person of the source has: {name}");
    let mut notes = json!({});
    for name in ["grace", "byron"] {
        notes[without(name)] = json!(1);
    }
    assert_eq!(done["notes"], notes);
    for field in ["people", "rooms", "messages", "notes", "left_out"] {
        assert_eq!(foreseen[field], done[field], "{field}");
    }
    let wanted = ["between us ada", "between us grace", "the same address byron", "the same address lovelace"];
    assert_eq!(companions(database).await, wanted);
    let emails = database.query("select address, username from emails join users on users.id = user_id order by address").await;
    let emails: Vec<_> = emails.iter().map(|row| (row["address"].as_str(), row["username"].as_str())).collect();
    let of = |address, username| (Some(address), Some(username));
    let wanted = [of("ada@example.com", "ada"), of("gone@example.com", "back"), of("love@example.com", "lovelace")];
    assert_eq!(emails, wanted);
    // Somebody new has the address of somebody whom an earlier import has brought; only the mapping makes one of two.
    people.push(person("U7", "late", "ada@example.com"));
    people.push(person("U8", "second", "else@example.com"));
    export.put("users.json", &json!(people));
    let (from, map) = (export.write(database, "later.zip"), database.folder().join("people.txt"));
    fs::write(&map, "second = ada\n").unwrap();
    let arguments = ["slack", &from, "--map", map.to_str().unwrap()];
    let foreseen = report(&import(database, &[&arguments[..], &["--dry-run"]].concat()).await, 0);
    let done = report(&import(database, &arguments).await, 0);
    assert_eq!(done["people"], json!({ "created": 1, "matched": 1, "already": 6 }));
    assert_eq!(done["notes"][without("late")], json!(1), "{done}");
    assert_eq!((&foreseen["people"], &foreseen["notes"]), (&done["people"], &done["notes"]));
    is_whole(database).await;
}

#[apply(once)]
async fn a_wrong_mapping_is_refused_before_anything_is_written(database: &Database) {
    let from = Slack::small(4).write(database, "export.zip");
    let map = database.folder().join("people.txt");
    let arguments = ["slack", &*from, "--map", map.to_str().unwrap()];
    refused(&import(database, &arguments).await, 2, "--map");
    for (text, why) in [
        ("grace", "line 1 is not of the form"),
        ("a = ada\na = eve", "line 2: a is there twice"),
        ("grace = n o", "line 1"),
        ("grace = nobody", "nobody here has the username nobody"),
    ] {
        fs::write(&map, text).unwrap();
        refused(&import(database, &arguments).await, 2, why);
    }
    let no_kind = crate::harness::process::run(database.folder(), &["import", "irc", "x"], &[], "").await;
    assert_eq!(no_kind.status, Some(2), "{no_kind:?}");
}

#[apply(both)]
async fn imported_people_come_in_by_a_reset_link_and_bots_do_not(database: &Migrated) {
    let mut export = Slack::small(2);
    export.put(
        "users.json",
        &json!([
            { "id": "U1", "team_id": "T1", "name": "ada", "profile": { "email": "ada@example.com" } },
            { "id": "U2", "team_id": "T1", "name": "robot", "is_bot": true, "profile": { "email": "robot@example.com" } },
        ]),
    );
    let from = export.write(database, "export.zip");
    report(&import(database, &["slack", &from]).await, 0);
    let emails = database.query("select address, username from emails join users on users.id = user_id").await;
    assert_eq!(emails, [json!({ "address": "ada@example.com", "username": "ada" })]);
    let settings = [("DATABASE_URL", database.url())];
    let link = crate::harness::process::run(database.folder(), &["user", "reset", "ada"], &settings, "").await;
    let (_, token) = link.stdout.trim().split_once("/reset/").expect("a link");
    let server = serve(database).await;
    assert!(server.try_log_in("ada").await.is_none() && server.try_log_in("robot").await.is_none());
    let stranger = server.stranger();
    stranger.post(&format!("/reset/{token}"), &[("password", crate::harness::site::PASSWORD)]).await.expect(303);
    let ada = server.log_in("ada").await;
    let (_socket, joined) = ada.join("engines").await;
    assert_eq!(joined["messages"].as_array().map(Vec::len), Some(2), "{joined}");
}
