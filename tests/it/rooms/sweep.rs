//! Every way into a private room, tried by everybody who may not know of it: the answer is one and the same, and it is that of a
//! room that does not exist.

use reqwest::Method;
use serde_json::{Value, json};

use crate::both;
use crate::harness::{Answer, Person, Socket, TestApp};

/// A method, a path, and what a form would send there.
type Route = (Method, &'static str, &'static [(&'static str, &'static str)]);

/// Every route that names a room.
const ROUTES: [Route; 30] = [
    (Method::GET, "/rooms/{room}", &[]),
    (Method::GET, "/rooms/{room}?before=2", &[]),
    (Method::GET, "/rooms/{room}?after=0", &[]),
    (Method::GET, "/rooms/{room}?around=1", &[]),
    (Method::GET, "/rooms/{room}/1", &[]),
    (Method::GET, "/rooms/{room}/99", &[]),
    (Method::GET, "/rooms/{room}/on/2001-01-01", &[]),
    (Method::GET, "/rooms/{room}/members", &[]),
    (Method::GET, "/rooms/{room}/pins", &[]),
    (Method::GET, "/rooms/{room}?reply_to=2", &[]),
    (Method::GET, "/rooms/{room}/2/more", &[]),
    (Method::GET, "/rooms/{room}/2/thread", &[]),
    (Method::POST, "/rooms/{room}/messages", &[("body", "hi")]),
    (Method::POST, "/rooms/{room}/messages", &[("body", "hi"), ("nonce", "member-1")]),
    (Method::GET, "/rooms/{room}/2/history", &[]),
    (Method::POST, "/rooms/{room}/2/edit", &[("body", "mine")]),
    (Method::POST, "/rooms/{room}/2/delete", &[]),
    (Method::POST, "/rooms/{room}/2/react", &[("emoji", "👍"), ("on", "true")]),
    (Method::POST, "/rooms/{room}/2/pin", &[("on", "true")]),
    (Method::POST, "/rooms/{room}/2/unread", &[]),
    (Method::POST, "/rooms/{room}/level", &[("level", "all")]),
    (Method::POST, "/rooms/{room}/favorite", &[("on", "true")]),
    (Method::POST, "/rooms/{room}/hide", &[("on", "true")]),
    (Method::POST, "/rooms/{room}/join", &[]),
    (Method::POST, "/rooms/{room}/leave", &[]),
    (Method::POST, "/rooms/{room}/members", &[("username", "eve")]),
    (Method::POST, "/rooms/{room}/members/ada/remove", &[]),
    (Method::POST, "/rooms/{room}/settings", &[("name", "Mine"), ("topic", "x"), ("visibility", "public")]),
    (Method::POST, "/rooms/{room}/settings", &[("visibility", "public"), ("confirm", "yes")]),
    (Method::POST, "/rooms/{room}/draft", &[("body", "mine")]),
];

/// Every event that names a room.
fn events(room: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("join", json!({ "room": room })),
        ("join", json!({ "room": room, "after": 0 })),
        ("join", json!({ "room": room, "after": 999 })),
        ("sync", json!({ "room": room, "after": 0 })),
        ("leave", json!({ "room": room })),
        ("message", json!({ "room": room, "body": "hi", "nonce": "1" })),
        ("message", json!({ "room": room, "body": "hi", "nonce": "member-1", "reply_to": 1 })),
        ("edit", json!({ "room": room, "seq": 2, "body": "mine" })),
        ("delete", json!({ "room": room, "seq": 2 })),
        ("react", json!({ "room": room, "seq": 2, "emoji": "👍", "on": true })),
        ("history", json!({ "room": room })),
        ("history", json!({ "room": room, "around": 1 })),
        ("typing", json!({ "room": room })),
        ("read", json!({ "room": room, "seq": 1 })),
        ("unread", json!({ "room": room, "seq": 1 })),
        ("pin", json!({ "room": room, "seq": 2, "on": true })),
        ("pins", json!({ "room": room })),
        ("revisions", json!({ "room": room, "seq": 2 })),
        ("revisions", json!({ "room": room, "seq": 2, "before": 9 })),
        ("level", json!({ "room": room, "level": "all" })),
        ("draft", json!({ "room": room, "body": "mine" })),
    ]
}

