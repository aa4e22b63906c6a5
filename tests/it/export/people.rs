//! A person's own export has all of theirs, and nothing that others wrote.

use std::fs;

use serde_json::{Value, json};

use super::{exported, json_of, lines, live, names};
use crate::both;
use crate::files::send_one;
use crate::harness::{Database, Server};

#[apply(both)]
async fn a_person_gets_all_of_theirs_and_nothing_of_others(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (ada, eve, room) = live(&server).await;
    let bob = server.register("bob").await;
    bob.enter("general").await;
    eve.enter("general").await;
    bob.write("general", "a secret of Bob’s").await.expect(303);
    let (socket, joined) = eve.join("general").await;
    let mine = socket.post("general", "a word of Eve’s", "e1").await;
    let (bobs, _) = bob.join("general").await;
    bobs.ok("react", json!({ "room": "general", "seq": mine["seq"], "emoji": "😀", "on": true })).await;
    bobs.ok("pin", json!({ "room": "general", "seq": mine["seq"], "on": true })).await;
    let his = joined["head"]["seq"].clone();
    socket.ok("react", json!({ "room": "general", "seq": his, "emoji": "🎈", "on": true })).await;
    socket.ok("draft", json!({ "room": "general", "body": "not yet said" })).await;
    send_one(&eve, "general", "hers.txt", b"a file of Eve's").await;
    send_one(&bob, "general", "his.txt", b"a file of Bob's").await;
    for users in ["eve", "bob", "ada, bob"] {
        eve.post("/direct", &[("users", users)]).await.expect(303);
    }
    eve.post("/people/bob/block", &[]).await.expect(303);
    ada.post("/invites", &[("uses", "1"), ("days", "3"), ("note", "not hers")]).await;
    server.stop().await;

    let to = exported(&server, database, &["--person", "Eve"], "out").await;
    assert_eq!(names(&to), ["files", "manifest.json", "messages", "people.jsonl", "person.json", "rooms.jsonl"]);
    let people = lines(&to.join("people.jsonl"));
    assert_eq!(people.iter().map(|person| &person["username"]).collect::<Vec<_>>(), ["eve"]);
    let rooms = lines(&to.join("rooms.jsonl"));
    let others: Vec<_> = rooms.iter().filter(|room| room["visibility"] == "direct").map(|room| &room["others"]).collect();
    assert_eq!(others, [0, 1, 2]);
    let mut bodies = Vec::new();
    for number in 1..=rooms.len() {
        for message in lines(&to.join(format!("messages/{number}.jsonl"))) {
            assert_eq!(message["author"], people[0]["key"], "{message}");
            assert!(message["reactions"].is_null() && message["pin"].is_null(), "{message}");
            bodies.push(message["body"].as_str().expect("a text").to_owned());
        }
    }
    assert!(
        bodies.contains(&"a word of Eve’s".to_owned()) && bodies.contains(&"a reply \u{2028} to you".to_owned()),
        "{bodies:?}"
    );
    assert_eq!(names(&to.join("files")).len(), 1);

    let person = json_of(&to.join("person.json"));
    assert_eq!(person["account"]["username"], "eve");
    assert_eq!(person["sessions"].as_array().map(Vec::len), Some(1), "{person}");
    let shown = |list: &str, field: &str| -> Vec<Value> {
        person[list].as_array().unwrap_or_else(|| panic!("{list}")).iter().map(|row| row[field].clone()).collect()
    };
    assert_eq!(shown("memberships", "room")[..2], [json!("general"), json!(room)]);
    assert_eq!(shown("memberships", "name"), ["general", "Tea & Talk", "", "", ""]);
    assert_eq!(shown("drafts", "body"), [json!("not yet said")]);
    let mut given: Vec<_> = shown("reactions", "emoji").iter().map(Value::to_string).collect();
    given.sort();
    assert_eq!(given, ["\"🎈\"", "\"🎉\"", "\"👍\""]);
    assert_eq!(shown("uploads", "name"), [json!("hers.txt")]);
    assert_eq!(shown("blocks", "person"), [json!("bob")]);
    assert_eq!(shown("pins", "room"), [] as [Value; 0]);
    assert_eq!(shown("invites", "note"), [] as [Value; 0]);
    // Of others only the line that a reply refers to, as it is now.
    assert_eq!(shown("replied_to", "author"), [json!("ada")]);
    assert!(shown("audit", "action").contains(&json!("user.register")), "{person}");
    let all: String = ["people.jsonl", "rooms.jsonl", "person.json", "messages/1.jsonl", "messages/2.jsonl"]
        .iter()
        .map(|name| fs::read_to_string(to.join(name)).unwrap())
        .collect();
    assert!(!all.contains("secret of Bob") && !all.contains("his.txt") && !all.contains("soon gone"), "{all}");
    assert!(!all.contains("password_hash") && !all.contains("not hers"));

    // As pages, too.
    let pages = exported(&server, database, &["--person", "eve", "--html"], "pages").await;
    let index = fs::read_to_string(pages.join("index.html")).unwrap();
    assert!(index.contains("href=\"person.json\"") && index.contains("Tea &#38; Talk"), "{index}");
    assert_eq!(json_of(&pages.join("person.json"))["account"]["username"], "eve");
    assert!(!index.contains("@bob"));
}

