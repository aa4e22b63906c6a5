//! Deleted rooms: gone for everybody at once, and then from the database.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::everywhere;
use crate::harness::{DEADLINE, TestApp};

#[apply(everywhere)]
async fn a_deleted_room_is_gone_for_everybody_with_all_that_was_said(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea time", "public").await;
    let (socket, _) = eve.join(&room).await;
    for number in 0..3 {
        socket.post(&room, &format!("swordfish {number} @ada"), &format!("n{number}")).await;
    }
    socket.ok("react", json!({ "room": room, "seq": 3, "emoji": "👍", "on": true })).await;
    socket.ok("edit", json!({ "room": room, "seq": 3, "body": "swordfish again" })).await;
    let elsewhere = ada.socket().await;
    elsewhere.ok("watch", json!({})).await;
    let path = format!("/rooms/{room}/delete");
    eve.post(&path, &[("confirm", &room)]).await.expect(403);
    let page = ada.get(&path).await.expect(200).body.clone();
    assert!(page.contains("Type <strong>Tea time</strong>"), "{page}");
    for wrong in ["", "tea", "Tea  time"] {
        ada.post(&path, &[("confirm", wrong)]).await.expect(422);
    }
    assert_eq!(ada.post(&path, &[("confirm", " Tea time ")]).await.expect(303).location(), "/rooms");
    for hearing in [&socket, &elsewhere] {
        assert_eq!(hearing.next("removed").await, json!({ "room": room, "reason": "deleted" }));
    }
    for person in [&ada, &eve] {
        app.comes_to(404, async || person.get_json(&format!("/rooms/{room}")).await.status).await;
    }
    assert_eq!(
        socket.ask("message", json!({ "room": room, "body": "hello?", "nonce": "n9" })).await["error"]["code"],
        "not_found"
    );
    assert_eq!(socket.ok("search", json!({ "q": "swordfish" })).await["results"], json!([]));
    assert_eq!(elsewhere.ok("mentions", json!({})).await["mentions"], json!([]));
    // What is left of it is deleted afterwards, in steps.
    let purged = async {
        while !app.database.query("select 1 as one from rooms where removed_at is not null").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, purged).await.expect("it is purged");
    for table in ["messages", "reactions", "revisions", "mentions"] {
        let left =
            app.database.query(&format!("select count(*) as n from {table} where room_id not in (select id from rooms)")).await;
        assert_eq!(left, [json!({ "n": 0 })], "{table}");
    }
    assert_eq!(
        app.database.query("select 1 as one from messages where body like '%swordfish%'").await,
        Vec::<serde_json::Value>::new()
    );
    // Its name is free.
    assert_eq!(eve.create_room("Tea time", "public").await, room);
    let audit = app.database.query("select target, detail from audit where action = 'room.delete'").await;
    assert_eq!(audit[0]["target"], json!(room));
}

#[apply(everywhere)]
async fn an_administrator_deletes_a_private_room_unread(app: &TestApp) {
    let (ada, root) = (app.register("ada").await, app.register("root-of-all").await);
    app.database.make_admin("root-of-all").await;
    let room = ada.create_room("Circle", "private").await;
    let direct = ada.post("/direct", &[("users", "ada")]).await.expect(303).location();
    root.post(&format!("{direct}/delete"), &[("confirm", "x")]).await.expect(404);
    ada.post(&format!("{direct}/delete"), &[("confirm", "x")]).await.expect(403);
    root.post(&format!("/rooms/{room}/delete"), &[("confirm", &room)]).await.expect(303);
    app.comes_to(404, async || ada.get_json(&format!("/rooms/{room}")).await.status).await;
}