/// Forms in which more than the room is wrong.
const WRONG_ROUTES: [Route; 12] = [
    (Method::GET, "/rooms/{room}?around=one", &[]),
    (Method::GET, "/rooms/{room}/one/more", &[]),
    (Method::GET, "/rooms/{room}/2/history?before=one", &[]),
    (Method::GET, "/rooms/{room}/2/thread?after=one", &[]),
    (Method::POST, "/rooms/{room}/messages", &[("body", " ")]),
    (Method::POST, "/rooms/{room}/messages", &[("body", "hi"), ("reply_to", "one")]),
    (Method::POST, "/rooms/{room}/1/edit", &[("body", "")]),
    (Method::POST, "/rooms/{room}/1/react", &[("emoji", "smile"), ("on", "perhaps")]),
    (Method::POST, "/rooms/{room}/level", &[("level", "shrill")]),
    (Method::POST, "/rooms/{room}/draft", &[("reply_to", "one")]),
    (Method::POST, "/rooms/{room}/members", &[("username", "nobody at all")]),
    (Method::POST, "/rooms/{room}/settings", &[("name", ""), ("visibility", "secret")]),
];

/// Events in which more than the room is wrong.
fn wrong_events(room: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("join", json!({ "room": room, "after": "one" })),
        ("sync", json!({ "room": room })),
        ("message", json!({ "room": room, "body": " ", "nonce": "1" })),
        ("message", json!({ "room": room, "body": "x".repeat(20_000), "nonce": "1" })),
        ("message", json!({ "room": room, "body": "hi" })),
        ("message", json!({ "room": room, "body": "hi", "nonce": "1", "reply_to": "one" })),
        ("edit", json!({ "room": room, "seq": 1, "body": "" })),
        ("edit", json!({ "room": room, "body": "hi" })),
        ("delete", json!({ "room": room, "seq": "one" })),
        ("react", json!({ "room": room, "seq": 1, "emoji": "smile", "on": true })),
        ("react", json!({ "room": room, "seq": 1, "emoji": "👍", "on": "perhaps" })),
        ("pin", json!({ "room": room, "seq": 1 })),
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

async fn ask(person: &Person, (method, route, fields): &Route, room: &str, accept: &str) -> Answer {
    let path = route.replace("{room}", room);
    let request = match *method {
        Method::POST => person.form(&path, fields),
        _ => person.request(Method::GET, &path),
    };
    Answer::of(request.header("accept", accept)).await
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
    (room, ada, eve, mallory)
}

both! {
    async fn over_every_route_a_private_room_is_not_there_for_outsiders(app: &TestApp) {
        let (room, ada, eve, mallory) = circle(app).await;
        let before = app.database.rows("messages").await;
        let mut tried = 0;
        for route in &ROUTES {
            for accept in ["text/html", "application/json"] {
                for outsider in [&eve, &mallory] {
                    // As it is for a room that nobody ever made. The page around it is the reader's own.
                    let nowhere = ask(outsider, route, "no-such-circle", accept).await;
                    assert_eq!(nowhere.status, 404, "{route:?}: {nowhere:?}");
                    let answer = ask(outsider, route, &room, accept).await;
                    // But for what makes its length random, at its end.
                    let shown = |body: &str| body.split("</html>").next().map(str::to_owned);
                    let same = (answer.status, shown(&answer.body.replace(&room, "no-such-circle")));
                    assert_eq!(same, (nowhere.status, shown(&nowhere.body)), "{} at {route:?}", outsider.username);
                    tried += 1;
                }
                let stranger = ask(&app.stranger(), route, &room, accept).await;
                let unknown = ask(&app.stranger(), route, "no-such-circle", accept).await;
                assert!([303, 401].contains(&stranger.status), "{route:?}: {stranger:?}");
                assert_eq!((stranger.status, stranger.body.replace(&room, "no-such-circle")), (unknown.status, unknown.body));
            }
        }
        assert_eq!(tried, ROUTES.len() * 4);
        assert_eq!(app.database.rows("messages").await, before);
        for route in &ROUTES[..12] {
            let status = ask(&ada, route, &room, "text/html").await.status;
            let exists = !route.1.ends_with("/99");
            assert_eq!(status != 404, exists, "{route:?}: {status} for a member");
        }
    }

    async fn with_every_event_a_private_room_is_not_there_for_outsiders(app: &TestApp) {
        let (room, ada, eve, mallory) = circle(app).await;
        let before = app.database.rows("messages").await;
        for outsider in [&eve, &mallory] {
            let socket = outsider.socket().await;
            for ((event, data), (_, nowhere)) in events(&room).into_iter().zip(events("no-such-circle")) {
                let expected = socket.ask(event, nowhere).await;
                assert_eq!(expected["error"]["code"], "not_found", "{event}: {expected}");
                let answer = socket.ask(event, data.clone()).await;
                assert_eq!(answer, expected, "{} at {event} {data}", outsider.username);
            }
            // And nothing of it comes.
            let (writing, _) = ada.join(&room).await;
            writing.post(&room, "still ours", &format!("after-{}", outsider.username)).await;
            writing.ok("join", json!({ "room": "general" })).await;
            socket.ok("join", json!({ "room": "general" })).await;
            writing.post("general", "for all", &format!("all-{}", outsider.username)).await;
            socket.hears("for all").await;
            let heard: Vec<_> = socket.peek().into_iter().filter(|(_, data)| data["room"] == json!(room)).collect();
            assert!(heard.is_empty(), "{heard:?}");
        }
        let after = app.database.rows("messages").await;
        let text = format!("{after:?}");
        assert!(after.len() > before.len() && !text.contains("\"hi\"") && !text.contains("mine"), "{text}");
    }

    async fn what_else_is_wrong_does_not_tell_a_private_room_from_none(app: &TestApp) {
        let (room, _, eve, mallory) = circle(app).await;
        for outsider in [&eve, &mallory] {
            let socket = outsider.socket().await;
            for ((event, data), (_, nowhere)) in wrong_events(&room).into_iter().zip(wrong_events("no-such-circle")) {
                let expected = socket.ask(event, nowhere).await;
                assert_eq!(expected["ok"], false, "{event}: {expected}");
                let answer = socket.ask(event, data.clone()).await;
                assert_eq!(answer, expected, "{} at {event} {data}", outsider.username);
            }
            for route in &WRONG_ROUTES {
                let expected = ask(outsider, route, "no-such-circle", "application/json").await;
                assert!((400..500).contains(&expected.status), "{route:?}: {expected:?}");
                let answer = ask(outsider, route, &room, "application/json").await;
                assert_eq!((answer.status, answer.body), (expected.status, expected.body), "{} at {route:?}", outsider.username);
            }
        }
    }

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
        // Whether or not it has heard of it yet.
        for (event, data) in events(&room) {
            assert_eq!(refusal(&former, event, data.clone()).await, "not_found", "{event} {data}");
        }
        former.next("removed").await;
        for ((event, data), (_, nowhere)) in wrong_events(&room).into_iter().zip(wrong_events("no-such-circle")) {
            let expected = silent.ask(event, nowhere).await;
            assert_eq!(silent.ask(event, data.clone()).await, expected, "{event} {data}");
        }
    }

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
        assert_eq!(refused, 13);
        let texts = |rows: &[Value]| rows.iter().filter(|row| row["kind"] == "text").cloned().collect::<Vec<_>>();
        assert_eq!(texts(&app.database.rows("messages").await), texts(&before));
    }
}

async fn refusal(socket: &Socket, event: &str, data: Value) -> String {
    socket.ask(event, data).await["error"]["code"].as_str().unwrap_or("accepted").to_owned()
}
