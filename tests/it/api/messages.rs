//! Messages: history, posting once, editing, deleting, reactions, pins and read markers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Program, writer};
use crate::everywhere;
use crate::harness::{Answer, TestApp};

fn seqs(answer: &Answer) -> Vec<i64> {
    answer.expect(200).json()["messages"].as_array().expect("a list").iter().filter_map(|it| it["seq"].as_i64()).collect()
}

/// A program that hands on what others said must not do what they could not.
#[apply(everywhere)]
async fn a_command_is_a_text_like_any_other(app: &TestApp) {
    let (person, _) = writer(app, "ada").await;
    let program = Program::of(app, &person, "write").await;
    let room = person.create_room("Workshop", "public").await;
    for body in ["/shrug", "/archive", "/topic Engines", "/no-such-command x", "//shrug"] {
        assert_eq!(program.say(&room, body).await["body"], body);
    }
    let now = program.get(&format!("/rooms/{room}")).await.expect(200).json();
    assert_eq!((&now["room"]["archived"], &now["room"]["topic"]), (&json!(false), &json!("")));
}

#[apply(everywhere)]
async fn a_message_is_posted_once_for_each_nonce(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    let post = async |body: Value| program.post("/rooms/general/messages", body).await;
    let first = post(json!({ "body": "**hi**", "nonce": "n-1" })).await;
    let message = first.expect(201).json()["message"].clone();
    assert_eq!((&message["room"], &message["body"], &message["nonce"]), (&json!("general"), &json!("**hi**"), &json!("n-1")));
    assert!(message["html"].as_str().is_some_and(|html| html.contains("<strong>hi</strong>")), "{message}");
    let again = post(json!({ "body": "another text", "nonce": "n-1" })).await;
    assert_eq!(again.expect(200).json()["message"], message);
    let reply = post(json!({ "body": "a reply", "reply_to": message["seq"] })).await;
    assert_eq!(reply.expect(201).json()["message"]["reply_to"], message["seq"]);
    // As curl sends it: with a form's type, as a form, or without any.
    let as_form = program.request(Method::POST, "/rooms/general/messages").form(&[("body", "form"), ("reply_to", "")]);
    Answer::of(as_form).await.expect(201);
    for kind in ["application/x-www-form-urlencoded", "text/plain"] {
        let curl =
            program.request(Method::POST, "/rooms/general/messages").header("content-type", kind).body(r#"{"body": "curl"}"#);
        assert_eq!(Answer::of(curl).await.expect(201).json()["message"]["body"], "curl", "{kind}");
    }
    for (body, field) in [
        (json!({}), "body"),
        (json!({ "body": " " }), "body"),
        (json!({ "body": 7 }), "body"),
        (json!({ "body": "x", "nonce": "" }), "nonce"),
        (json!({ "body": "x", "reply_to": "one" }), "reply_to"),
        (json!({ "body": "x", "reply_to": 999 }), "reply_to"),
        (json!({ "body": "x", "attachments": ["0123456789abcdef0123456789abcdef"] }), "attachments"),
        (json!({ "body": "x", "attachments": [1] }), "attachments"),
    ] {
        let refused = post(body.clone()).await;
        let error = refused.expect(422).json()["error"].clone();
        assert_eq!((&error["code"], &error["field"]), (&json!("invalid"), &json!(field)), "{body}");
    }
    let broken = program.request(Method::POST, "/rooms/general/messages").header("content-type", "application/json").body("{");
    assert_eq!(Answer::of(broken).await.expect(422).code(), "invalid");
    post(json!({ "body": "x".repeat(8001) })).await.expect(422);
    program.post("/rooms/nowhere/messages", json!({ "body": "x" })).await.expect(404);
}

#[apply(everywhere)]
async fn history_comes_in_pages_that_need_not_be_sent_twice(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    for number in 0..5 {
        program.say("general", &number.to_string()).await;
    }
    let all = seqs(&program.get("/rooms/general/messages").await);
    let last = *all.last().expect("messages");
    assert_eq!(all, (1..=last).collect::<Vec<_>>());
    let page = async |query: &str| seqs(&program.get(&format!("/rooms/general/messages?{query}")).await);
    assert_eq!(page("limit=2").await, [last - 1, last]);
    assert_eq!(page(&format!("before={last}&limit=1")).await, [last - 1]);
    assert_eq!(page(&format!("after={}", last - 1)).await, [last]);
    assert_eq!(page(&format!("around={}&limit=3", last - 1)).await, [last - 2, last - 1, last]);
    let answer = program.get("/rooms/general/messages?limit=2").await;
    let body = answer.json();
    assert_eq!((&body["more_before"], &body["more_after"], &body["head"]["seq"]), (&json!(true), &json!(false), &json!(last)));
    let etag = answer.header("etag").to_owned();
    let ask = async || {
        let request = program.request(Method::GET, "/rooms/general/messages?limit=2").header("if-none-match", &etag);
        Answer::of(request).await
    };
    assert_eq!(ask().await.expect(304).body, "");
    program.say("general", "new").await;
    ask().await.expect(200);
    for query in ["limit=0", "limit=201", "limit=x", "before=1&after=1", "around=-1"] {
        assert_eq!(program.get(&format!("/rooms/general/messages?{query}")).await.expect(422).code(), "invalid", "{query}");
    }
    let one = program.get(&format!("/rooms/general/messages/{last}")).await;
    assert_eq!(one.expect(200).json()["message"]["seq"], last);
    program.get("/rooms/general/messages/999").await.expect(404);
    program.get("/rooms/general/messages/x").await.expect(404);
}

#[apply(everywhere)]
async fn a_message_is_changed_and_deleted_by_its_author(app: &TestApp) {
    let (_, program) = writer(app, "ada").await;
    let (_, other) = writer(app, "grace").await;
    let seq = program.say("general", "first").await["seq"].as_i64().expect("a number");
    let path = format!("/rooms/general/messages/{seq}");
    other.patch(&path, json!({ "body": "mine" })).await.expect(403);
    let edited = program.patch(&path, json!({ "body": "second" })).await.expect(200).json()["message"].clone();
    assert!(edited["body"] == "second" && edited["edited_at"].is_string(), "{edited}");
    program.patch(&path, json!({ "body": "" })).await.expect(422);
    let reaction = format!("{path}/reactions/%F0%9F%91%8D");
    let reacted = other.put(&reaction, json!({})).await.expect(200).json()["message"].clone();
    assert_eq!(reacted["reactions"], json!([{ "emoji": "👍", "users": ["grace"] }]));
    other.ask(Method::PUT, &reaction, None).await.expect(200);
    let without = other.delete(&reaction).await.expect(200).json()["message"].clone();
    assert!(without["reactions"].is_null(), "{without}");
    other.put(&format!("{path}/reactions/smile"), json!({})).await.expect(422);
    let pin = format!("{path}/pin");
    assert_eq!(program.ask(Method::PUT, &pin, None).await.expect(200).json()["message"]["pinned"]["by"], "ada");
    let pins = program.get("/rooms/general/pins").await.expect(200).json();
    assert_eq!((&pins["count"], &pins["messages"][0]["seq"], &pins["more"]), (&json!(1), &json!(seq), &json!(false)));
    program.delete(&pin).await.expect(200);
    let read = other.put("/rooms/general/read", json!({ "seq": seq })).await;
    assert_eq!(read.expect(200).json(), json!({ "unread": 0, "mentions": 0 }));
    other.put("/rooms/general/read", json!({})).await.expect(200);
    other.delete(&path).await.expect(403);
    let deleted = program.delete(&path).await.expect(200).json()["message"].clone();
    assert!(deleted["deleted_at"].is_string() && deleted["body"] == "", "{deleted}");
}

#[apply(everywhere)]
async fn who_may_not_is_told_so_in_json(app: &TestApp) {
    let (ada, _) = writer(app, "ada").await;
    let reader = Program::of(app, &ada, "read").await;
    reader.get("/rooms/general/messages").await.expect(200);
    for (method, path) in [
        (Method::POST, "/rooms/general/messages"),
        (Method::PATCH, "/rooms/general/messages/1"),
        (Method::DELETE, "/rooms/general/messages/1"),
        (Method::PUT, "/rooms/general/messages/1/reactions/x"),
        (Method::POST, "/rooms"),
        (Method::PUT, "/rooms/general/read"),
    ] {
        assert_eq!(reader.ask(method.clone(), path, Some(json!({}))).await.expect(403).code(), "forbidden", "{method} {path}");
    }
    // Without a token: also for a browser that would like a page.
    for accept in ["*/*", "text/html", "application/json"] {
        let request = app.stranger().request(Method::GET, "/api/v1/rooms").header("accept", accept);
        let answer = Answer::of(request).await;
        assert_eq!(answer.expect(401).code(), "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        let request = app.stranger().request(Method::GET, "/api/v1/rooms").header("accept", accept).bearer_auth("parlor_x");
        assert!(Answer::of(request).await.expect(401).header("www-authenticate").starts_with("Bearer "));
    }
    // A session's cookie does as well, from our own pages only.
    let cookie = ada.request(Method::GET, "/api/v1/me").header("accept", "text/html");
    assert_eq!(Answer::of(cookie).await.expect(200).json()["username"], "ada");
    let forged = ada.request(Method::POST, "/api/v1/rooms/general/messages").json(&json!({ "body": "forged" }));
    Answer::of(forged.header("origin", "http://evil.example")).await.expect(403);
    let own = ada.request(Method::POST, "/api/v1/rooms/general/messages").json(&json!({ "body": "own" }));
    Answer::of(own.header("origin", &app.origin)).await.expect(201);
    for path in ["/nowhere", "/rooms/general/nowhere", ""] {
        assert_eq!(reader.get(path).await.expect(404).code(), "not_found", "{path}");
    }
    assert_eq!(reader.ask(Method::PUT, "/rooms", None).await.status, 403, "writing needs the scope, whatever is there");
}
