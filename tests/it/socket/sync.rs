//! Catching up by `rev`.

use serde_json::{Value, json};

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Database, Person, Socket, TestApp};

fn revs(messages: &Value) -> Vec<i64> {
    messages.as_array().expect("a list").iter().map(|it| it["rev"].as_i64().expect("a number")).collect()
}

/// A room of ada's with that many posts.
async fn filled(ada: &Person, count: usize) -> (String, Socket) {
    let room = ada.create_room("Busy", "public").await;
    let (socket, _) = ada.join(&room).await;
    for start in (0..count).step_by(100) {
        let mut pending = Vec::new();
        for number in start..count.min(start + 100) {
            let data = json!({ "room": room, "body": format!("post {number}"), "nonce": format!("n{number}") });
            pending.push(socket.send("message", data).await);
        }
        for one in pending {
            assert_eq!(one.acknowledgement().await["ok"], json!(true));
        }
    }
    (room, socket)
}

#[apply(both)]
async fn joining_with_a_rev_gives_exactly_what_changed_since(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = filled(&ada, 10).await;
    let known = socket.ok("join", json!({ "room": room })).await["head"]["rev"].clone();
    socket.ok("edit", json!({ "room": room, "seq": 3, "body": "changed" })).await;
    socket.ok("delete", json!({ "room": room, "seq": 5 })).await;
    socket.ok("edit", json!({ "room": room, "seq": 3, "body": "changed again" })).await;
    socket.ok("react", json!({ "room": room, "seq": 7, "emoji": "👍", "on": true })).await;
    socket.post(&room, "new", "new").await;
    let caught_up = socket.ok("join", json!({ "room": room, "after": known })).await;
    let messages = caught_up["messages"].as_array().expect("messages");
    let seen: Vec<_> = messages.iter().map(|it| it["seq"].as_i64().expect("a number")).collect();
    assert_eq!(seen, [5, 3, 7, 12], "each once, in rev order, in its present state");
    assert_eq!(messages[1]["body"], "changed again");
    assert_eq!(messages[2]["reactions"][0]["users"], json!(["ada"]));
    assert_eq!(caught_up["complete"], json!(true));
    assert_eq!(caught_up["head"]["rev"].as_i64(), known.as_i64().map(|rev| rev + 5));
    let synced = socket.ok("sync", json!({ "room": room, "after": known })).await;
    assert_eq!(synced["messages"], caught_up["messages"]);
    let nothing = socket.ok("sync", json!({ "room": room, "after": caught_up["head"]["rev"] })).await;
    assert_eq!((&nothing["messages"], &nothing["complete"]), (&json!([]), &json!(true)));
}

#[apply(both)]
async fn a_long_absence_is_caught_up_with_in_parts(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = filled(&ada, 1210).await;
    for seq in [2, 600, 1200] {
        socket.ok("edit", json!({ "room": room, "seq": seq, "body": "edited" })).await;
    }
    let (other, _) = (app.log_in("ada").await.socket().await, ());
    let mut part = other.ok("join", json!({ "room": room, "after": 0 })).await;
    let mut seen = std::collections::BTreeMap::new();
    let mut last = 0;
    let mut parts = 1;
    loop {
        let revs = revs(&part["messages"]);
        assert!(revs.len() <= 500 && revs.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(revs.first().is_none_or(|first| *first > last));
        last = revs.last().copied().unwrap_or(last);
        for message in part["messages"].as_array().expect("messages") {
            seen.insert(message["seq"].as_i64().expect("a number"), message.clone());
        }
        if part["complete"] == json!(true) {
            break;
        }
        part = other.ok("sync", json!({ "room": room, "after": last })).await;
        parts += 1;
    }
    assert_eq!(parts, 3);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), (1..=1211).collect::<Vec<_>>());
    assert_eq!(seen[&600]["body"], "edited");
    assert_eq!(part["head"]["rev"], json!(last));
}

#[apply(both)]
async fn what_is_committed_while_somebody_joins_is_never_missed(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (room, writing) = filled(&ada, 5).await;
    grace.enter(&room).await;
    for round in 0..15 {
        let mut pending = Vec::new();
        let reader = grace.socket().await;
        for number in 0..10 {
            let data = json!({ "room": room, "body": "racing", "nonce": format!("r{round}-{number}") });
            pending.push(writing.send("message", data).await);
        }
        let joined = reader.ok("join", json!({ "room": room })).await;
        let mut last = 0;
        for one in pending {
            last = one.acknowledgement().await["message"]["seq"].as_i64().expect("a number");
        }
        let head = joined["head"]["seq"].as_i64().expect("a number");
        if head < last {
            reader.next_where("message", |it| it["seq"] == json!(last)).await;
        }
        let live = reader.peek_at("message");
        let mut seen: Vec<_> = joined["messages"]
            .as_array()
            .expect("messages")
            .iter()
            .chain(&live)
            .map(|it| it["seq"].as_i64().expect("a number"))
            .collect();
        seen.push(last);
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap in {seen:?}");
    }
}

#[apply(both)]
async fn a_rev_ahead_of_the_room_is_refused_so_that_the_client_begins_afresh(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let answer = socket.ask("join", json!({ "room": "general", "after": 999 })).await;
    assert_eq!((&answer["error"]["code"], &answer["error"]["field"]), (&json!("invalid"), &json!("after")));
    assert_eq!(socket.refused("sync", json!({ "room": "general", "after": 999 })).await, "invalid");
    socket.ok("join", json!({ "room": "general" })).await;
}

#[apply(both)]
async fn a_restart_keeps_the_epoch_the_revs_and_everything_said(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    let ada = server.register("ada").await;
    let (socket, joined) = ada.join("general").await;
    socket.post("general", "before", "1").await;
    server.stop().await;
    socket.is_cut().await;
    server.start_again().await;
    let socket = ada.socket().await;
    let after = socket.ok("join", json!({ "room": "general", "after": joined["head"]["rev"] })).await;
    assert_eq!(after["head"]["epoch"], joined["head"]["epoch"]);
    assert_eq!(after["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(after["messages"][0]["body"], "before");
    assert_eq!(socket.post("general", "again", "1").await["body"], "before", "a retry across the restart");
}

#[apply(both)]
async fn what_was_acknowledged_is_in_whatever_is_read_after_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let reading = ada.socket().await;
    for number in 0..150 {
        let message = socket.post("general", &format!("post {number}"), &format!("n{number}")).await;
        let rev = message["rev"].as_i64().expect("a number");
        let asked = [
            reading.ask("sync", json!({ "room": "general", "after": rev - 1 })),
            reading.ask("join", json!({ "room": "general" })),
            reading.ask("history", json!({ "room": "general" })),
        ];
        for answer in futures_util::future::join_all(asked).await {
            let last = answer["messages"].as_array().and_then(|messages| messages.last());
            assert_eq!(last, Some(&message), "post {number} is not there yet");
        }
    }
}
