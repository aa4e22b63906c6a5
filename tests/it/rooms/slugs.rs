//! Addresses of rooms that follow their names.

use serde_json::json;

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn a_room_keeps_its_earlier_address_beside_a_new_one(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    let (socket, _) = eve.join(&room).await;
    socket.post(&room, "the kettle is on", "n1").await;
    let elsewhere = ada.socket().await;
    elsewhere.ok("watch", json!({})).await;
    let settings = format!("/rooms/{room}/settings");
    eve.post(&settings, &[("name", "Mine"), ("new_slug", "yes")]).await.expect(403);
    // Without it the address stays.
    ada.post(&settings, &[("name", "Coffee")]).await.expect(303);
    ada.get_json("/rooms/tea").await.expect(200);
    assert_eq!(
        ada.post(&settings, &[("name", "Green tea"), ("new_slug", "yes")]).await.expect(303).location(),
        "/rooms/green-tea/members"
    );
    for hearing in [&socket, &elsewhere] {
        let heard = hearing.next_where("room", |event| event["slug"] == "green-tea").await;
        assert_eq!((heard["room"].clone(), heard["name"].clone()), (json!("tea"), json!("Green tea")));
    }
    app.comes_to("/rooms/green-tea".to_owned(), async || eve.get("/rooms/tea").await.location()).await;
    for (rest, status) in [("/2", 307), ("?around=2", 307), ("/on/2001-01-01", 307), ("/members?q=a", 307)] {
        assert_eq!(eve.get(&format!("/rooms/tea{rest}")).await.expect(status).location(), format!("/rooms/green-tea{rest}"));
    }
    let page = eve.get_json("/rooms/green-tea").await.expect(200).json();
    assert!(page["messages"].as_array().is_some_and(|all| all.iter().all(|message| message["room"] == "green-tea")), "{page}");
    // Sockets know it by both.
    let said = socket.post("green-tea", "mint?", "n2").await;
    assert_eq!(said["room"], "green-tea");
    assert_eq!(socket.post("tea", "ginger?", "n3").await["room"], "green-tea");
    let heard = elsewhere.next_where("activity", |event| event["message"]["body"] == "ginger?").await;
    assert_eq!(heard["room"], "green-tea");
    // Nobody else gets the earlier address, and the room can have it back.
    assert_ne!(eve.create_room("Tea", "public").await, "tea");
    ada.post("/rooms/green-tea/settings", &[("name", "Tea, the first"), ("new_slug", "yes")]).await.expect(303);
    ada.get_json("/rooms/tea").await.expect(307);
    // An address that another room has gets an end of its own.
    ada.create_room("Mate", "public").await;
    eve.create_room("Rooibos", "public").await;
    ada.post("/rooms/mate/settings", &[("name", "Rooibos!"), ("new_slug", "yes")]).await.expect(303);
    let slug = ada.get("/rooms/mate").await.expect(307).location();
    assert!(slug.starts_with("/rooms/rooibos-"), "{slug}");
}

#[apply(everywhere)]
async fn the_address_of_a_private_room_cannot_be_guessed_after_it_changed(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Circle", "private").await;
    ada.post(&format!("/rooms/{room}/settings"), &[("name", "Square"), ("new_slug", "yes")]).await.expect(303);
    let slug = ada.get(&format!("/rooms/{room}")).await.expect(307).location();
    assert!(slug.starts_with("/rooms/square-") && slug.len() > "/rooms/square-".len(), "{slug}");
    for path in [&slug, &format!("/rooms/{room}"), "/rooms/square"] {
        assert_eq!(eve.get(path).await.status, 404, "{path}");
    }
}
