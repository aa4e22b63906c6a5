//! Every way into a private room, tried by everybody who may not know of it: the answer is one and the same, and it is that of a
//! room that does not exist.

use reqwest::Method;
use serde_json::{Value, json};

use crate::accounts::tokens::{Program, secret};
use crate::harness::{Answer, Person, Socket, TestApp};
use crate::{both, everywhere};

/// A method, a path, and what a form would send there.
type Route = (Method, &'static str, &'static [(&'static str, &'static str)]);

/// Every route that names a room. `{seq}` is a message that is there, and one that never was.
const ROUTES: [Route; 64] = [
    (Method::GET, "/rooms/{slug}", &[]),
    (Method::GET, "/rooms/{slug}?before=2", &[]),
    (Method::GET, "/rooms/{slug}?after=0", &[]),
    (Method::GET, "/rooms/{slug}?around=1&limit=200", &[]),
    (Method::GET, "/rooms/{slug}?reply_to={seq}", &[]),
    (Method::GET, "/rooms/{slug}/{seq}", &[]),
    (Method::GET, "/rooms/{slug}/on/2001-01-01", &[]),
    (Method::GET, "/rooms/{slug}/on/2999-01-01?tz=Europe/Paris", &[]),
    (Method::GET, "/rooms/{slug}/{seq}/more", &[]),
    (Method::GET, "/rooms/{slug}/{seq}/history", &[]),
    (Method::GET, "/rooms/{slug}/{seq}/thread", &[]),
    (Method::GET, "/rooms/{slug}/pins", &[]),
    (Method::GET, "/rooms/{slug}/reports", &[]),
    (Method::POST, "/rooms/{slug}/reports/{report}/close", &[("action", "delete")]),
    (Method::POST, "/rooms/{slug}/{seq}/report", &[("reason", "rude")]),
    (Method::GET, "/rooms/{slug}/members", &[]),
    (Method::GET, "/rooms/{slug}/commands", &[]),
    (Method::GET, "/rooms/{slug}/hooks", &[]),
    (Method::POST, "/rooms/{slug}/hooks", &[("name", "forged")]),
    (Method::POST, "/rooms/{slug}/hooks/{id}", &[("name", "forged")]),
    (Method::POST, "/rooms/{slug}/hooks/{id}/photo", &[]),
    (Method::POST, "/rooms/{slug}/hooks/{id}/revoke", &[]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "hi")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "hi"), ("nonce", "member-1"), ("reply_to", "1")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "hi"), ("preview", "1")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "/topic mine")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "/invite eve")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "/archive")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "/remind room in 2 hours tea")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "/help")]),
    (Method::POST, "/rooms/{slug}/files", &[("body", "hi")]),
    (Method::POST, "/rooms/{slug}/{seq}/edit", &[("body", "mine")]),
    (Method::POST, "/rooms/{slug}/{seq}/delete", &[]),
    (Method::POST, "/rooms/{slug}/{seq}/react", &[("emoji", "👍"), ("on", "true")]),
    (Method::POST, "/rooms/{slug}/{seq}/pin", &[("on", "true")]),
    (Method::POST, "/rooms/{slug}/{seq}/unread", &[]),
    (Method::POST, "/rooms/{slug}/messages/{seq}/links/remove", &[]),
    (Method::POST, "/rooms/{slug}/read", &[]),
    (Method::POST, "/rooms/{slug}/read", &[("seq", "1")]),
    (Method::POST, "/rooms/{slug}/level", &[("level", "all")]),
    (Method::POST, "/rooms/{slug}/favorite", &[("on", "true")]),
    (Method::POST, "/rooms/{slug}/hide", &[("on", "true")]),
    (Method::POST, "/rooms/{slug}/join", &[]),
    (Method::POST, "/rooms/{slug}/leave", &[]),
    (Method::POST, "/rooms/{slug}/members", &[("username", "eve")]),
    (Method::POST, "/rooms/{slug}/members/{username}/remove", &[]),
    (Method::POST, "/rooms/{slug}/settings", &[("name", "Mine"), ("topic", "x"), ("visibility", "public")]),
    (Method::POST, "/rooms/{slug}/settings", &[("visibility", "public"), ("confirm", "yes")]),
    (Method::POST, "/rooms/{slug}/settings", &[("topic", "mine")]),
    (Method::POST, "/rooms/{slug}/retention", &[("messages", "1")]),
    (Method::POST, "/rooms/{slug}/draft", &[("body", "mine")]),
    (Method::POST, "/rooms/{slug}/settings", &[("new_slug", "yes"), ("posting", "moderator")]),
    (Method::POST, "/rooms/{slug}/members/{username}/role", &[("role", "owner")]),
    (Method::POST, "/rooms/{slug}/members/{username}/ban", &[]),
    (Method::POST, "/rooms/{slug}/members/{username}/unban", &[]),
    (Method::GET, "/rooms/{slug}/icon", &[]),
    (Method::POST, "/rooms/{slug}/feeds", &[("kind", "pins")]),
    (Method::POST, "/rooms/{slug}/icon", &[]),
    (Method::POST, "/rooms/{slug}/icon/remove", &[]),
    (Method::GET, "/rooms/{slug}/bans", &[]),
    (Method::POST, "/rooms/{slug}/archive", &[]),
    (Method::POST, "/rooms/{slug}/unarchive", &[]),
    (Method::GET, "/rooms/{slug}/delete", &[]),
    (Method::POST, "/rooms/{slug}/delete", &[("confirm", "Secret circle")]),
];

