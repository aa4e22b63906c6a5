//! Archived rooms: read-only, searchable, and out of sight.

use serde_json::json;

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn an_archived_room_can_be_read_and_searched_but_not_changed(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    eve.enter(&room).await;
    let (socket, _) = eve.join(&room).await;
    let said = socket.post(&room, "the kettle is on", "n1").await;
    let elsewhere = eve.socket().await;
    elsewhere.ok("watch", json!({})).await;
    eve.post(&format!("/rooms/{room}/archive"), &[]).await.expect(403);
    ada.post(&format!("/rooms/{room}/archive"), &[]).await.expect(303);
    for hearing in [&socket, &elsewhere] {
        let heard = hearing.next_where("room", |event| event["archived"] == true).await;
        assert_eq!((heard["room"].clone(), heard["slug"].clone()), (json!(room), json!(room)));
    }
    let path = format!("/rooms/{room}");
    app.comes_to(json!(true), async || eve.get_json(&path).await.json()["room"]["archived"].clone()).await;
    let seq = said["seq"].clone();
    for (event, data) in [
        ("message", json!({ "room": room, "body": "one more", "nonce": "n2" })),
        ("edit", json!({ "room": room, "seq": seq, "body": "the kettle was on" })),
        ("delete", json!({ "room": room, "seq": seq })),
        ("react", json!({ "room": room, "seq": seq, "emoji": "👍", "on": true })),
        ("pin", json!({ "room": room, "seq": seq, "on": true })),
    ] {
        assert_eq!(socket.ask(event, data).await["error"]["code"], "forbidden", "{event}");
    }
    ada.post(&format!("{path}/settings"), &[("name", "Coffee")]).await.expect(403);
    ada.post(&format!("{path}/members"), &[("username", "eve")]).await.expect(403);
    let bob = app.register("bob").await;
    bob.post(&format!("{path}/join"), &[]).await.expect(403);
    // It is still there to read, in search and in its own list, but not in the sidebar.
    let page = eve.get(&path).await.expect(200).body.clone();
    assert!(page.contains("the kettle is on") && page.contains("This room is archived") && !page.contains("<textarea"), "{page}");
    assert!(bob.get(&path).await.expect(200).body.contains("You can read and search it"));
    let found = socket.ok("search", json!({ "q": "kettle" })).await;
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1), "{found}");
    let list = eve.get("/rooms").await.expect(200).body.clone();
    assert!(!list.contains(&format!("href=\"{path}\"")), "{list}");
    assert!(eve.get("/rooms?archived=yes").await.expect(200).body.contains(&format!("href=\"{path}\"")));
    socket.ok("read", json!({ "room": room, "seq": seq })).await;
    // A retry of what was committed before says so.
    let again = socket.post(&room, "the kettle is on", "n1").await;
    assert_eq!(again["seq"], seq);
    ada.post(&format!("{path}/unarchive"), &[]).await.expect(303);
    elsewhere.next_where("room", |event| event["archived"] == false).await;
    app.comes_to(json!(true), async || {
        socket.ask("message", json!({ "room": room, "body": "one more", "nonce": "n3" })).await["ok"].clone()
    })
    .await;
    assert!(eve.get("/rooms").await.expect(200).body.contains(&format!("href=\"{path}\"")));
    let page = eve.get(&path).await.expect(200).body.clone();
    assert!(page.contains("ada archived this room") && page.contains("ada restored this room"), "{page}");
}

#[apply(everywhere)]
async fn members_can_leave_an_archived_room(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    eve.enter(&room).await;
    ada.post(&format!("/rooms/{room}/archive"), &[]).await.expect(303);
    eve.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    app.comes_to(1, async || {
        let found = ada.get_json(&format!("/rooms/{room}/members")).await.json();
        found["members"].as_array().map_or(0, Vec::len)
    })
    .await;
}