/// What somebody set up, in whichever feature, is theirs; what opens something is not told.
#[apply(both)]
async fn a_person_gets_what_they_set_up_without_its_secrets(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    for name in ["eve", "bob"] {
        server.register(name).await.enter("general").await;
    }
    server.stop().await;
    for name in ["eve", "bob"] {
        let own = format!("from users where username = '{name}'");
        database
            .run(&format!(
                "insert into jobs (kind, payload, created_at, due_at) select 'remind',
                    '{{\"nonce\":\"a\",\"room\":null,\"text\":\"tea, \\\"{name}\\\"\",\"user\":' || cast(id as text) || '}}', 1, 2 {own};
                 insert into jobs (kind, payload, created_at, due_at) select 'remind',
                    '{{\"nonce\":\"b\",\"room\":' || cast((select rooms.id from rooms where slug = 'general') as text)
                    || ',\"text\":\"lunch\",\"user\":' || cast(id as text) || '}}', 1, 3 {own};
                 insert into notification_settings (user_id, away_only, quiet_from, keywords) select id, true, 60, '[\"tea of {name}\"]' {own};
                 insert into mail_settings (user_id, missed, token) select id, 'daily', 'a secret of {name}' {own};
                 insert into push_subscriptions (user_id, session_key, endpoint, p256dh, auth, user_agent, created_at)
                    select id, (select min(key) from sessions where user_id = users.id), 'https://push.example/a-secret-of-{name}',
                    'a secret of {name}', 'a secret of {name}', 'Browser of {name}', 1 {own};
                 insert into users (username, name, password_hash, created_at, is_bot, bot_owner_id)
                    select '{name}-bot', 'Robot', '', 1, true, id {own};
                 insert into sessions (key, user_id, data, created_at, last_seen_at, expires_at)
                    select 'a secret of {name}', id, '{{}}', 1, 2, 3 from users where username = '{name}-bot';
                 insert into tokens (session_key, name, scopes, hint) values ('a secret of {name}', 'script of {name}', 'read', 'x');
                 insert into feeds (token_hash, user_id, room_id, kind, created_at)
                    select 'a secret of {name}', id, (select rooms.id from rooms where slug = 'general'), 'pins', 1 {own};
                 insert into hooks (id, token_hash, room_id, bot_id, created_by, created_at)
                    select '{name}', 'a secret of {name}', (select rooms.id from rooms where slug = 'general'),
                    (select bots.id from users as bots where bots.username = '{name}-bot'), id, 1 {own};
                 insert into email_links (token_hash, user_id, address, created_at, expires_at)
                    select 'a secret of {name}', id, '{name}@example.com', 1, 2 {own};
                 insert into imported (source, kind, room, key, local) select 'slack:T1', 'person', '', 'U-{name}', id {own}"
            ))
            .await;
    }
    let to = exported(&server, database, &["--person", "eve"], "out").await;
    let person = json_of(&to.join("person.json"));
    let moment = |ms: u32| format!("1970-01-01T00:00:00.00{ms}Z");
    for (list, expected) in [
        (
            "reminders",
            json!([
                { "text": "tea, \"eve\"", "room": null, "created_at": moment(1), "due_at": moment(2) },
                { "text": "lunch", "room": "general", "created_at": moment(1), "due_at": moment(3) },
            ]),
        ),
        (
            "notifications",
            json!([{ "away_only": true, "quiet_from": 60, "quiet_until": null, "silent_until": null, "keywords": "[\"tea of eve\"]" }]),
        ),
        ("mails", json!([{ "missed": "daily", "mailed_at": null }])),
        ("devices", json!([{ "service": "https://push.example", "user_agent": "Browser of eve", "created_at": moment(1) }])),
        (
            "tokens",
            json!([{ "name": "script of eve", "scopes": "read", "bot": "eve-bot", "created_at": moment(1), "expires_at": moment(3), "used_at": null }]),
        ),
        ("bots", json!([{ "username": "eve-bot", "name": "Robot", "icon": null, "created_at": moment(1), "closed_at": null }])),
        ("feeds", json!([{ "room": "general", "kind": "pins", "created_at": moment(1), "used_at": null }])),
        ("hooks", json!([{ "room": "general", "bot": "eve-bot", "name": "Robot", "created_at": moment(1), "used_at": null }])),
        ("pending_emails", json!([{ "address": "eve@example.com", "created_at": moment(1), "expires_at": moment(2) }])),
        ("origins", json!([{ "source": "slack:T1", "key": "U-eve" }])),
    ] {
        assert_eq!(person[list], expected, "{list}");
    }
    let text = person.to_string();
    assert!(!text.contains("secret") && !text.contains("bob"), "{text}");
}
