//! Payloads that are wrong: each is refused in words, and the connection stays.

use serde_json::{Value, json};

use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn every_wrong_field_is_named(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let wrong: [(&str, Value, &str); 26] = [
        ("join", json!({}), "room"),
        ("join", json!({ "room": 7 }), "room"),
        ("join", json!({ "room": "general", "after": "x" }), "after"),
        ("join", json!({ "room": "general", "after": -1 }), "after"),
        ("join", json!({ "room": "general", "after": 1.5 }), "after"),
        ("sync", json!({ "room": "general" }), "after"),
        ("sync", json!({ "room": "general", "after": 1e300 }), "after"),
        ("message", json!({ "room": "general", "nonce": "1" }), "body"),
        ("message", json!({ "room": "general", "body": 7, "nonce": "1" }), "body"),
        ("message", json!({ "room": "general", "body": "", "nonce": "1" }), "body"),
        ("message", json!({ "room": "general", "body": " \n\t ", "nonce": "1" }), "body"),
        ("message", json!({ "room": "general", "body": "a\u{0}b", "nonce": "1" }), "body"),
        ("message", json!({ "room": "general", "body": ["a"], "nonce": "1" }), "body"),
        ("message", json!({ "room": "general", "body": "a", "nonce": 1 }), "nonce"),
        ("message", json!({ "room": "general", "body": "a", "nonce": "" }), "nonce"),
        ("message", json!({ "room": "general", "body": "a", "nonce": "a\u{0}" }), "nonce"),
        ("message", json!({ "room": "general", "body": "a", "nonce": "n".repeat(5000) }), "nonce"),
        ("message", json!({ "room": "general", "body": "a", "nonce": "1", "reply_to": "x" }), "reply_to"),
        ("edit", json!({ "room": "general", "body": "a" }), "seq"),
        ("edit", json!({ "room": "general", "seq": "1", "body": "a" }), "seq"),
        ("edit", json!({ "room": "general", "seq": 1 }), "body"),
        ("delete", json!({ "room": "general" }), "seq"),
        ("react", json!({ "room": "general", "seq": 1, "emoji": "👍", "on": "yes" }), "on"),
        ("react", json!({ "room": "general", "seq": 1, "on": true }), "emoji"),
        ("read", json!({ "room": "general" }), "seq"),
        ("history", json!({ "room": "general", "before": true }), "before"),
    ];
    for (event, data, field) in wrong {
        let answer = socket.ask(event, data.clone()).await;
        assert_eq!(answer["error"]["code"], "invalid", "{event} {data}: {answer}");
        assert_eq!(answer["error"]["field"], field, "{event} {data}: {answer}");
    }
    socket.post("general", "still here", "2").await;
}

#[apply(both)]
async fn rooms_that_are_not_there_are_not_found(app: &TestApp) {
    let ada = app.register("ada").await;
    let socket = ada.socket().await;
    for room in ["nowhere", "", " ", "GENERAL", "general ", "../general", "💥", "general\u{0}", "1", &"a".repeat(10_000)] {
        for event in ["join", "sync", "leave", "message", "edit", "delete", "react", "history", "typing", "read"] {
            let data = json!({ "room": room, "after": 0, "body": "a", "nonce": "1", "seq": 1, "emoji": "👍", "on": true });
            let code = socket.refused(event, data).await;
            assert!(code == "not_found" || (code == "invalid" && room.contains('\0')), "{event} {room:?}: {code}");
        }
    }
}

#[apply(both)]
async fn what_is_no_event_of_ours_is_invalid(app: &TestApp) {
    let ada = app.register("ada").await;
    let socket = ada.socket().await;
    for event in ["", "nothing", "Message", "constructor", "__proto__", "💥", &"e".repeat(1000)] {
        assert_eq!(socket.refused(event, json!({ "room": "general" })).await, "invalid", "{event:?}");
    }
    socket.ok("join", json!({ "room": "general" })).await;
}

#[apply(both)]
async fn what_is_no_object_is_invalid_and_the_connection_stays(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(2000), "}".repeat(2000));
    let payloads = [
        "null",
        "7",
        "\"text\"",
        "[]",
        "true",
        "{}",
        r#"{"room":null}"#,
        r#"{"room":{"a":1}}"#,
        &deep,
        &deep_object,
        r#"{"room":"general","room":7}"#,
        r#"{"room":"general","body":"\ud800","nonce":"1"}"#,
        r#"{"room":"general","body":"\udc00\ud800","nonce":"1"}"#,
        r#"{"room":"general","body":"a","nonce":"\udfff"}"#,
        r#"{"room":"general","body":1e999,"nonce":"1"}"#,
        r#"{"room":"general","seq":123456789012345678901234567890}"#,
    ];
    for (number, payload) in (1000..).zip(payloads) {
        socket.raw(&format!(r#"42/chat,{number}["message",{payload}]"#)).await;
    }
    // In the order of sending, each is answered; nobody waits here for their numbers, so they are strays.
    socket.post("general", "still here", "2").await;
    socket.hears("still here").await;
    let strays = socket.strays(payloads.len()).await;
    assert_eq!(strays.len(), payloads.len(), "answered: {strays:?}");
}

#[apply(both)]
async fn events_with_more_or_fewer_arguments_are_answered(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    socket.raw(r#"42/chat,2000["message"]"#).await;
    socket.raw(r#"42/chat,2001["message",{"room":"general","body":"first of two","nonce":"1"},{"room":"general","body":"second","nonce":"2"}]"#).await;
    socket.post("general", "the end", "3").await;
    socket.hears("the end").await;
    let mut strays = socket.strays(2).await;
    strays.sort_unstable();
    assert_eq!(strays, [2000, 2001]);
    assert!(socket.peek_at("message").iter().all(|it| it["body"] != "second"));
    assert!(!socket.has_ended());
}

#[apply(both)]
async fn fields_that_nobody_asked_for_are_ignored(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let data = json!({ "room": "general", "body": "x", "nonce": "1", "author": { "username": "root" }, "seq": 1, "html": "<b>", "kind": "joined" });
    let message = socket.ok("message", data).await["message"].take();
    assert_eq!((&message["author"]["username"], &message["kind"], &message["seq"]), (&json!("ada"), &json!("text"), &json!(2)));
    assert_ne!(message["html"], "<b>");
}

#[apply(both)]
async fn a_server_event_sent_by_a_client_reaches_nobody(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    for event in ["presence", "removed", "signed_out", "room", "connect", "disconnect", "connect_error"] {
        socket.tell(event, json!({ "room": "general", "user": "grace", "reason": "forged" })).await;
    }
    socket.post("general", "the end", "1").await;
    other.hears("the end").await;
    assert!(other.peek().iter().all(|(_, data)| data["reason"] != "forged"), "{:?}", other.peek());
    assert!(!matches!(socket.peek().last(), Some((name, _)) if name == "signed_out"));
}
