//! Who is writing.

use serde_json::json;

use crate::harness::TestApp;
use crate::{both, everywhere};

#[apply(everywhere)]
async fn the_others_in_the_room_see_who_is_typing(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (hers, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    hers.tell("typing", json!({ "room": "general" })).await;
    assert_eq!(other.next("typing").await, json!({ "room": "general", "user": "ada" }));
    hers.post("general", "done", "1").await;
    hers.hears("done").await;
    assert!(hers.peek_at("typing").is_empty(), "one need not be told of oneself");
}

#[apply(both)]
async fn whoever_has_a_display_name_is_named_by_it(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (hers, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    ada.post("/settings", &[("name", "Ada Lovelace")]).await.expect(303);
    hers.tell("typing", json!({ "room": "general" })).await;
    assert_eq!(other.next("typing").await, json!({ "room": "general", "user": "ada", "name": "Ada Lovelace" }));
}

#[apply(everywhere)]
async fn nobody_else_sees_it(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Tea", "public").await;
    let (hers, _) = ada.join(&room).await;
    let (outside, _) = eve.join("general").await;
    hers.ok("join", json!({ "room": "general" })).await;
    hers.tell("typing", json!({ "room": room })).await;
    hers.post("general", "done", "1").await;
    outside.hears("done").await;
    assert!(outside.peek_at("typing").is_empty());
    // Nor can one type where one is not.
    assert_eq!(outside.refused("typing", json!({ "room": room })).await, "forbidden");
}

#[apply(everywhere)]
async fn typing_all_the_time_is_not_passed_on_all_the_time(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (hers, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    for _ in 0..100 {
        hers.tell("typing", json!({ "room": "general" })).await;
    }
    other.next("typing").await;
    hers.post("general", "done", "1").await;
    other.hears("done").await;
    let told = 1 + other.peek_at("typing").len();
    assert!((1..=20).contains(&told), "told {told} times");
}
