//! Rooms, members, people, files, search, sessions and administration over the API.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Program, writer};
use crate::harness::{Answer, TestApp};
use crate::retention::until;
use crate::{both, everywhere};

fn names<'a>(list: &'a Value, path: &str) -> Vec<&'a str> {
    list.as_array().expect("a list").iter().filter_map(|item| item.pointer(path)?.as_str()).collect()
}

#[apply(everywhere)]
async fn a_room_is_made_changed_and_deleted(app: &TestApp) {
    let (_, ada) = writer(app, "ada").await;
    let (_, grace) = writer(app, "grace").await;
    let made =
        ada.post("/rooms", json!({ "name": "Plans", "topic": "for later", "visibility": "public" })).await.expect(201).json();
    assert_eq!((&made["room"]["slug"], &made["membership"]["role"]), (&json!("plans"), &json!("owner")));
    ada.post("/rooms", json!({ "name": "x", "visibility": "secret" })).await.expect(422);
    let rooms = grace.get("/rooms").await.expect(200).json();
    assert_eq!(names(&rooms["rooms"], "/room/slug"), ["general", "plans"]);
    assert_eq!(names(&grace.get("/rooms?mine=yes").await.json()["rooms"], "/room/slug"), ["general"]);
    let seen = grace.get("/rooms/plans").await;
    assert!(seen.expect(200).json()["membership"].is_null());
    let again = grace.request(Method::GET, "/rooms/plans").header("if-none-match", seen.header("etag"));
    Answer::of(again).await.expect(304);
    assert_eq!(grace.post("/rooms/plans/join", json!({})).await.expect(200).json()["membership"]["role"], "member");
    grace.patch("/rooms/plans", json!({ "name": "Mine" })).await.expect(403);
    let changed = ada.patch("/rooms/plans", json!({ "name": "Great plans", "topic": "soon" })).await.expect(200).json();
    assert_eq!((&changed["room"]["name"], &changed["room"]["topic"]), (&json!("Great plans"), &json!("soon")));
    ada.patch("/rooms/plans/members/grace", json!({ "role": "moderator" })).await.expect(204);
    let members = ada.get("/rooms/plans/members").await.expect(200).json();
    assert_eq!(names(&members["members"], "/person/username"), ["ada", "grace"]);
    assert_eq!(names(&members["members"], "/role"), ["owner", "moderator"]);
    ada.put("/rooms/plans/bans/grace", json!({})).await.expect(204);
    grace.post("/rooms/plans/join", json!({})).await.expect(404);
    ada.delete("/rooms/plans/bans/grace").await.expect(204);
    ada.post("/rooms/plans/members", json!({ "username": "grace" })).await.expect(204);
    ada.post("/rooms/plans/members", json!({ "username": "nobody" })).await.expect(422);
    grace.post("/rooms/plans/leave", json!({})).await.expect(204);
    assert_eq!(ada.patch("/rooms/plans", json!({ "archived": true })).await.expect(200).json()["room"]["archived"], true);
    ada.post("/rooms/plans/messages", json!({ "body": "x" })).await.expect(403);
    assert_eq!(ada.patch("/rooms/plans", json!({ "archived": "off" })).await.expect(200).json()["room"]["archived"], false);
    ada.delete("/rooms/plans").await.expect(422);
    ada.delete("/rooms/plans?confirm=plans").await.expect(204);
    ada.get("/rooms/plans").await.expect(404);
}

