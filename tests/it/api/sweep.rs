//! Every documented operation: of a private room nobody outside learns anything, and nobody at all without a token.

use reqwest::Method;
use serde_json::{Value, json};

use super::Program;
use crate::harness::{Answer, TestApp};
use crate::{both, everywhere};

/// The operations of the document: methods and paths behind `/api/v1`.
pub async fn operations(app: &TestApp) -> Vec<(Method, String)> {
    let document = app.stranger().get("/api/openapi.json").await.expect(200).json();
    let paths = document["paths"].as_object().expect("paths").clone();
    let methods = ["get", "post", "put", "patch", "delete"];
    let all = paths.iter().flat_map(|(path, item)| {
        let present = methods.into_iter().filter(|method| item.get(*method).is_some());
        present.map(|method| {
            (method.to_uppercase().parse().expect("a method"), path.strip_prefix("/api/v1").expect(path).to_owned())
        })
    });
    all.collect()
}

fn filled(path: &str, slug: &str) -> String {
    let named = [
        ("{slug}", slug),
        ("{seq}", "2"),
        ("{username}", "ada"),
        ("{emoji}", "%F0%9F%91%8D"),
        ("{id}", "0123456789abcdef"),
        ("{receiver}", "webhook-1"),
        ("{section}", "rooms"),
        ("{room}", slug),
    ];
    named.into_iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[apply(everywhere)]
async fn a_private_room_is_not_there_for_outsiders(app: &TestApp) {
    let ada = app.register("ada").await;
    let room = ada.create_room("Secret circle", "private").await;
    let owner = Program::of(app, &ada, "write").await;
    owner.say(&room, "the password is swordfish").await;
    let (eve, rosa) = (app.register("eve").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    // An administrator's token that does not say `admin` is an outsider's, too.
    let outsiders = [Program::of(app, &eve, "write").await, Program::of(app, &rosa, "read write").await];
    let before = app.database.rows("messages").await;
    let nowhere = "nobody-circle";
    let mut count = 0;
    let of_rooms = |(_, path): &(Method, String)| path.contains("{slug}") && !path.starts_with("/admin/");
    for (method, path) in operations(app).await.into_iter().filter(of_rooms) {
        let bodies = if method == Method::GET {
            vec![None]
        } else {
            vec![Some(json!({ "body": "x", "username": "eve", "role": "owner" })), Some(json!({ "body": 7 }))]
        };
        for (outsider, body) in outsiders.iter().flat_map(|outsider| bodies.iter().map(move |body| (outsider, body))) {
            let ask = async |slug: &str| outsider.ask(method.clone(), &filled(&path, slug), body.clone()).await;
            let (there, elsewhere) = (ask(&room).await, ask(nowhere).await);
            let what = format!("{method} {path} {body:?}");
            assert_eq!((there.status, &there.body), (elsewhere.status, &elsewhere.body), "{what}");
            let is_wrong = body.as_ref().is_some_and(|body| body["body"] == json!(7));
            // What is no favorite stays none, whatever it is.
            let is_nothing = method == Method::DELETE && path.ends_with("/favorite") && there.status == 204;
            assert!(there.status == 404 || is_wrong && there.status == 422 || is_nothing, "{what}: {there:?}");
        }
        count += 1;
    }
    assert!(count >= 20, "{count}");
    assert_eq!(app.database.rows("messages").await, before);
    owner.get(&format!("/rooms/{room}/messages")).await.expect(200);
}

#[apply(everywhere)]
async fn nothing_is_answered_without_a_token(app: &TestApp) {
    let before = app.database.rows("users").await;
    for (method, path) in operations(app).await {
        let request = app.stranger().request(method.clone(), &format!("/api/v1{}", filled(&path, "general")));
        let answer = Answer::of(request.header("accept", "text/html")).await;
        let error: Value = answer.expect(401).json()["error"].clone();
        assert_eq!((&error["code"], answer.header("www-authenticate")), (&json!("unauthenticated"), "Bearer"), "{method} {path}");
    }
    assert_eq!(app.database.rows("users").await, before);
}

/// What a member and an administrator are answered whose token does not say `admin`, each in a room of the same kind, in the same order.
#[apply(both)]
async fn an_administrators_token_without_admin_does_what_a_members_does(app: &TestApp) {
    let (ada, eve, rosa) = (app.register("ada").await, app.register("eve").await, app.register("rosa").await);
    app.register("mei").await;
    app.database.make_admin("rosa").await;
    let owner = Program::of(app, &ada, "write").await;
    let of_rooms: Vec<_> = operations(app).await.into_iter().filter(|(_, path)| path.contains("{slug}")).collect();
    // What follows would be asked by somebody else.
    let of_members = |path: &str| !path.ends_with("/leave") && !path.ends_with("/join");
    let bodies = [
        json!({
            "body": "x", "username": "mei", "role": "owner", "messages": "1", "name": "forged", "posting": "moderator", "reason": "rude",
            "action": "delete", "kind": "pins", "level": "all",
        }),
        json!({ "archived": true }),
        json!({ "visibility": "private" }),
    ];
    let mut answers = Vec::new();
    for person in [&eve, &rosa] {
        let room = ada.create_room(&format!("Room of {}", person.username), "public").await;
        let place = owner.say(&room, "the first words").await["seq"].clone();
        assert_eq!(place, 2, "what the paths name");
        owner.patch(&format!("/rooms/{room}/messages/2"), json!({ "body": "other words" })).await.expect(200);
        owner.post(&format!("/rooms/{room}/members"), json!({ "username": person.username })).await.expect(204);
        let program = Program::of(app, person, "read write").await;
        let mut all = Vec::new();
        for (method, path) in of_rooms.iter().filter(|(_, path)| of_members(path)) {
            let bodies = if *method == Method::GET { vec![None] } else { bodies.iter().cloned().map(Some).collect() };
            for body in bodies {
                let answer = program.ask(method.clone(), &filled(path, &room), body.clone()).await;
                // What succeeds names who did it, and when.
                let said = if answer.status < 300 { String::new() } else { answer.body.replace(&room, "ROOM") };
                all.push((format!("{method} {path} {}", json!(body)), answer.status, said));
            }
        }
        let columns = "name, visibility, archived_at, posting, keep_messages, keep_files, icon, removed_at";
        let state = app.database.query(&format!("select {columns} from rooms where slug = '{room}'")).await;
        assert_eq!(state[0]["name"], format!("Room of {}", person.username));
        answers.push((all, state[0]["archived_at"].clone(), state[0]["keep_messages"].clone()));
    }
    assert_eq!(answers[1], answers[0]);
    let refused = answers[0].0.iter().filter(|(_, status, _)| *status == 403).count();
    assert!(refused >= 15, "{refused} of {:#?}", answers[0].0);
}

/// The token says `admin` and its owner was one; or its owner is one, and it does not say so.
#[apply(everywhere)]
async fn administration_is_refused_to_who_is_no_administrator(app: &TestApp) {
    let (eve, rosa) = (app.register("eve").await, app.register("rosa").await);
    app.register("ada").await;
    app.database.make_admin("eve").await;
    app.database.make_admin("rosa").await;
    let programs = [Program::of(app, &eve, "write admin").await, Program::of(app, &rosa, "read write").await];
    app.database.run("update users set is_admin = false where username = 'eve'").await;
    let tables = ["invites", "settings", "holds", "webhooks", "receivers", "outbox", "cleanups", "audit"];
    let state = async || {
        let mut all = app.database.query("select username, is_admin, is_guest, banned_at, closed from users order by id").await;
        for table in tables {
            all.extend(app.database.rows(table).await);
        }
        all
    };
    let before = state().await;
    let mut count = 0;
    for (method, path) in operations(app).await.into_iter().filter(|(_, path)| path.starts_with("/admin/")) {
        let path = format!("{}?since=all&messages=keep&confirm=ada", filled(&path, "general"));
        let body = json!({
            "role": "admin", "action": "dismiss", "scope": "everything", "reason": "forged", "url": "https://example.com/forged",
            "server_name": "forged", "on": false,
        });
        for program in &programs {
            let answer = program.ask(method.clone(), &path, (method != Method::GET).then_some(body.clone())).await;
            assert_eq!((answer.status, &*answer.code()), (403, "forbidden"), "{method} {path}");
            count += 1;
        }
    }
    assert!(count >= 80, "{count}");
    assert_eq!(state().await, before);
}

#[apply(everywhere)]
async fn a_cookie_is_not_enough_for_other_sites(app: &TestApp) {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    let before = app.database.rows("rooms").await;
    let mut count = 0;
    for (method, path) in operations(app).await.into_iter().filter(|(method, _)| *method != Method::GET) {
        let request = ada.request(method.clone(), &format!("/api/v1{}", filled(&path, "general")));
        let request = request.header("origin", "https://evil.example").json(&json!({ "name": "forged", "body": "forged" }));
        assert_eq!(Answer::of(request).await.expect(403).code(), "forbidden", "{method} {path}");
        count += 1;
    }
    assert!(count >= 50, "{count}");
    assert_eq!(app.database.rows("rooms").await, before);
}

#[apply(everywhere)]
async fn no_token_reaches_what_belongs_to_the_account(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.enter("general").await;
    app.database.make_admin("ada").await;
    let everything = Program::of(app, &ada, "write admin").await;
    for (method, path) in [
        (Method::DELETE, "/sessions/0123456789abcdef"),
        (Method::DELETE, "/feeds/0123456789abcdef"),
        (Method::POST, "/bots"),
        (Method::PATCH, "/bots/helper"),
        (Method::DELETE, "/bots/helper"),
        (Method::PUT, "/bots/helper/photo"),
        (Method::DELETE, "/bots/helper/photo"),
        (Method::DELETE, "/bots/helper/rooms/general"),
        (Method::PATCH, "/me/notifications"),
    ] {
        let answer = everything.ask(method.clone(), path, Some(json!({ "username": "helper", "name": "Helper" }))).await;
        assert_eq!((answer.status, &*answer.code()), (403, "forbidden"), "{method} {path}");
    }
    assert!(app.database.query("select username from users where username = 'helper'").await.is_empty());
    // Who knows the address of a feed reads the room, for ever.
    let writer = Program::of(app, &ada, "write").await;
    let refused = writer.post("/rooms/general/feeds", json!({})).await;
    assert_eq!(refused.expect(403).code(), "forbidden");
    assert!(refused.body.contains("admin"), "{refused:?}");
    assert!(app.database.rows("feeds").await.is_empty());
    everything.post("/rooms/general/feeds", json!({})).await.expect(201);
}
