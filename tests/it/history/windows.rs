//! Stretches of history, permalinks, and the bounds of what may be asked for.

use serde_json::{Value, json};

use super::{room_with, seqs};
use crate::both;
use crate::harness::TestApp;

/// What a question gives: the first and last seq and whether there is more on either side.
fn span(page: &Value) -> (Option<i64>, Option<i64>, bool, bool) {
    let seqs = seqs(&page["messages"]);
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
    let flag = |name: &str| page[name].as_bool().unwrap_or_else(|| panic!("{name} in {page}"));
    (seqs.first().copied(), seqs.last().copied(), flag("more_before"), flag("more_after"))
}

#[apply(both)]
async fn the_page_and_the_socket_give_the_same_stretches(app: &TestApp) {
    let ada = app.register("ada").await;
    // Thirty messages: her entering and 29 posts.
    let (room, socket) = room_with(&ada, 29).await;
    let cases = [
        (json!({ "before": 11, "limit": 5 }), (Some(6), Some(10), true, true)),
        (json!({ "before": 4, "limit": 5 }), (Some(1), Some(3), false, true)),
        (json!({ "before": 1, "limit": 5 }), (None, None, false, true)),
        (json!({ "before": 999, "limit": 5 }), (Some(26), Some(30), true, false)),
        (json!({ "after": 0, "limit": 5 }), (Some(1), Some(5), false, true)),
        (json!({ "after": 28, "limit": 5 }), (Some(29), Some(30), true, false)),
        (json!({ "after": 30, "limit": 5 }), (None, None, true, false)),
        (json!({ "around": 15, "limit": 5 }), (Some(13), Some(17), true, true)),
        (json!({ "limit": 200 }), (Some(1), Some(30), false, false)),
        (json!({ "limit": 1 }), (Some(30), Some(30), true, false)),
    ];
    for (ask, expected) in cases {
        let mut data = ask.clone();
        data["room"] = json!(room);
        let answer = socket.ok("history", data).await;
        assert_eq!(span(&answer), expected, "history {ask}");
        let query: Vec<_> = ask.as_object().expect("an object").iter().map(|(name, value)| format!("{name}={value}")).collect();
        let page = ada.get_json(&format!("/rooms/{room}?{}", query.join("&"))).await.expect(200).json();
        assert_eq!(span(&page), expected, "page {ask}");
        assert_eq!(page["messages"], answer["messages"], "{ask}");
    }
}

#[apply(both)]
async fn around_a_place_near_an_end_is_a_full_page_with_that_place_in_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = room_with(&ada, 29).await;
    for seq in [1, 2, 3, 15, 28, 29, 30] {
        let answer = socket.ok("history", json!({ "room": room, "around": seq, "limit": 10 })).await;
        let seqs = seqs(&answer["messages"]);
        assert!(seqs.contains(&seq) && seqs.len() <= 10 && seqs.len() >= 5, "around {seq}: {seqs:?}");
    }
}

#[apply(both)]
async fn a_limit_is_between_1_and_200(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = room_with(&ada, 250).await;
    for limit in [json!(0), json!(201), json!(-1), json!("ten"), json!(1.5), json!(9_007_199_254_740_993_i64)] {
        let refused = socket.ask("history", json!({ "room": room, "limit": limit })).await;
        assert_eq!(refused["error"]["code"], "invalid", "{limit}: {refused}");
        assert_eq!(refused["error"]["field"], "limit", "{limit}: {refused}");
    }
    let all = socket.ok("history", json!({ "room": room, "limit": 200 })).await;
    assert_eq!(seqs(&all["messages"]).len(), 200);
    let page = ada.get_json(&format!("/rooms/{room}?limit=200")).await.expect(200).json();
    assert_eq!(seqs(&page["messages"]).len(), 200);
    let status = ada.get_json(&format!("/rooms/{room}?limit=201")).await.status;
    assert_eq!(status, 422);
}

#[apply(both)]
async fn a_permalink_marks_its_message_in_the_page_around_it(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, _socket) = room_with(&ada, 120).await;
    let page = ada.get(&format!("/rooms/{room}/60")).await.expect(200).body.clone();
    assert!(page.contains("post 58") && page.contains("post 50") && page.contains("post 66"));
    let data = ada.get_json(&format!("/rooms/{room}/60")).await.expect(200).json();
    assert!(seqs(&data["messages"]).contains(&60));
    for nowhere in [0, 122, 99_999] {
        ada.get(&format!("/rooms/{room}/{nowhere}")).await.expect(404);
    }
    // It stays where it was when others are deleted or written.
    let (socket, _) = ada.join(&room).await;
    socket.ok("delete", json!({ "room": room, "seq": 60 })).await;
    ada.get(&format!("/rooms/{room}/60")).await.expect(200);
}

#[apply(both)]
async fn joining_gives_the_last_fifty_and_says_whether_there_are_older_ones(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, _socket) = room_with(&ada, 49).await;
    let (_, joined) = ada.join(&room).await;
    assert_eq!((seqs(&joined["messages"]).len(), &joined["more"]), (50, &json!(false)));
    let (socket, _) = ada.join(&room).await;
    socket.post(&room, "one more", "x").await;
    let (_, joined) = ada.join(&room).await;
    assert_eq!(seqs(&joined["messages"]), (2..=51).collect::<Vec<_>>());
    assert_eq!(joined["more"], json!(true));
    assert_eq!((&joined["head"]["seq"], &joined["head"]["rev"]), (&json!(51), &json!(51)));
    assert!(joined["head"]["epoch"].as_str().is_some_and(|epoch| !epoch.is_empty()));
}