#[apply(everywhere)]
async fn people_files_and_searches_are_found(app: &TestApp) {
    let (ada, program) = writer(app, "ada").await;
    let (_, grace) = writer(app, "grace").await;
    let me = program.get("/me").await.expect(200).json();
    assert_eq!((&me["username"], &me["role"], &me["scopes"]), (&json!("ada"), &json!("member"), &json!(["write"])));
    let cookie = Answer::of(ada.request(Method::GET, "/api/v1/me")).await;
    assert!(cookie.expect(200).json()["scopes"].is_null());
    assert_eq!(names(&program.get("/people").await.expect(200).json()["people"], "/username"), ["ada", "grace"]);
    assert_eq!(names(&program.get("/people?q=gra").await.json()["people"], "/username"), ["grace"]);
    let card = program.get("/people/grace").await.expect(200).json();
    assert_eq!((&card["person"]["username"], names(&card["rooms"], "/slug")), (&json!("grace"), vec!["general"]));
    program.get("/people/nobody").await.expect(404);
    program.put("/people/grace/block", json!({})).await.expect(204);
    assert_eq!(program.get("/people/grace").await.json()["person"]["is_blocked"], true);
    program.delete("/people/grace/block").await.expect(204);
    let talk = program.post("/direct", json!({ "users": ["grace"] })).await.expect(201).json()["room"]["slug"].clone();
    assert_eq!(program.post("/direct", json!({ "users": "grace" })).await.expect(200).json()["room"]["slug"], talk);
    let upload = program.request(Method::POST, "/files?name=a%20b.txt").header("content-type", "text/plain").body("hello");
    let file = Answer::of(upload).await.expect(201).json()["file"].clone();
    assert_eq!((&file["name"], &file["bytes"]), (&json!("a b.txt"), &json!(5)));
    let id = file["id"].as_str().expect("an id");
    assert_eq!(program.get(&format!("/files/{id}")).await.expect(200).json()["file"], file);
    grace.get(&format!("/files/{id}")).await.expect(404);
    let posted =
        program.post("/rooms/general/messages", json!({ "attachments": [id], "alts": ["a greeting"] })).await.expect(201).json();
    assert_eq!(posted["message"]["attachments"][0]["alt"], "a greeting");
    grace.get(&format!("/files/{id}")).await.expect(200);
    program.say("general", "the quick walrus").await;
    app.comes_to(1, async || {
        grace.get("/search?q=walrus&count=true").await.expect(200).json()["results"].as_array().map_or(0, Vec::len)
    })
    .await;
    let sessions = program.get("/sessions").await.expect(200).json();
    let session = sessions["sessions"][0]["id"].as_str().expect("an id").to_owned();
    program.delete(&format!("/sessions/{session}")).await.expect(403);
    let other = app.log_in("ada").await;
    let request = other.request(Method::DELETE, &format!("/api/v1/sessions/{session}")).header("origin", &app.origin);
    Answer::of(request).await.expect(204);
    ada.get("/rooms").await.expect(303);
}

/// The envelope would be stored as the file, and no field be found.
#[apply(both)]
async fn multipart_is_refused_with_what_to_send(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    for (method, path) in [
        (Method::POST, "/files?name=x.png"),
        (Method::POST, "/rooms/general/messages"),
        (Method::PUT, "/me/photo"),
        (Method::PATCH, "/me"),
    ] {
        let part = reqwest::multipart::Part::bytes(b"hello".as_slice()).file_name("x.png");
        let form = reqwest::multipart::Form::new().part("file", part).text("body", "hello");
        let refused = Answer::of(program.request(method, path).multipart(form)).await;
        refused.expect(422);
        assert_eq!((&*refused.code(), &refused.json()["error"]["field"]), ("invalid", &json!("Content-Type")), "{path}");
    }
    assert!(app.database.rows("files").await.is_empty());
    let messages = program.get("/rooms/general/messages").await.expect(200).json();
    assert!(messages["messages"].as_array().expect("a list").iter().all(|message| message["kind"] != "text"), "{messages}");
}

#[apply(everywhere)]
async fn ones_own_profile_is_changed(app: &TestApp) {
    let (ada, program) = writer(app, "ada").await;
    let changes = json!({ "name": "Ada L.", "status": "at tea", "time_zone": "Europe/London", "theme": "dark", "notify": "all" });
    let changed = program.patch("/me", changes.clone()).await.expect(200).json();
    for field in ["name", "status", "time_zone", "theme", "notify"] {
        assert_eq!(changed[field], changes[field], "{field}");
    }
    // What is not named stays; others see it.
    assert_eq!(program.patch("/me", json!({ "status": "" })).await.expect(200).json()["name"], "Ada L.");
    assert_eq!(program.get("/me").await.expect(200).json()["time_zone"], "Europe/London");
    let (_, grace) = writer(app, "grace").await;
    assert_eq!(grace.get("/people/ada").await.expect(200).json()["person"]["name"], "Ada L.");
    for (field, value) in [
        ("name", json!("x".repeat(200))),
        ("status", json!("x".repeat(101))),
        ("time_zone", json!("Mars/Olympus")),
        ("theme", json!("pink")),
        ("notify", json!(7)),
    ] {
        let refused = program.patch("/me", json!({ field: value })).await;
        assert_eq!(refused.expect(422).json()["error"]["field"], field);
    }
    let reader = Program::of(app, &ada, "read").await;
    assert_eq!(reader.patch("/me", json!({ "name": "x" })).await.expect(403).code(), "forbidden");
    assert_eq!(reader.get("/me").await.expect(200).json()["name"], "Ada L.");
}

