//! Who is here.

use serde_json::json;

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn the_first_socket_of_a_person_is_told_and_the_last_one_leaving_is(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let witness = app.joins_with(&ada, "general", &["ada"]).await;
    let first = app.joins_with(&grace, "general", &["ada", "grace"]).await;
    let of_grace = |online: bool| json!({ "room": "general", "user": "grace", "online": online });
    assert_eq!(witness.next_where("presence", |it| it["user"] == "grace").await, of_grace(true));
    let second = app.joins_with(&grace, "general", &["ada", "grace"]).await;
    // One of two goes, and the other stays: nothing is told.
    drop(first);
    let mary = app.register("mary").await;
    let (third, _) = mary.join("general").await;
    witness.next_where("presence", |it| it["user"] == "mary").await;
    assert!(witness.peek_at("presence").iter().all(|it| it["user"] != "grace"), "{:?}", witness.peek());
    drop(second);
    assert_eq!(witness.next_where("presence", |it| it["user"] == "grace").await, of_grace(false));
    third.ok("leave", json!({ "room": "general" })).await;
    let gone = witness.next_where("presence", |it| it["user"] == "mary").await;
    assert_eq!(gone["online"], json!(false));
    app.joins_with(&app.log_in("ada").await, "general", &["ada"]).await;
}

#[apply(everywhere)]
async fn joining_twice_on_one_socket_counts_once(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (witness, _) = ada.join("general").await;
    let (socket, _) = grace.join("general").await;
    socket.ok("join", json!({ "room": "general" })).await;
    socket.ok("leave", json!({ "room": "general" })).await;
    witness.next_where("presence", |it| it["user"] == "grace" && it["online"] == json!(false)).await;
    app.joins_with(&app.log_in("ada").await, "general", &["ada"]).await;
}

#[apply(everywhere)]
async fn who_is_not_in_a_room_does_not_hear_who_is(app: &TestApp) {
    let (ada, eve, grace) = (app.register("ada").await, app.register("eve").await, app.register("grace").await);
    let room = ada.create_room("Circle", "private").await;
    let (outside, _) = eve.join("general").await;
    let (_inside, _) = ada.join(&room).await;
    let (_later, _) = grace.join("general").await;
    outside.next_where("presence", |it| it["user"] == "grace").await;
    assert!(outside.peek().iter().all(|(_, data)| data["room"] != json!(room)), "{:?}", outside.peek());
}

#[apply(everywhere)]
async fn who_leaves_a_room_for_good_is_no_longer_here(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Tea", "public").await;
    let (witness, _) = ada.join(&room).await;
    let (_socket, _) = grace.join(&room).await;
    witness.next_where("presence", |it| it["user"] == "grace" && it["online"] == json!(true)).await;
    grace.post(&format!("/rooms/{room}/leave"), &[]).await.expect(303);
    witness.next_where("presence", |it| it["user"] == "grace" && it["online"] == json!(false)).await;
    app.joins_with(&app.log_in("ada").await, &room, &["ada"]).await;
}

#[apply(everywhere)]
async fn joins_that_race_with_disconnects_leave_nobody_behind(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (_witness, _) = ada.join("general").await;
    for _ in 0..40 {
        let socket = grace.socket().await;
        // The answer is not waited for: the end overtakes the join.
        let _pending = socket.send("join", json!({ "room": "general" })).await;
        socket.tell("leave", json!({ "room": "general" })).await;
        let _pending = socket.send("join", json!({ "room": "general" })).await;
        drop(socket);
    }
    let (last, _) = grace.join("general").await;
    drop(last);
    // Whatever is told on the way, in the end only she who asks is here.
    let asker = app.log_in("ada").await.socket().await;
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    loop {
        let joined = asker.ok("join", json!({ "room": "general" })).await;
        if joined["online"] == json!({ "count": 1, "users": ["ada"] }) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{}", joined["online"]);
    }
}
