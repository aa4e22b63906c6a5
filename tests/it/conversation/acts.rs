//! Pinning and marking unread: who may, and what everybody sees of it.

use serde_json::json;

use crate::harness::app::Server;
use crate::harness::{Database, TestApp};
use crate::{everywhere, once};

#[apply(everywhere)]
async fn a_pin_is_seen_by_everybody_and_listed_until_it_is_taken_away(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    let first = socket.post("general", "the door code", "1").await;
    let second = socket.post("general", "the wifi", "2").await;
    for message in [&first, &second] {
        // Any member may, whoever wrote it.
        let pin = json!({ "room": "general", "seq": message["seq"], "on": true });
        let pinned = other.ok("pin", pin.clone()).await["message"].take();
        assert_eq!(pinned["pinned"]["by"], "grace");
        assert_eq!(socket.next_where("message", |it| it["rev"] == pinned["rev"]).await, pinned);
        // Again changes nothing.
        assert_eq!(other.ok("pin", pin).await["message"], pinned);
    }
    let pins = socket.ok("pins", json!({ "room": "general" })).await["messages"].take();
    let bodies: Vec<_> = pins.as_array().expect("messages").iter().map(|it| it["body"].clone()).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(grace.get_json("/rooms/general/pins").await.expect(200).json()["messages"], pins);
    assert!(grace.get("/rooms/general/pins").await.expect(200).body.contains("the door code"));
    let off = socket.ok("pin", json!({ "room": "general", "seq": first["seq"], "on": false })).await["message"].take();
    assert!(off.get("pinned").is_none(), "{off}");
    socket.ok("delete", json!({ "room": "general", "seq": second["seq"] })).await;
    assert_eq!(socket.ok("pins", json!({ "room": "general" })).await["messages"], json!([]));
}

#[apply(everywhere)]
async fn who_is_no_member_pins_nothing_and_what_is_no_message_is_not_pinned(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "words", "1").await["seq"].take();
    let reading = eve.socket().await;
    let pin = json!({ "room": "general", "seq": seq, "on": true });
    assert_eq!(reading.refused("pin", pin.clone()).await, "forbidden");
    assert_eq!(eve.post(&format!("/rooms/general/{seq}/pin"), &[("on", "true")]).await.status, 403);
    assert_eq!(socket.refused("pin", json!({ "room": "general", "seq": 99, "on": true })).await, "not_found");
    assert_eq!(socket.refused("pin", json!({ "room": "general", "seq": 1, "on": true })).await, "invalid");
    assert_eq!(socket.refused("pin", json!({ "room": "general", "seq": seq })).await, "invalid");
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    assert_eq!(socket.refused("pin", pin).await, "invalid");
}

#[apply(everywhere)]
async fn marked_unread_it_waits_again_at_all_of_the_persons_sockets(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (here, _) = ada.join("general").await;
    let (there, _) = app.log_in("ada").await.join("general").await;
    let (writing, _) = grace.join("general").await;
    let mut seqs = Vec::new();
    for body in ["one", "two @ada", "three"] {
        seqs.push(writing.post("general", body, body).await["seq"].clone());
    }
    here.ok("read", json!({ "room": "general", "seq": seqs[2] })).await;
    let answer = here.ok("unread", json!({ "room": "general", "seq": seqs[1] })).await;
    assert_eq!((&answer["unread"], &answer["mentions"]), (&json!(2), &json!(1)));
    let before = seqs[1].as_i64().expect("a number") - 1;
    let told = there.next_where("read", |it| it["seq"] == json!(before)).await;
    assert_eq!(told, json!({ "room": "general", "seq": before, "unread": 2, "mentions": 1 }));
    assert_eq!(here.refused("unread", json!({ "room": "general", "seq": 99 })).await, "not_found");
    assert_eq!(
        app.register("eve").await.socket().await.refused("unread", json!({ "room": "general", "seq": 1 })).await,
        "forbidden"
    );
}

#[apply(once)]
async fn what_is_posted_edited_and_pinned_in_one_batch_is_stored_with_all_of_it(database: &Database) {
    let mut server = Server::start(database.url(), &[("POST_RATE", "off")]).await;
    let (socket, _) = server.register("ada").await.join("general").await;
    let first = socket.post("general", "before", "before").await["seq"].as_i64().expect("a number") + 1;
    let (mut pending, mut acknowledged) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let at = json!({ "room": "general", "seq": first + number, "body": format!("then @ada {number}"), "on": true });
        let posted = json!({ "room": "general", "body": format!("first {number}"), "nonce": format!("n{number}") });
        pending.push(socket.send("message", posted).await);
        for event in ["edit", "pin", "delete"].iter().take(number as usize % 4) {
            pending.push(socket.send(event, at.clone()).await);
        }
    }
    for one in pending {
        let mut answer = one.acknowledgement().await;
        assert_eq!(answer["ok"], true, "{answer}");
        acknowledged.push(answer["message"].take());
    }
    server.stop().await;
    // Started anew, it has only what is stored.
    let server = Server::start(database.url(), &[]).await;
    let (_, joined) = server.log_in("ada").await.join("general").await;
    let kept = joined["messages"].as_array().expect("messages");
    let mut looked_at = 0;
    for message in kept.iter().filter(|message| message["seq"].as_i64() >= Some(first)) {
        let last = acknowledged.iter().filter(|it| it["seq"] == message["seq"]).max_by_key(|it| it["rev"].as_i64());
        assert_eq!(Some(message), last);
        looked_at += 1;
    }
    assert!(looked_at > 40, "only {looked_at} messages were there");
}

#[apply(once)]
async fn deleted_words_are_gone_from_the_file_itself(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let (socket, _) = server.register("ada").await.join("general").await;
    // Long enough to lie on pages of its own as well.
    for (number, length) in [1, 40, 600].into_iter().enumerate() {
        let seq = socket.post("general", &"swordfish ".repeat(length), &format!("n{number}")).await["seq"].take();
        socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "marlin ".repeat(length) })).await;
        socket.post("general", "something between", &format!("m{number}")).await;
        socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    }
    server.stop().await;
    let stored = std::fs::read(database.file()).expect("the file is there");
    let holds = |words: &str| stored.windows(words.len()).any(|at| at == words.as_bytes());
    assert!(holds("something between"), "this looks into the wrong file");
    assert!(!holds("swordfish") && !holds("marlin"), "deleted words can still be read in the file");
}