/// Every event that names a room.
pub fn events(room: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("join", json!({ "room": room })),
        ("join", json!({ "room": room, "after": 0 })),
        ("join", json!({ "room": room, "after": 999 })),
        ("sync", json!({ "room": room, "after": 0 })),
        ("leave", json!({ "room": room })),
        ("message", json!({ "room": room, "body": "hi", "nonce": "1" })),
        ("message", json!({ "room": room, "body": "hi", "nonce": "member-1", "reply_to": 1 })),
        ("message", json!({ "room": room, "body": "/topic mine", "nonce": "2" })),
        ("message", json!({ "room": room, "body": "/invite eve", "nonce": "3" })),
        ("message", json!({ "room": room, "body": "/help", "nonce": "4" })),
        ("message", json!({ "room": room, "body": "/deploy now", "nonce": "5" })),
        ("edit", json!({ "room": room, "seq": 2, "body": "mine" })),
        ("delete", json!({ "room": room, "seq": 2 })),
        ("react", json!({ "room": room, "seq": 2, "emoji": "👍", "on": true })),
        ("history", json!({ "room": room })),
        ("history", json!({ "room": room, "around": 1 })),
        ("typing", json!({ "room": room })),
        ("read", json!({ "room": room, "seq": 1 })),
        ("unread", json!({ "room": room, "seq": 1 })),
        ("pin", json!({ "room": room, "seq": 2, "on": true })),
        ("links", json!({ "room": room, "seq": 2, "on": false })),
        ("pins", json!({ "room": room })),
        ("revisions", json!({ "room": room, "seq": 2 })),
        ("revisions", json!({ "room": room, "seq": 2, "before": 9 })),
        ("level", json!({ "room": room, "level": "all" })),
        ("draft", json!({ "room": room, "body": "mine" })),
    ]
}

