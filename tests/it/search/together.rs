//! The index and the messages are one: what was committed is found, what was taken away is gone.

use serde_json::{Value, json};

use super::{find, say};
use crate::both;
use crate::harness::{Kind, TestApp};

#[apply(both)]
async fn an_edit_and_a_deletion_reach_the_index_with_the_message(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let message = socket.post("general", "the first words", "1").await;
    say(&socket, "general", &["other words"]).await;
    let seq = message["seq"].clone();
    socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "a second version" })).await;
    assert_eq!(find(&ada, "first").await, Vec::<String>::new());
    assert_eq!(find(&ada, "second").await, ["a second version"]);
    assert_eq!(find(&ada, "words").await, ["other words"]);
    // What is only put on a message changes nothing.
    socket.ok("react", json!({ "room": "general", "seq": seq, "emoji": "👍", "on": true })).await;
    socket.ok("pin", json!({ "room": "general", "seq": seq, "on": true })).await;
    assert_eq!(find(&ada, "second").await, ["a second version"]);
    socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "a third version, https://example.com" })).await;
    assert_eq!(find(&ada, "version").await, ["a third version, https://example.com"]);
    assert_eq!(find(&ada, "has:link").await.len(), 1);
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    for gone in ["version", "third", "has:link", "from:ada version"] {
        assert_eq!(find(&ada, gone).await, Vec::<String>::new(), "{gone}");
    }
    assert_eq!(find(&ada, "words").await, ["other words"]);
}

#[apply(both)]
async fn changes_of_one_message_in_one_batch_leave_the_last(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "version zero", "1").await["seq"].as_i64().expect("a number");
    for round in 0..10 {
        let mut pending = Vec::new();
        for step in 0..8 {
            let body = format!("version {round} step {step}");
            pending.push(socket.send("edit", json!({ "room": "general", "seq": seq, "body": body })).await);
            let posted = json!({ "room": "general", "body": format!("post {round} {step}"), "nonce": format!("{round}-{step}") });
            pending.push(socket.send("message", posted).await);
            if step == 5 {
                pending.push(socket.send("delete", json!({ "room": "general", "seq": seq + 1 + round * 8 })).await);
            }
        }
        for one in pending {
            assert_eq!(one.acknowledgement().await["ok"], true);
        }
        assert_eq!(find(&ada, "version").await, [format!("version {round} step 7")]);
    }
    assert_eq!(find(&ada, "\"step 3\"").await, Vec::<String>::new());
    assert_eq!(find(&ada, "post").await.len(), 20);
}

#[apply(both)]
async fn a_refused_batch_leaves_no_trace(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (socket, _) = ada.join("general").await;
    let outside = eve.socket().await;
    let message = socket.post("general", "only mine", "1").await;
    let refused = outside.ask("edit", json!({ "room": "general", "seq": message["seq"], "body": "not yours" })).await;
    assert_eq!(refused["ok"], false);
    outside.ask("message", json!({ "room": "general", "body": "let me in", "nonce": "x" })).await;
    assert_eq!(find(&ada, "yours").await, Vec::<String>::new());
    assert_eq!(find(&ada, "let").await, Vec::<String>::new());
    assert_eq!(find(&ada, "mine").await, ["only mine"]);
    // The same nonce again is the same message, once.
    socket.post("general", "only mine", "1").await;
    assert_eq!(find(&ada, "mine").await, ["only mine"]);
}

#[apply(both)]
async fn deleted_words_are_in_no_table_of_the_index(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    say(&socket, "general", &["before it", "after it"]).await;
    let seqs = [
        socket.post("general", "the secret is swordfish", "1").await["seq"].clone(),
        socket.post("general", "swordfish again, by mistake", "2").await["seq"].clone(),
    ];
    let held = async || {
        let text = match app.database.kind {
            Kind::Sqlite => "select hex(block) as held from words_data",
            Kind::Postgres => "select words::text as held from words",
        };
        let word = if app.database.kind == Kind::Sqlite { hex("wordfis") } else { "wordfis".to_owned() };
        let rows: Vec<Value> = app.database.query(text).await;
        assert!(!rows.is_empty());
        rows.iter().filter(|row| row["held"].as_str().is_some_and(|held| held.contains(&word))).count()
    };
    assert_eq!(find(&ada, "swordfish").await.len(), 2);
    assert!(held().await > 0);
    socket.ok("edit", json!({ "room": "general", "seq": seqs[0], "body": "no secret at all" })).await;
    socket.ok("delete", json!({ "room": "general", "seq": seqs[1] })).await;
    assert_eq!(held().await, 0);
    assert_eq!(find(&ada, "secret").await, ["no secret at all"]);
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}
