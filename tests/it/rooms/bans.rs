//! Bans from a room: they last until somebody lifts them.

use serde_json::json;

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn whoever_is_banned_from_a_room_cannot_see_it_until_the_ban_is_lifted(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Open house", "public").await;
    let (socket, _) = eve.join(&room).await;
    socket.post(&room, "swordfish", "n1").await;
    let ban = format!("/rooms/{room}/members/eve/ban");
    eve.post(&format!("/rooms/{room}/members/ada/ban"), &[]).await.expect(403);
    ada.post(&format!("/rooms/{room}/members/ada/ban"), &[]).await.expect(422);
    ada.post(&ban, &[]).await.expect(303);
    assert_eq!(socket.next("removed").await, json!({ "room": room, "reason": "removed" }));
    // Public as it is, it is not there for her, by any way in.
    app.comes_to(404, async || eve.get_json(&format!("/rooms/{room}")).await.status).await;
    eve.post(&format!("/rooms/{room}/join"), &[]).await.expect(404);
    for (event, data) in [
        ("join", json!({ "room": room })),
        ("history", json!({ "room": room })),
        ("message", json!({ "room": room, "body": "back", "nonce": "n2" })),
    ] {
        assert_eq!(socket.ask(event, data).await["error"]["code"], "not_found", "{event}");
    }
    assert_eq!(socket.ok("search", json!({ "q": "swordfish" })).await["results"], json!([]));
    assert!(!eve.get("/rooms").await.expect(200).body.contains("Open house"));
    let rooms = eve.get_json("/rooms").await.expect(200).json();
    assert!(rooms["rooms"].as_array().is_some_and(|rooms| rooms.iter().all(|listed| listed["room"]["slug"] != *room)), "{rooms}");
    // A mention does not reach her, and nobody can add her.
    let (writing, _) = ada.join(&room).await;
    writing.post(&room, "hello @eve", "n3").await;
    assert_eq!(socket.ok("mentions", json!({})).await["mentions"], json!([]));
    assert_eq!(ada.form(&format!("/rooms/{room}/members"), &[("username", "eve")]).send().await.unwrap().status(), 422);
    let bans = format!("/rooms/{room}/bans");
    let found = ada.get_json(&bans).await.expect(200).json();
    assert_eq!(
        (found["bans"][0]["person"]["username"].clone(), found["bans"][0]["banned_by"].clone()),
        (json!("eve"), json!("ada"))
    );
    let page = ada.get(&bans).await.expect(200).body.clone();
    assert!(page.contains("Lift ban"), "{page}");
    ada.post(&format!("/rooms/{room}/members/eve/unban"), &[]).await.expect(303);
    assert_eq!(ada.get_json(&bans).await.expect(200).json()["bans"], json!([]));
    eve.enter(&room).await;
    socket.ok("join", json!({ "room": room })).await;
    let audit = app.database.query("select action from audit where action like 'room.%ban' order by id").await;
    assert_eq!(audit, [json!({ "action": "room.ban" }), json!({ "action": "room.unban" })]);
}

#[apply(everywhere)]
async fn somebody_who_was_never_there_can_be_banned_too(app: &TestApp) {
    let (ada, eve, bob) = (app.register("ada").await, app.register("eve").await, app.register("bob").await);
    app.database.make_admin("bob").await;
    let room = ada.create_room("Open house", "public").await;
    ada.post(&format!("/rooms/{room}/members/eve/ban"), &[]).await.expect(303);
    eve.get_json(&format!("/rooms/{room}")).await.expect(404);
    eve.get_json(&format!("/rooms/{room}/bans")).await.expect(404);
    // An administrator cannot be kept out.
    ada.post(&format!("/rooms/{room}/members/bob/ban"), &[]).await.expect(422);
    bob.get_json(&format!("/rooms/{room}")).await.expect(200);
    let page = ada.get_json(&format!("/rooms/{room}")).await.expect(200).json();
    assert!(
        page["messages"].as_array().is_some_and(|messages| messages.iter().all(|message| message["kind"] == "joined")),
        "{page}"
    );
}
