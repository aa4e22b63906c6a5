//! How somebody arranges their sidebar, told to their own sockets.

use serde_json::json;

use crate::api::Program;
use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn favorites_and_closed_sections_are_told_to_the_persons_own_sockets(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    ada.enter("general").await;
    let (here, there) = (ada.socket().await, app.log_in("ada").await.socket().await);
    let (hers, _) = grace.join("general").await;
    ada.post("/rooms/general/favorite", &[("on", "true")]).await.expect(303);
    ada.post("/sidebar", &[("section", "directs"), ("closed", "true")]).await.expect(303);
    for socket in [&here, &there] {
        assert_eq!(socket.next("favorite").await, json!({ "room": "general", "favorite": true }));
        assert_eq!(socket.next("section").await, json!({ "section": "directs", "closed": true }));
    }
    // What is refused is told to nobody.
    ada.post("/sidebar", &[("section", "everything"), ("closed", "true")]).await.expect(422);
    ada.post("/rooms/nowhere/favorite", &[("on", "true")]).await.expect(404);
    ada.post("/rooms/general/favorite", &[("on", "false")]).await.expect(303);
    assert_eq!(there.next("favorite").await, json!({ "room": "general", "favorite": false }));
    assert!(there.peek_at("section").is_empty());
    hers.post("general", "the end", "end").await;
    hers.hears("the end").await;
    assert!(hers.peek_at("favorite").is_empty() && hers.peek_at("section").is_empty(), "nobody else is told");
}

#[apply(everywhere)]
async fn whoever_was_away_hears_how_the_sidebar_is_arranged(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    ada.enter("general").await;
    let arranged = async || ada.socket().await.ok("watch", json!({})).await["sidebar"].clone();
    assert_eq!(arranged().await, json!({ "favorites": [], "closed": [] }));
    ada.post("/rooms/general/favorite", &[("on", "true")]).await.expect(303);
    ada.post("/sidebar", &[("section", "directs"), ("closed", "true")]).await.expect(303);
    assert_eq!(arranged().await, json!({ "favorites": ["general"], "closed": ["directs"] }));
    let later = ada.socket().await.ok("watch", json!({ "after": "a" })).await;
    assert!(later["rooms"][0]["room"] == "general" && later.get("sidebar").is_none(), "{later}");
    let hers = grace.socket().await.ok("watch", json!({})).await;
    assert_eq!(hers["sidebar"], json!({ "favorites": [], "closed": [] }));
}

#[apply(everywhere)]
async fn favorites_are_named_as_their_rooms_are_now(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (tea, gone) = (ada.create_room("Tea", "public").await, ada.create_room("Gone", "public").await);
    let circle = ada.create_room("Circle", "private").await;
    let add = async || {
        ada.post(&format!("/rooms/{circle}/members"), &[("username", "eve")]).await.expect(303);
    };
    add().await;
    for room in [&tea, &gone, &circle] {
        eve.post(&format!("/rooms/{room}/favorite"), &[("on", "true")]).await.expect(303);
    }
    let program = Program::of(app, &eve, "write").await;
    let favorites = async || program.get("/sidebar").await.expect(200).json()["favorites"].clone();
    assert_eq!(favorites().await, json!([tea, gone, circle]));
    ada.post("/rooms/tea/settings", &[("name", "Green tea"), ("new_slug", "yes")]).await.expect(303);
    ada.post("/rooms/gone/delete", &[("confirm", "Gone")]).await.expect(303);
    ada.post(&format!("/rooms/{circle}/members/eve/remove"), &[]).await.expect(303);
    assert_eq!(favorites().await, json!(["green-tea"]));
    assert_eq!(eve.socket().await.ok("watch", json!({})).await["sidebar"]["favorites"], json!(["green-tea"]));
    let stored = app.database.query("select sidebar from users where username = 'eve'").await;
    assert!(stored[0]["sidebar"].as_str().is_some_and(|text| text.contains("\"green-tea\"")), "pages show it: {stored:?}");
    let listed = program.get("/rooms?q=tea").await.expect(200).json()["rooms"][0].clone();
    assert_eq!((&listed["room"]["slug"], &listed["is_favorite"]), (&json!("green-tea"), &json!(true)));
    // Whoever comes back finds it where it was.
    add().await;
    assert_eq!(favorites().await, json!(["green-tea", circle]));
    // By its earlier address it is the same room.
    program.put("/rooms/tea/favorite", json!({})).await.expect(204);
    assert_eq!(favorites().await, json!([circle, "green-tea"]));
    program.delete("/rooms/tea/favorite").await.expect(204);
    assert_eq!(favorites().await, json!([circle]));
}