#[apply(everywhere)]
async fn administrators_administer_with_a_token_that_says_so(app: &TestApp) {
    let rosa = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    let (_, ada) = writer(app, "ada").await;
    let program = Program::of(app, &rosa, "read admin").await;
    assert!(program.get("/admin/overview").await.expect(200).json()["version"].is_string());
    assert_eq!(names(&program.get("/admin/people").await.expect(200).json()["people"], "/username"), ["ada", "rosa"]);
    assert_eq!(names(&program.get("/admin/people?filter=admins").await.json()["people"], "/username"), ["rosa"]);
    program.put("/admin/people/ada/role", json!({ "role": "guest" })).await.expect(204);
    program.put("/admin/people/ada/role", json!({ "role": "king" })).await.expect(422);
    program.put("/admin/people/rosa/role", json!({ "role": "member" })).await.expect(403);
    program.put("/admin/people/ada/ban", json!({})).await.expect(204);
    ada.get("/rooms").await.expect(401);
    program.delete("/admin/people/ada/ban").await.expect(204);
    let writer = Program::of(app, &rosa, "write").await;
    for (method, path) in
        [(Method::GET, "/admin/overview"), (Method::GET, "/admin/people"), (Method::PUT, "/admin/people/ada/ban")]
    {
        assert_eq!(writer.ask(method, path, None).await.expect(403).code(), "forbidden", "{path}");
    }
}

#[apply(everywhere)]
async fn what_belongs_to_a_message_is_read_and_reported(app: &TestApp) {
    let (_, ada) = writer(app, "ada").await;
    let (_, grace) = writer(app, "grace").await;
    let seq = ada.say("general", "one").await["seq"].as_i64().expect("a place");
    let path = format!("/rooms/general/messages/{seq}");
    ada.patch(&path, json!({ "body": "two" })).await.expect(200);
    let reply = grace.post("/rooms/general/messages", json!({ "body": "@ada three", "reply_to": seq })).await.expect(201).json();
    let reply = reply["message"]["seq"].as_i64().expect("a place");
    let thread = ada.get(&format!("/rooms/general/messages/{reply}/thread")).await.expect(200).json();
    assert_eq!((&thread["message"]["body"], names(&thread["replies"], "/body")), (&json!("two"), vec!["@ada three"]));
    let earlier = ada.get(&format!("{path}/revisions")).await.expect(200).json();
    assert_eq!(names(&earlier["revisions"], "/body"), ["one"]);
    grace.get(&format!("{path}/revisions")).await.expect(403);
    assert_eq!(names(&ada.get("/me/mentions").await.expect(200).json()["mentions"], "/body"), ["@ada three"]);
    for wrong in ["/me/mentions?before=x".to_owned(), format!("{path}/thread?after=x"), format!("{path}/revisions?before=x")] {
        ada.get(&wrong).await.expect(422);
    }
    ada.put("/rooms/general/read", json!({})).await.expect(200);
    let unread = ada.put(&format!("/rooms/general/messages/{reply}/unread"), json!({})).await.expect(200).json();
    assert_eq!((&unread["unread"], &unread["mentions"]), (&json!(1), &json!(1)));
    grace.delete(&format!("{path}/links")).await.expect(403);

    ada.put("/rooms/general/level", json!({ "level": "muted" })).await.expect(204);
    ada.put("/rooms/general/level", json!({ "level": "loud" })).await.expect(422);
    ada.put("/rooms/general/level", json!({})).await.expect(204);
    ada.put("/people/grace/block", json!({})).await.expect(204);
    assert_eq!(names(&ada.get("/me/blocks").await.expect(200).json()["people"], "/username"), ["grace"]);

    // Two reports, one to the room's moderators and one to an administrator.
    let made = grace.post("/rooms", json!({ "name": "Plans", "visibility": "public" })).await.expect(201).json();
    assert_eq!(made["room"]["slug"], "plans");
    ada.post("/rooms/plans/join", json!({})).await.expect(200);
    let bad = ada.say("plans", "spam").await["seq"].as_i64().expect("a place");
    let other = ada.say("plans", "more spam").await["seq"].as_i64().expect("a place");
    for seq in [bad, other] {
        grace.post(&format!("/rooms/plans/messages/{seq}/report"), json!({ "reason": "ads" })).await.expect(204);
    }
    ada.get("/rooms/plans/reports").await.expect(403);
    let queue = grace.get("/rooms/plans/reports").await.expect(200).json();
    assert_eq!(names(&queue["reports"], "/body"), ["more spam", "spam"]);
    let id = |at: usize| queue["reports"][at]["id"].as_str().expect("an id").to_owned();
    ada.post(&format!("/rooms/plans/reports/{}/close", id(1)), json!({ "action": "dismiss" })).await.expect(403);
    grace.post(&format!("/rooms/plans/reports/{}/close", id(1)), json!({ "action": "eat" })).await.expect(422);
    grace.post(&format!("/rooms/plans/reports/{}/close", id(1)), json!({ "action": "delete" })).await.expect(204);
    let rosa = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    let rosa = Program::of(app, &rosa, "read admin").await;
    assert_eq!(names(&rosa.get("/admin/reports").await.expect(200).json()["reports"], "/body"), ["more spam"]);
    rosa.post(&format!("/admin/reports/{}/close", id(0)), json!({ "action": "dismiss" })).await.expect(204);
    assert_eq!(names(&rosa.get("/admin/reports?filter=closed").await.json()["reports"], "/outcome"), ["dismissed", "deleted"]);
    grace.put("/rooms/plans/bans/ada", json!({})).await.expect(204);
    let bans = grace.get("/rooms/plans/bans").await.expect(200).json();
    assert_eq!((names(&bans["bans"], "/username"), names(&bans["bans"], "/banned_by")), (vec!["ada"], vec!["grace"]));
}

