//! How somebody arranges their sidebar, told to their own sockets.

use serde_json::json;

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
