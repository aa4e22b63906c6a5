//! People block others: messages are collapsed, mentions do not notify, and the two have no direct messages.

use serde_json::json;

use crate::everywhere;
use crate::harness::{Answer, TestApp};

#[apply(everywhere)]
async fn a_blocked_persons_messages_are_collapsed_and_call_nobody(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    eve.enter("general").await;
    eve.write("general", "before, @ada").await.expect(303);
    let (socket, _) = ada.join("general").await;
    socket.ok("watch", json!({})).await;
    assert_eq!(ada.get_json("/mentions").await.expect(200).json()["mentions"].as_array().map(Vec::len), Some(1));
    assert_eq!(ada.post("/people/eve/block", &[]).await.expect(303).location(), "/people/eve");
    assert_eq!(socket.next("blocked").await, json!({ "user": "eve", "blocked": true }));
    let listed = ada.get_json("/settings/blocked").await.expect(200).json();
    assert_eq!((&listed["people"][0]["username"], &listed["more"]), (&json!("eve"), &json!(false)));
    assert!(ada.get("/settings/blocked").await.expect(200).body.contains("/people/eve/unblock"));
    assert_eq!(ada.get_json("/people/eve").await.json()["person"]["is_blocked"], true);
    assert_eq!(eve.get_json("/people/ada").await.json()["person"]["is_blocked"], false, "they do not learn of it");
    for body in ["@ada again", "@room too", "@here three"] {
        eve.write("general", body).await.expect(303);
        socket.hears(body).await;
    }
    assert_eq!(ada.get_json("/mentions").await.json()["mentions"], json!([]));
    let page = ada.get("/rooms/general").await;
    assert!(page.expect(200).body.contains("Message from a blocked person") && page.body.contains("data-blocked=\"eve\""));
    assert_eq!(page.body.matches("<details class=\"blocked\">").count(), 4, "{}", page.body);
    assert!(!eve.get("/rooms/general").await.body.contains("<details class=\"blocked\">"));
    // A reply to it shows nothing of it either.
    let seq =
        socket.ok("history", json!({ "room": "general" })).await["messages"].as_array().unwrap().last().unwrap()["seq"].clone();
    ada.post("/rooms/general/messages", &[("body", "an answer"), ("reply_to", &seq.to_string())]).await.expect(303);
    assert!(ada.get("/rooms/general").await.body.contains("Hidden message"));
    ada.post("/people/eve/unblock", &[]).await.expect(303);
    assert_eq!(socket.next("blocked").await, json!({ "user": "eve", "blocked": false }));
    assert!(!ada.get("/rooms/general").await.body.contains("<details class=\"blocked\">"));
    eve.write("general", "and @ada now").await.expect(303);
    socket.hears("and @ada now").await;
    assert_eq!(ada.get_json("/mentions").await.json()["mentions"].as_array().map(Vec::len), Some(1));
}

#[apply(everywhere)]
async fn the_two_have_no_direct_messages(app: &TestApp) {
    let (ada, eve, mary) = (app.register("ada").await, app.register("eve").await, app.register("mary").await);
    let direct = |users: &'static str| [("users", users)];
    let opened = Answer::of(ada.form("/direct", &direct("eve")).header("accept", "application/json")).await;
    let two = opened.expect(201).json()["room"]["slug"].as_str().expect("a slug").to_owned();
    let opened = Answer::of(ada.form("/direct", &direct("eve mary")).header("accept", "application/json")).await;
    let three = opened.expect(201).json()["room"]["slug"].as_str().expect("a slug").to_owned();
    let seq = {
        let (socket, _) = eve.join(&two).await;
        socket.post(&two, "hello", "1").await["seq"].clone()
    };
    ada.post("/people/eve/block", &[]).await.expect(303);
    let (here, there) = (ada.join(&two).await.0, eve.join(&two).await.0);
    for socket in [&here, &there] {
        assert_eq!(socket.refused("message", json!({ "room": two, "body": "x", "nonce": "9" })).await, "forbidden");
    }
    assert_eq!(there.refused("edit", json!({ "room": two, "seq": seq, "body": "x" })).await, "forbidden");
    // The same nonce is still acknowledged, and what was said can be deleted.
    there.ok("message", json!({ "room": two, "body": "hello", "nonce": "1" })).await;
    there.ok("delete", json!({ "room": two, "seq": seq })).await;
    // With others, they may write.
    ada.write(&three, "in company").await.expect(303);
    eve.write(&three, "in company").await.expect(303);
    // Whoever has no conversation yet cannot begin one, in either direction.
    mary.post("/people/eve/block", &[]).await.expect(303);
    mary.post("/people/eve/message", &[]).await.expect(403);
    eve.post("/people/mary/message", &[]).await.expect(403);
    mary.post("/people/eve/unblock", &[]).await.expect(303);
    eve.post("/people/mary/message", &[]).await.expect(303);
}

#[apply(everywhere)]
async fn blocks_are_ones_own_and_bounded(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.stranger().post("/people/eve/block", &[]).await.expect(303);
    ada.post("/people/ada/block", &[]).await.expect(403);
    ada.post("/people/nobody/block", &[]).await.expect(404);
    ada.post("/people/nobody/unblock", &[]).await.expect(404);
    assert!(app.database.rows("blocks").await.is_empty());
    for _ in 0..2 {
        ada.post("/people/eve/block", &[]).await.expect(303);
    }
    assert_eq!(app.database.rows("blocks").await.len(), 1);
    assert_eq!(eve.get_json("/settings/blocked").await.json()["people"], json!([]));
    app.database
        .run(
            "insert into users (username, name, password_hash, created_at)
             select 'p' || (1000 * a.n + 100 * b.n + 10 * c.n + d.n), 'p', 'x', 0 from
             (select 0 as n union select 1) as a,
             (select 0 as n union select 1 union select 2 union select 3 union select 4 union select 5 union select 6 union select 7 union select 8 union select 9) as b,
             (select 0 as n union select 1 union select 2 union select 3 union select 4 union select 5 union select 6 union select 7 union select 8 union select 9) as c,
             (select 0 as n union select 1 union select 2 union select 3 union select 4 union select 5 union select 6 union select 7 union select 8 union select 9) as d
             where 1000 * a.n + 100 * b.n + 10 * c.n + d.n <= 1000;
             insert into blocks (user_id, blocked_id, created_at)
             select ada.id, them.id, 0 from users as ada, users as them where ada.username = 'ada' and them.username like 'p%' and them.username not in ('p999', 'p1000')",
        )
        .await;
    assert_eq!(app.database.rows("blocks").await.len(), 1000);
    ada.post("/people/p999/block", &[]).await.expect(403);
    ada.post("/people/eve/unblock", &[]).await.expect(303);
    ada.post("/people/p999/block", &[]).await.expect(303);
    let first = ada.get_json("/settings/blocked").await.json();
    assert_eq!((first["people"].as_array().map(Vec::len), &first["more"]), (Some(50), &json!(true)));
    ada.get(&format!("/settings/blocked?after={}", first["next"].as_str().expect("a cursor"))).await.expect(200);
    ada.get("/rooms").await.expect(200);
}