/// Forms in which more than the room is wrong.
const WRONG_ROUTES: [Route; 16] = [
    (Method::GET, "/rooms/{slug}?around=one", &[]),
    (Method::GET, "/rooms/{slug}/one/more", &[]),
    (Method::GET, "/rooms/{slug}/2/history?before=one", &[]),
    (Method::GET, "/rooms/{slug}/2/thread?after=one", &[]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", " ")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "hi"), ("reply_to", "one")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "/invite nobody at all")]),
    (Method::POST, "/rooms/{slug}/messages", &[("body", "/no-such-command")]),
    (Method::POST, "/rooms/{slug}/1/edit", &[("body", "")]),
    (Method::POST, "/rooms/{slug}/1/react", &[("emoji", "smile"), ("on", "perhaps")]),
    (Method::POST, "/rooms/{slug}/messages/one/links/remove", &[]),
    (Method::POST, "/rooms/{slug}/feeds", &[("kind", "rumors")]),
    (Method::POST, "/rooms/{slug}/level", &[("level", "shrill")]),
    (Method::POST, "/rooms/{slug}/draft", &[("reply_to", "one")]),
    (Method::POST, "/rooms/{slug}/members", &[("username", "nobody at all")]),
    (Method::POST, "/rooms/{slug}/settings", &[("name", ""), ("visibility", "secret")]),
];

/// Events in which more than the room is wrong.
fn wrong_events(room: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("join", json!({ "room": room, "after": "one" })),
        ("sync", json!({ "room": room })),
        ("message", json!({ "room": room, "body": " ", "nonce": "1" })),
        ("message", json!({ "room": room, "body": "x".repeat(20_000), "nonce": "1" })),
        ("message", json!({ "room": room, "body": "hi" })),
        ("message", json!({ "room": room, "body": "/topic" })),
        ("message", json!({ "room": room, "body": "/no-such-command", "nonce": "1" })),
        ("message", json!({ "room": room, "body": "hi", "nonce": "1", "reply_to": "one" })),
        ("edit", json!({ "room": room, "seq": 1, "body": "" })),
        ("edit", json!({ "room": room, "body": "hi" })),
        ("delete", json!({ "room": room, "seq": "one" })),
        ("react", json!({ "room": room, "seq": 1, "emoji": "smile", "on": true })),
        ("react", json!({ "room": room, "seq": 1, "emoji": "👍", "on": "perhaps" })),
        ("pin", json!({ "room": room, "seq": 1 })),
        ("links", json!({ "room": room, "seq": 1, "on": true })),
        ("history", json!({ "room": room, "before": 1, "after": 1 })),
        ("history", json!({ "room": room, "limit": 100_000 })),
        ("read", json!({ "room": room, "seq": -1 })),
        ("unread", json!({ "room": room, "seq": -1 })),
        ("revisions", json!({ "room": room })),
        ("revisions", json!({ "room": room, "seq": 2, "before": "one" })),
        ("revisions", json!({ "room": room, "seq": 2, "before": 1, "after": 1 })),
        ("level", json!({ "room": room, "level": "shrill" })),
        ("draft", json!({ "room": room, "body": "x", "edit_seq": 1 })),
        ("draft", json!({ "room": room, "body": 7 })),
    ]
}

/// A room that nobody ever made, whose slug is as long as that of the secret one.
const NOWHERE: &str = "nobody-circle";

async fn ask(person: &Person, route: &Route, slug: &str, accept: &str) -> Answer {
    ask_about(person, route, slug, "2", accept).await.1
}

/// A route of the table with what is asked for.
fn path_of(route: &str, slug: &str, seq: &str) -> String {
    route.replace("{slug}", slug).replace("{seq}", seq).replace("{username}", "ada")
}

/// Sends a request of the table with an access token; gives its path and the answer.
async fn ask_with(program: &Program, (method, route, fields): &Route, slug: &str, seq: &str) -> (String, Answer) {
    let path = path_of(route, slug, seq);
    let request = program.request(method.clone(), &path);
    (path, Answer::of(if *method == Method::POST { request.form(fields) } else { request }).await)
}

/// Sends a request of the table; gives its path and the answer.
async fn ask_about(person: &Person, (method, route, fields): &Route, slug: &str, seq: &str, accept: &str) -> (String, Answer) {
    let path = path_of(route, slug, seq);
    let request = match *method {
        Method::POST => person.form(&path, fields),
        _ => person.request(Method::GET, &path),
    };
    let answer = Answer::of(request.header("accept", accept)).await;
    (path, answer)
}

/// An answer without what differs between two requests anyway: who asked, for which room, and what makes the length random at the end.
fn comparable((path, answer): &(String, Answer), person: &Person, slug: &str) -> (u16, Vec<(String, String)>, String) {
    let plain = |text: &str| {
        let text = text.replace(path, "PATH").replace(slug, "SLUG");
        if person.username.is_empty() { text } else { text.replace(&person.username, "NAME") }
    };
    let differ = ["date", "x-request-id", "content-length"];
    let headers = answer.headers.iter().filter(|(name, _)| !differ.contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), plain(&String::from_utf8_lossy(value.as_bytes())))).collect();
    headers.sort();
    (answer.status, headers, plain(answer.body.split("</html>").next().unwrap_or_default()))
}

/// A room of a member's with words in it, somebody who was sent out of it, and somebody who never was in it.
async fn circle(app: &TestApp) -> (String, Person, Person, Person) {
    let (ada, eve, mallory) = (app.register("ada").await, app.register("eve").await, app.register("mallory").await);
    let room = ada.create_room("Secret circle", "private").await;
    let (socket, _) = ada.join(&room).await;
    socket.post(&room, "the password is swordfish", "member-1").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "mallory")]).await.expect(303);
    let (former, _) = mallory.join(&room).await;
    former.post(&room, "thank you", "member-2").await;
    ada.post(&format!("/rooms/{room}/members/mallory/remove"), &[]).await.expect(303);
    former.next("removed").await;
    crate::files::portraits::give_icon(&ada, &room).await.expect(200);
    (room, ada, eve, mallory)
}

