//! Who may post in a room, and who may mention everybody.

use serde_json::json;

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn a_room_can_be_for_announcements(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("News", "public").await;
    let (socket, _) = eve.join(&room).await;
    let (owner, _) = ada.join(&room).await;
    let settings = format!("/rooms/{room}/settings");
    eve.post(&settings, &[("posting", "moderator")]).await.expect(403);
    ada.post(&settings, &[("posting", "everyone")]).await.expect(422);
    ada.post(&settings, &[("posting", "moderator")]).await.expect(303);
    let heard = socket.next_where("room", |event| event["posting"] == "moderator").await;
    assert_eq!(heard["mass_mentions"], "member");
    assert_eq!(socket.ask("message", json!({ "room": room, "body": "hi", "nonce": "n1" })).await["error"]["code"], "forbidden");
    let said = owner.post(&room, "the news", "n2").await;
    // Everybody may still react.
    socket.ok("react", json!({ "room": room, "seq": said["seq"], "emoji": "👍", "on": true })).await;
    let page = eve.get(&format!("/rooms/{room}")).await.expect(200).body.clone();
    assert!(page.contains("Only owners and moderators can post in this room.") && !page.contains("<textarea"), "{page}");
    ada.post(&format!("/rooms/{room}/members/eve/role"), &[("role", "moderator")]).await.expect(303);
    socket.post(&room, "more news", "n3").await;
    let detail = app.database.query("select detail from audit where action = 'room.settings'").await;
    assert!(detail[0]["detail"].as_str().is_some_and(|detail| detail.contains("\"posting\":\"moderator\"")), "{detail:?}");
}

#[apply(everywhere)]
async fn everybody_is_mentioned_only_by_those_who_may(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Hall", "public").await;
    let (socket, _) = eve.join(&room).await;
    let said = socket.post(&room, "hello @room", "n1").await;
    ada.post(&format!("/rooms/{room}/settings"), &[("mass_mentions", "moderator")]).await.expect(303);
    for body in ["hello @room", "hello @here"] {
        let refused = socket.ask("message", json!({ "room": room, "body": body, "nonce": body })).await;
        assert_eq!(refused["error"]["code"], "forbidden", "{refused}");
    }
    let plain = socket.post(&room, "hello all", "n2").await;
    let edit = json!({ "room": room, "seq": plain["seq"], "body": "hello @room" });
    assert_eq!(socket.ask("edit", edit).await["error"]["code"], "forbidden");
    // One from before can be edited to mention nobody.
    socket.ok("edit", json!({ "room": room, "seq": said["seq"], "body": "hello" })).await;
    let (owner, _) = ada.join(&room).await;
    owner.post(&room, "hello @room", "n3").await;
}
