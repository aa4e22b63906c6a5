//! Who comes and goes faster than anybody can follow.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn a_socket_that_joins_and_leaves_all_the_time_is_told_of_now_and_then(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (witness, _) = ada.join("general").await;
    let (socket, _) = grace.join("general").await;
    let of_grace = |online: bool| json!({ "room": "general", "user": "grace", "online": online });
    assert_eq!(witness.next_where("presence", |it| it["user"] == "grace").await, of_grace(true));
    let began = Instant::now();
    for round in 0..300 {
        socket.ok("leave", json!({ "room": "general" })).await;
        let joined = socket.ok("join", json!({ "room": "general" })).await;
        assert_eq!(joined["online"]["count"], 2, "round {round}: what a join is told is true at once");
    }
    socket.ok("leave", json!({ "room": "general" })).await;
    // What is told last is true. Whatever came before it was told at most twice a second.
    let mut told = 0;
    loop {
        let last = witness.next_where("presence", |it| it["user"] == "grace").await;
        told += 1;
        if last == of_grace(false) && witness.peek_at("presence").iter().all(|it| it["user"] != "grace") {
            break;
        }
    }
    assert_eq!(witness.ok("join", json!({ "room": "general" })).await["online"]["users"], json!(["ada"]));
    let most = 2 * (began.elapsed().as_secs() + 2);
    assert!(told <= most, "told {told} times, and at most {most} would do");
}

#[apply(both)]
async fn whoever_comes_back_at_once_has_not_gone(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    let (witness, _) = ada.join("general").await;
    let (first, _) = grace.join("general").await;
    witness.next_where("presence", |it| it["user"] == "grace").await;
    // As a page that is loaded anew.
    let began = Instant::now();
    drop(first);
    let (_again, _) = grace.join("general").await;
    if began.elapsed() > Duration::from_millis(800) {
        println!("left out: the machine is too busy to come back at once");
        return;
    }
    // Somebody who goes later and stays away is told of behind it.
    let (gone, _) = mary.join("general").await;
    drop(gone);
    witness.next_where("presence", |it| it["user"] == "mary" && it["online"] == json!(false)).await;
    let told = witness.peek_at("presence");
    assert!(told.iter().all(|it| it["user"] != "grace" || it["online"] == json!(true)), "{told:?}");
}

#[apply(both)]
async fn a_partner_who_watches_all_the_time_is_told_of_once_in_a_while(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    ada.post("/people/grace/message", &[]).await.expect(303);
    let (hers, _) = ada.join("general").await;
    hers.ok("watch", json!({})).await;
    let socket = grace.socket().await;
    let began = Instant::now();
    for _ in 0..100 {
        socket.ok("watch", json!({})).await;
    }
    socket.ok("join", json!({ "room": "general" })).await;
    hers.next_where("presence", |it| it["user"] == "grace").await;
    let told = hers.peek_at("online").len() as u64;
    assert!((1..=1 + began.elapsed().as_secs() / 5).contains(&told), "told {told} times");
}