#[apply(everywhere)]
async fn over_every_route_a_private_room_is_not_there_for_outsiders(app: &TestApp) {
    let (room, ada, eve, mallory) = circle(app).await;
    let stranger = app.stranger();
    let before = app.database.rows("messages").await;
    for route in &ROUTES {
        for accept in ["text/html", "application/json"] {
            for seq in ["2", "99"] {
                for person in [&eve, &mallory, &stranger] {
                    let expected = comparable(&ask_about(person, route, NOWHERE, seq, accept).await, person, NOWHERE);
                    let statuses: &[u16] = if person.username.is_empty() { &[303, 401] } else { &[404] };
                    assert!(statuses.contains(&expected.0), "{route:?} of no room: {expected:?}");
                    let answer = comparable(&ask_about(person, route, &room, seq, accept).await, person, &room);
                    assert_eq!(answer, expected, "{:?} at {route:?} as {accept}", person.username);
                }
            }
        }
    }
    assert_eq!(app.database.rows("messages").await, before);
    // A member gets each of the pages. Otherwise nothing was compared with nothing.
    for route in ROUTES.iter().filter(|route| route.0 == Method::GET) {
        let (path, answer) = ask_about(&ada, route, &room, "1", "text/html").await;
        assert_eq!(answer.status, 200, "{path} for a member");
    }
    let missing = ask_about(&ada, &(Method::GET, "/rooms/{slug}/{seq}", &[]), &room, "99", "text/html").await.1;
    assert_eq!(missing.status, 404, "a message that never was, for a member");
}

#[apply(everywhere)]
async fn with_every_event_a_private_room_is_not_there_for_outsiders(app: &TestApp) {
    let (room, ada, eve, mallory) = circle(app).await;
    let before = app.database.rows("messages").await;
    for outsider in [&eve, &mallory] {
        let socket = outsider.socket().await;
        for ((event, data), (_, nowhere)) in events(&room).into_iter().zip(events(NOWHERE)) {
            let expected = socket.ask(event, nowhere).await;
            assert_eq!(expected["error"]["code"], "not_found", "{event}: {expected}");
            let answer = socket.ask(event, data.clone()).await;
            assert_eq!(answer, expected, "{} at {event} {data}", outsider.username);
        }
        let found = socket.ok("search", json!({ "q": format!("swordfish in:{room}") })).await;
        assert_eq!(found, socket.ok("search", json!({ "q": format!("swordfish in:{NOWHERE}") })).await);
        assert_eq!(found["results"], json!([]), "a search finds it");
        socket.ok("watch", json!({})).await;
        // And nothing of it comes.
        let (writing, _) = ada.join(&room).await;
        let said = writing.post(&room, "still ours", &format!("after-{}", outsider.username)).await;
        writing.ok("delete", json!({ "room": room, "seq": said["seq"] })).await;
        writing.ok("join", json!({ "room": "general" })).await;
        socket.ok("join", json!({ "room": "general" })).await;
        writing.post("general", "for all", &format!("all-{}", outsider.username)).await;
        socket.hears("for all").await;
        let heard: Vec<_> = socket.peek().into_iter().filter(|(_, data)| data.to_string().contains(&room)).collect();
        assert!(heard.is_empty(), "{heard:?}");
    }
    let after = app.database.rows("messages").await;
    let text = format!("{after:?}");
    assert!(after.len() > before.len() && !text.contains("\"hi\"") && !text.contains("mine"), "{text}");
}

/// The token of an administrator that does not say `admin`: the room is not there for it either.
#[apply(everywhere)]
async fn a_private_room_is_not_there_for_an_administrators_token_without_admin(app: &TestApp) {
    let (room, ada, eve, _) = circle(app).await;
    app.database.make_admin("eve").await;
    let program = Program::new(app, &secret(&eve, "read write").await);
    let before = app.database.rows("messages").await;
    for route in &ROUTES {
        for seq in ["2", "99"] {
            let expected = comparable(&ask_with(&program, route, NOWHERE, seq).await, &eve, NOWHERE);
            assert_eq!(expected.0, 404, "{route:?} of no room: {expected:?}");
            let answer = comparable(&ask_with(&program, route, &room, seq).await, &eve, &room);
            assert_eq!(answer, expected, "{route:?}");
        }
    }
    let socket = program.socket().await.expect("let in");
    for ((event, data), (_, nowhere)) in events(&room).into_iter().zip(events(NOWHERE)) {
        let expected = socket.ask(event, nowhere).await;
        assert_eq!(expected["error"]["code"], "not_found", "{event}: {expected}");
        assert_eq!(socket.ask(event, data.clone()).await, expected, "{event} {data}");
    }
    assert_eq!(app.database.rows("messages").await, before);
    ada.get(&format!("/rooms/{room}")).await.expect(200);
}

