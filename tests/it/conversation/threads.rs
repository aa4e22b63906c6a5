//! Threads: a message and all replies that came of it, in pages.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Person, Socket, TestApp};

/// Posts a reply, and gives its place.
async fn reply(socket: &Socket, room: &str, to: &Value, body: &str) -> Value {
    let post = json!({ "room": room, "body": body, "nonce": body, "reply_to": to });
    socket.ok("message", post).await["message"]["seq"].take()
}

/// What a thread holds: what it began with, and the replies of the page.
async fn thread(person: &Person, room: &str, seq: &Value, query: &str) -> (Value, Vec<String>, Value) {
    let page = person.get_json(&format!("/rooms/{room}/{seq}/thread{query}")).await.expect(200).json();
    let said = |message: &Value| message["body"].as_str().expect("words").to_owned();
    let replies = page["replies"].as_array().expect("a list").iter().map(said).collect();
    (page["message"]["body"].clone(), replies, page)
}

#[apply(everywhere)]
async fn a_thread_has_the_replies_to_replies_and_nothing_else(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    let first = socket.post("general", "lunch?", "1").await["seq"].take();
    let between = other.post("general", "something else", "2").await["seq"].take();
    let soup = reply(&other, "general", &first, "soup").await;
    let which = reply(&socket, "general", &soup, "which soup?").await;
    reply(&other, "general", &between, "elsewhere").await;
    reply(&socket, "general", &first, "bread").await;
    // Whichever of its messages one asks by.
    for seq in [&first, &soup, &which] {
        let (message, replies, page) = thread(&grace, "general", seq, "").await;
        assert_eq!((message, replies), (json!("lunch?"), ["soup", "which soup?", "bread"].map(str::to_owned).into()));
        assert_eq!((&page["count"], &page["more"], &page["next"]), (&json!(3), &json!(false), &Value::Null));
        assert_eq!(page["room"]["slug"], "general");
    }
    // Who only reads the room may read its threads; a deleted message keeps its place, and its thread.
    other.ok("delete", json!({ "room": "general", "seq": soup })).await;
    let eve = app.register("eve").await;
    eve.post("/rooms/general/leave", &[]).await.expect(303);
    let (_, replies, page) = thread(&eve, "general", &which, "").await;
    assert_eq!((replies, &page["count"]), (["", "which soup?", "bread"].map(str::to_owned).into(), &json!(3)));
    // A message that nobody replied to has an empty one.
    let alone = socket.post("general", "anybody?", "3").await["seq"].take();
    let (message, replies, _) = thread(&ada, "general", &alone, "").await;
    assert_eq!((message, replies), (json!("anybody?"), vec![]));
}

#[apply(everywhere)]
async fn replies_of_one_moment_find_their_thread(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, head) = ada.join("general").await;
    let last = head["head"]["seq"].as_i64().expect("a number");
    // Each replies to the one before, which may not be committed yet.
    let mut pending = Vec::new();
    for number in 1..=40 {
        let mut post = json!({ "room": "general", "body": format!("{number}"), "nonce": format!("{number}") });
        if number > 1 {
            post["reply_to"] = json!(last + number - 1);
        }
        pending.push(socket.send("message", post).await);
    }
    for one in pending {
        let answer = one.acknowledgement().await;
        assert_eq!(answer["ok"], true, "{answer}");
    }
    let (message, replies, _) = thread(&ada, "general", &json!(last + 40), "").await;
    assert_eq!((message, replies), (json!("1"), (2..=40).map(|number: i64| number.to_string()).collect()));
}

#[apply(everywhere)]
async fn long_threads_come_in_pages(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let first = socket.post("general", "first", "0").await["seq"].take();
    for number in 1..=60 {
        reply(&socket, "general", &first, &format!("reply {number}")).await;
    }
    let (_, replies, page) = thread(&ada, "general", &first, "").await;
    assert_eq!((replies.len(), &page["more"], &page["count"]), (50, &json!(true), &json!(60)));
    assert_eq!(replies[49], "reply 50");
    let (message, replies, page) = thread(&ada, "general", &first, &format!("?after={}", page["next"])).await;
    assert_eq!((message, replies.len(), &page["more"]), (json!("first"), 10, &json!(false)));
    assert_eq!(replies[0], "reply 51");
    // The page by itself leads from one to the next, and back to the room.
    let html = ada.get(&format!("/rooms/general/{first}/thread")).await.expect(200).body.clone();
    assert!(html.contains("60 replies") && html.contains("reply 50") && !html.contains("reply 51"), "{html}");
    let link = html.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let html = ada.get(link).await.expect(200).body.clone();
    assert!(html.contains("reply 60") && html.contains("First replies") && !html.contains("rel=\"next\""), "{html}");
}

#[apply(everywhere)]
async fn what_is_no_message_has_no_thread(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.join("general").await;
    for seq in ["999", "0", "-1", "one"] {
        let refused = ada.get_json(&format!("/rooms/general/{seq}/thread")).await;
        assert_eq!((refused.status, refused.code()), (404, "not_found".to_owned()), "{seq}");
    }
    let refused = ada.get_json("/rooms/general/1/thread?after=one").await.expect(422).json();
    assert_eq!((&refused["error"]["code"], &refused["error"]["field"]), (&json!("invalid"), &json!("after")));
}
