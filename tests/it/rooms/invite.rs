//! Letting people into a room, and sending them out.

use serde_json::json;

use crate::both;
use crate::harness::{Answer, Person, TestApp};

async fn invite(host: &Person, room: &str, guest: &str) -> Answer {
    host.post(&format!("/rooms/{room}/members"), &[("username", guest)]).await
}

async fn remove(host: &Person, room: &str, guest: &str) -> Answer {
    host.post(&format!("/rooms/{room}/members/{guest}/remove"), &[]).await
}

#[apply(both)]
async fn a_member_can_let_somebody_into_a_private_room(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Circle", "private").await;
    ada.write(&slug, "before you came").await.expect(303);
    grace.get(&format!("/rooms/{slug}")).await.expect(404);
    invite(&ada, &slug, "grace").await.expect(303);
    grace.get(&format!("/rooms/{slug}")).await.expect(200);
    let (socket, joined) = grace.join(&slug).await;
    let bodies: Vec<_> = joined["messages"].as_array().expect("messages").iter().map(|it| it["body"].clone()).collect();
    assert!(bodies.contains(&json!("before you came")), "{bodies:?}");
    socket.post(&slug, "thank you", "1").await;
    assert!(ada.get(&format!("/rooms/{slug}/members")).await.expect(200).body.contains("grace"));
}

#[apply(both)]
async fn letting_in_twice_is_letting_in_once(app: &TestApp) {
    let (ada, _grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Circle", "private").await;
    invite(&ada, &slug, "grace").await.expect(303);
    invite(&ada, &slug, "GRACE").await.expect(303);
    let page = ada.get_json(&format!("/rooms/{slug}")).await.json();
    assert_eq!(page["messages"].as_array().map(Vec::len), Some(2), "{page}");
}

#[apply(both)]
async fn nobody_can_be_let_in_who_is_not_there(app: &TestApp) {
    let ada = app.register("ada").await;
    let slug = ada.create_room("Circle", "private").await;
    for guest in ["nobody", "", "a\0b", "<b>"] {
        invite(&ada, &slug, guest).await.expect(422);
    }
}

#[apply(both)]
async fn an_outsider_cannot_let_anybody_in_not_even_themselves(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let slug = ada.create_room("Circle", "private").await;
    invite(&eve, &slug, "eve").await.expect(404);
    let open = ada.create_room("Open", "public").await;
    invite(&eve, &open, "eve").await.expect(403);
    let stranger = app.stranger();
    assert!(invite(&stranger, &slug, "eve").await.expect(303).location().starts_with("/login"));
    eve.get(&format!("/rooms/{slug}")).await.expect(404);
}

#[apply(both)]
async fn the_owner_can_send_somebody_out_and_they_hear_nothing_more(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Circle", "private").await;
    invite(&ada, &slug, "grace").await.expect(303);
    let (hers, _) = ada.join(&slug).await;
    let (out, _) = grace.join(&slug).await;
    out.ok("join", json!({ "room": "general" })).await;
    hers.ok("join", json!({ "room": "general" })).await;
    remove(&ada, &slug, "grace").await.expect(303);
    let removed = out.next("removed").await;
    assert_eq!((&removed["room"], &removed["reason"]), (&json!(slug), &json!("removed")));
    hers.post(&slug, "she is gone", "1").await;
    hers.post("general", "for everybody", "2").await;
    out.hears("for everybody").await;
    assert!(out.peek_at("message").iter().all(|it| it["body"] != "she is gone" && it["kind"] != "left"), "{:?}", out.peek());
    for event in ["join", "history", "sync", "message", "read", "typing"] {
        let data = json!({ "room": slug, "after": 0, "body": "hi", "nonce": "3", "seq": 1 });
        assert_eq!(out.refused(event, data).await, "not_found", "{event}");
    }
    let left = hers.next_where("message", |it| it["kind"] == "left").await;
    assert_eq!(left["author"]["username"], "grace");
}

#[apply(both)]
async fn only_the_owner_can_send_somebody_out(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    let slug = ada.create_room("Circle", "private").await;
    invite(&ada, &slug, "grace").await.expect(303);
    invite(&ada, &slug, "mary").await.expect(303);
    remove(&grace, &slug, "mary").await.expect(403);
    remove(&grace, &slug, "ada").await.expect(403);
    mary.get(&format!("/rooms/{slug}")).await.expect(200);
    let eve = app.register("eve").await;
    remove(&eve, &slug, "mary").await.expect(404);
    mary.get(&format!("/rooms/{slug}")).await.expect(200);
}

#[apply(both)]
async fn a_room_can_be_given_another_name_and_topic_and_everybody_hears_of_it(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let slug = ada.create_room("Tea", "public").await;
    let (socket, _) = grace.join(&slug).await;
    let fields = [("name", "Coffee"), ("topic", "Strong"), ("visibility", "public")];
    ada.post(&format!("/rooms/{slug}/settings"), &fields).await.expect(303);
    let told = socket.next("room").await;
    assert_eq!((&told["slug"], &told["name"], &told["topic"]), (&json!(slug), &json!("Coffee"), &json!("Strong")));
    // Her own entering may be told live too, before these.
    let renamed = socket.next_where("message", |it| it["kind"] == "renamed").await;
    let topic = socket.next_where("message", |it| it["kind"] == "topic").await;
    assert_eq!((&renamed["body"], &topic["body"]), (&json!("Coffee"), &json!("Strong")));
    assert!(renamed["rev"].as_i64() < topic["rev"].as_i64());
    let page = grace.get_json(&format!("/rooms/{slug}")).await.expect(200).json();
    assert_eq!(page["room"]["slug"], json!(slug), "the slug never changes");
    // A member may set the topic, but not the name; an outsider neither.
    let fields = [("name", "Mine"), ("topic", "Strong"), ("visibility", "public")];
    grace.post(&format!("/rooms/{slug}/settings"), &fields).await.expect(403);
    let eve = app.register("eve").await;
    eve.post(&format!("/rooms/{slug}/settings"), &fields).await.expect(403);
}