/// What a member and an administrator are answered whose token does not say `admin`, each in a room of the same kind, in the same order.
#[apply(both)]
async fn a_members_room_is_no_more_to_an_administrators_token_without_admin(app: &TestApp) {
    let (ada, eve, rosa) = (app.register("ada").await, app.register("eve").await, app.register("rosa").await);
    app.database.make_admin("rosa").await;
    let mut answers = Vec::new();
    for person in [&eve, &rosa] {
        let name = format!("Circle of {}", person.username);
        let room = ada.create_room(&name, "public").await;
        let (socket, _) = ada.join(&room).await;
        let seq = socket.post(&room, "the first words", &room).await["seq"].clone();
        socket.ok("edit", json!({ "room": room, "seq": seq, "body": "other words" })).await;
        assert_eq!(seq, 2, "what the routes name");
        person.enter(&room).await;
        let program = Program::new(app, &secret(person, "read write").await);
        let mut all = Vec::new();
        // What follows would be asked by somebody else.
        let stays = |route: &&Route| !route.1.ends_with("/leave") && !route.1.ends_with("/join");
        for route in ROUTES.iter().filter(stays) {
            let (_, answer) = ask_with(&program, route, &room, "2").await;
            // What succeeds names who did it, and when.
            let said = if answer.status < 400 { String::new() } else { answer.body.replace(&room, "ROOM") };
            all.push((format!("{route:?}"), answer.status, said));
        }
        let telling = program.socket().await.expect("let in");
        for (event, data) in events(&room) {
            let answer = telling.ask(event, data.clone()).await;
            let data = data.to_string().replace(&room, "ROOM");
            all.push((format!("{event} {data}"), 0, answer["error"].to_string()));
        }
        let state = app
            .database
            .query("select name, visibility, archived_at, posting, keep_messages, icon from rooms order by id desc")
            .await;
        assert_eq!(
            (&state[0]["name"], &state[0]["archived_at"], &state[0]["keep_messages"]),
            (&json!(name), &json!(null), &json!(null))
        );
        answers.push(all);
    }
    let refused = answers[0].iter().filter(|(_, status, said)| *status == 403 || said.contains("forbidden")).count();
    assert!(refused >= 20, "{refused} of {:#?}", answers[0]);
    assert_eq!(answers[1], answers[0]);
}

#[apply(everywhere)]
async fn what_else_is_wrong_does_not_tell_a_private_room_from_none(app: &TestApp) {
    let (room, _, eve, mallory) = circle(app).await;
    for outsider in [&eve, &mallory] {
        let socket = outsider.socket().await;
        for ((event, data), (_, nowhere)) in wrong_events(&room).into_iter().zip(wrong_events(NOWHERE)) {
            let expected = socket.ask(event, nowhere).await;
            assert_eq!(expected["ok"], false, "{event}: {expected}");
            let answer = socket.ask(event, data.clone()).await;
            assert_eq!(answer, expected, "{} at {event} {data}", outsider.username);
        }
        for route in &WRONG_ROUTES {
            let expected = ask(outsider, route, NOWHERE, "application/json").await;
            assert!((400..500).contains(&expected.status), "{route:?}: {expected:?}");
            let answer = ask(outsider, route, &room, "application/json").await;
            assert_eq!((answer.status, answer.body), (expected.status, expected.body), "{} at {route:?}", outsider.username);
        }
    }
}