#[apply(everywhere)]
async fn administrators_read_the_log_and_close_accounts_with_a_token(app: &TestApp) {
    let rosa = app.register("rosa").await;
    app.database.make_admin("rosa").await;
    let (person, ada) = writer(app, "ada").await;
    let program = Program::of(app, &rosa, "read admin").await;
    person.create_room("Secret circle", "private").await;
    let rooms = program.get("/admin/rooms").await.expect(200).json();
    assert_eq!(names(&rooms["rooms"], "/name"), ["general", "Secret circle"]);
    ada.say("general", "to be deleted").await;
    program.delete("/admin/people/ada/messages?since=never").await.expect(422);
    program.delete("/admin/people/ada/messages?since=all").await.expect(202);
    until("it is deleted", async || {
        let page = ada.get("/rooms/general/messages").await.json();
        names(&page["messages"], "/body").into_iter().all(str::is_empty)
    })
    .await;
    program.put("/admin/people/ada/deactivation", json!({})).await.expect(204);
    ada.get("/rooms").await.expect(401);
    let closed = program.get("/admin/people?filter=deactivated").await.json();
    assert_eq!(names(&closed["people"], "/username"), ["ada"]);
    program.delete("/admin/people/ada/deactivation").await.expect(204);
    app.log_in("ada").await;
    let log = program.get("/admin/audit?target=ada").await.expect(200).json();
    let actions = names(&log["entries"], "/action");
    assert!(actions.starts_with(&["user.login", "user.reactivate", "user.deactivate"]), "{actions:?}");
    // Somebody who was an administrator when the token was made.
    let eve = app.register("eve").await;
    app.database.make_admin("eve").await;
    let outsider = Program::of(app, &eve, "read admin").await;
    app.database.run("update users set is_admin = false where username = 'eve'").await;
    for path in ["/admin/rooms", "/admin/audit", "/admin/reports", "/admin/audit?before=x"] {
        assert_eq!(outsider.get(path).await.expect(403).code(), "forbidden", "{path}");
    }
    outsider.delete("/admin/people/ada/messages?since=never").await.expect(403);
    outsider.put("/admin/people/ada/deactivation", json!({})).await.expect(403);
}
