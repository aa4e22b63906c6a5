//! Read markers and what is unread.

use serde_json::json;

use crate::everywhere;
use crate::harness::TestApp;

#[apply(everywhere)]
async fn reading_counts_down_what_waits_and_the_persons_other_sockets_hear_of_it(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (here, _) = ada.join("general").await;
    let (there, _) = app.log_in("ada").await.join("general").await;
    let (writing, _) = grace.join("general").await;
    let mut seqs = Vec::new();
    for number in 0..5 {
        seqs.push(writing.post("general", &format!("post {number}"), &format!("n{number}")).await["seq"].clone());
    }
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": 1 })).await["unread"], 5);
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": seqs[1] })).await["unread"], 3);
    let told = there.next_where("read", |it| it["seq"] == seqs[1]).await;
    assert_eq!(told, json!({ "room": "general", "seq": seqs[1], "unread": 3, "mentions": 0 }));
    assert!(here.peek_at("read").is_empty(), "only the other sockets are told");
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": seqs[4] })).await["unread"], 0);
    writing.post("general", "the end", "end").await;
    writing.hears("the end").await;
    assert!(writing.peek_at("read").is_empty(), "nobody else is told");
}

#[apply(everywhere)]
async fn the_marker_moves_forward_and_never_back_nor_beyond_the_end(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (here, _) = ada.join("general").await;
    let (there, _) = app.log_in("ada").await.join("general").await;
    let (writing, _) = grace.join("general").await;
    for number in 0..4 {
        writing.post("general", "words", &format!("n{number}")).await;
    }
    here.ok("read", json!({ "room": "general", "seq": 5 })).await;
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": 3 })).await["unread"], 1);
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": 9_999_999 })).await["unread"], 0);
    writing.post("general", "later", "later").await;
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": 1 })).await["unread"], 1);
    there.next_where("read", |it| it["unread"] == json!(0)).await;
    let told = there.peek_at("read");
    assert!(told.iter().all(|it| it["seq"].as_i64().is_some_and(|seq| (5..=7).contains(&seq))), "told back or beyond: {told:?}");
}

#[apply(everywhere)]
async fn what_the_room_records_and_what_is_deleted_does_not_wait(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    let (here, _) = ada.join("general").await;
    let (writing, _) = grace.join("general").await;
    let (_other, _) = mary.join("general").await;
    let seq = writing.post("general", "oops", "1").await["seq"].clone();
    writing.post("general", "words", "2").await;
    writing.ok("delete", json!({ "room": "general", "seq": seq })).await;
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": 1 })).await["unread"], 1);
}

#[apply(everywhere)]
async fn what_was_said_before_one_came_does_not_wait(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (writing, _) = ada.join("general").await;
    writing.post("general", "long ago", "1").await;
    let (here, _) = grace.join("general").await;
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": 1 })).await["unread"], 0);
    writing.post("general", "just now", "2").await;
    assert_eq!(here.ok("read", json!({ "room": "general", "seq": 1 })).await["unread"], 1);
}