#[apply(everywhere)]
async fn a_former_member_whose_socket_never_left_is_an_outsider(app: &TestApp) {
    let (ada, mallory) = (app.register("ada").await, app.register("mallory").await);
    let room = ada.create_room("Secret circle", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "mallory")]).await.expect(303);
    let (former, _) = mallory.join(&room).await;
    former.post(&room, "thank you", "member-2").await;
    // One that only writes.
    let silent = mallory.socket().await;
    silent.post(&room, "you are welcome", "member-3").await;
    ada.post(&format!("/rooms/{room}/members/mallory/remove"), &[]).await.expect(303);
    // Whether or not it has heard of it yet; `typing` asks no more than that.
    for (event, data) in events(&room).into_iter().filter(|(event, _)| *event != "typing") {
        assert_eq!(refusal(&former, event, data.clone()).await, "not_found", "{event} {data}");
    }
    former.next("removed").await;
    while let Some((event, _)) = former.peek().first() {
        former.next(event).await;
    }
    for ((event, data), (_, nowhere)) in events(&room).into_iter().zip(events(NOWHERE)) {
        let expected = former.ask(event, nowhere).await;
        assert_eq!(former.ask(event, data.clone()).await, expected, "{event} {data}");
    }
    let (writing, _) = ada.join(&room).await;
    writing.ok("join", json!({ "room": "general" })).await;
    former.ok("join", json!({ "room": "general" })).await;
    writing.post(&room, "still ours", "after").await;
    writing.post("general", "for all", "all").await;
    former.hears("for all").await;
    let heard: Vec<_> = former.peek().into_iter().filter(|(_, data)| data.to_string().contains(&room)).collect();
    assert!(heard.is_empty(), "{heard:?}");
    for ((event, data), (_, nowhere)) in wrong_events(&room).into_iter().zip(wrong_events(NOWHERE)) {
        let expected = silent.ask(event, nowhere).await;
        assert_eq!(silent.ask(event, data.clone()).await, expected, "{event} {data}");
    }
}

#[apply(everywhere)]
async fn who_is_not_in_a_public_room_may_read_but_not_change_it(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Open house", "public").await;
    let (socket, _) = ada.join(&room).await;
    socket.post(&room, "welcome", "1").await;
    let outside = eve.socket().await;
    let before = app.database.rows("messages").await;
    let mut refused = 0;
    for (event, data) in events(&room) {
        let answer = outside.ask(event, data.clone()).await;
        match event {
            // Entering comes last, so that all the rest is asked from outside.
            "join" => {}
            "message" if data["body"] == "/help" => assert_eq!(answer["ok"], json!(true), "{data}: {answer}"),
            // No webhook has it.
            "message" if data["body"] == "/deploy now" => assert_eq!(answer["error"]["code"], "invalid", "{data}: {answer}"),
            "history" | "sync" | "leave" | "pins" => assert_eq!(answer["ok"], json!(true), "{event} {data}: {answer}"),
            _ => {
                assert_eq!(answer["error"]["code"], "forbidden", "{event} {data}: {answer}");
                refused += 1;
            }
        }
        if event == "join" {
            eve.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
        }
    }
    assert_eq!(refused, 16);
    let texts = |rows: &[Value]| rows.iter().filter(|row| row["kind"] == "text").cloned().collect::<Vec<_>>();
    assert_eq!(texts(&app.database.rows("messages").await), texts(&before));
}

async fn refusal(socket: &Socket, event: &str, data: Value) -> String {
    socket.ask(event, data).await["error"]["code"].as_str().unwrap_or("accepted").to_owned()
}

/// A documented route or event that nobody puts into the tables would be a door without a guard.
#[test]
fn everything_that_is_documented_is_in_the_tables() {
    let protocol = include_str!("../../../docs/protocol.md");
    let is_swept = |path: &str| ROUTES.iter().any(|(_, route, _)| route.split('?').next() == Some(path));
    let mut routes = 0;
    for line in
        protocol.lines().filter(|line| line.starts_with("| `GET /rooms/{slug}") || line.starts_with("| `POST /rooms/{slug}"))
    {
        let row = line.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
        let path = row.split('`').nth(1).and_then(|route| route.split(' ').nth(1)).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().replace("{YYYY-MM-DD}", "2001-01-01");
        assert!(is_swept(&path), "{path} is not swept");
        routes += 1;
    }
    let known: Vec<_> = events("x").into_iter().map(|(event, _)| event).collect();
    let mut count = 0;
    let sent = protocol.lines().skip_while(|line| *line != "### What a client sends");
    for line in sent.take_while(|line| *line != "### What the server sends") {
        let event = line.strip_prefix("| `").and_then(|line| line.split_once('`'));
        let Some((name, _)) = event.and_then(|(event, _)| event.split_once(" {room")) else { continue };
        assert!(known.contains(&name), "{name} is not swept");
        count += 1;
    }
    assert!(routes >= 12 && count >= 15, "{routes} routes and {count} events are documented: the tables look different now");
}
