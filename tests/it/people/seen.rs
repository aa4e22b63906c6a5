//! Who is there, and when somebody was last.

use std::time::Duration;

use serde_json::{Value, json};

use super::open;
use crate::both;
use crate::harness::{Person, TestApp};

async fn card(reader: &Person, username: &str) -> Value {
    reader.get_json(&format!("/people/{username}")).await.expect(200).json()["person"].clone()
}

/// Waits until a card says so.
async fn becomes(reader: &Person, username: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        loop {
            again.tick().await;
            let card = card(reader, username).await;
            if fits(&card) {
                return card;
            }
        }
    };
    tokio::time::timeout(crate::harness::DEADLINE, asking).await.expect("the card comes to say so")
}

#[apply(both)]
async fn a_card_says_who_is_there_and_since_when_they_are_not(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    assert_eq!(card(&ada, "grace").await["online"], json!(false));
    let before = card(&ada, "grace").await["last_seen_at"].clone();
    let socket = grace.socket().await;
    becomes(&ada, "grace", |card| card["online"] == json!(true)).await;
    app.comes_to(true, async || ada.get("/people/grace").await.body.contains("Online</dd>")).await;
    let second = grace.socket().await;
    drop(socket);
    app.pass(Duration::from_secs(3600));
    // The other socket is there.
    app.comes_to(json!(true), async || card(&ada, "grace").await["online"].clone()).await;
    drop(second);
    becomes(&ada, "grace", |card| card["online"] == json!(false) && card["last_seen_at"] != before).await;
    app.pass(Duration::from_secs(600));
    app.comes_to(true, async || ada.get("/people/grace").await.body.contains("10 minutes ago")).await;
    // The members' list knows as well.
    for person in [&ada, &grace] {
        person.enter("general").await;
    }
    let _here = ada.socket().await;
    becomes(&grace, "ada", |card| card["online"] == json!(true)).await;
    let online = async || {
        let members = grace.get_json("/rooms/general/members").await.json();
        members["members"].as_array().expect("members").iter().map(|it| it["online"].clone()).collect::<Vec<_>>()
    };
    app.comes_to(vec![json!(true), json!(false)], online).await;
}

#[apply(both)]
async fn using_pages_counts_as_being_seen_and_is_noted_once_a_minute(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let at_first = card(&ada, "grace").await["last_seen_at"].clone();
    for _ in 0..3 {
        grace.get("/people").await.expect(200);
    }
    assert_eq!(card(&ada, "grace").await["last_seen_at"], at_first, "a request writes nothing");
    app.pass(Duration::from_secs(120));
    grace.get("/people").await.expect(200);
    let later = becomes(&ada, "grace", |card| card["last_seen_at"] != at_first).await["last_seen_at"].clone();
    app.pass(Duration::from_secs(30));
    grace.get("/people").await.expect(200);
    ada.get("/people").await.expect(200);
    assert_eq!(card(&ada, "grace").await["last_seen_at"], later);
}

#[apply(both)]
async fn those_who_talk_to_each_other_hear_who_comes_and_goes(app: &TestApp) {
    let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
    open(&ada, "grace").await;
    let (hers, outside) = (ada.socket().await, eve.socket().await);
    for socket in [&hers, &outside] {
        socket.ok("watch", json!({})).await;
    }
    let socket = grace.socket().await;
    socket.ok("watch", json!({})).await;
    assert_eq!(hers.next("online").await, json!({ "user": "grace", "online": true }));
    drop(socket);
    assert_eq!(hers.next_where("online", |it| it["online"] == json!(false)).await["user"], "grace");
    outside.ok("join", json!({ "room": "general" })).await;
    assert!(outside.peek_at("online").is_empty(), "{:?}", outside.peek());
}

#[apply(both)]
async fn a_card_tells_the_hour_there(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    assert!(!ada.get("/people/grace").await.body.contains("Local time"));
    grace.post("/settings", &[("time_zone", "Asia/Kolkata")]).await.expect(303);
    let page = ada.get("/people/grace").await.body;
    assert!(page.contains("Local time") && page.contains("5:30 h ahead"), "{page}");
    ada.post("/settings", &[("time_zone", "Asia/Kolkata")]).await.expect(303);
    assert!(ada.get("/people/grace").await.body.contains("same as you"));
}
