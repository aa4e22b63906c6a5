//! Paging, on the web and over the socket: it never skips and never repeats, also while people write.

use serde_json::json;

use super::{room_with, seqs};
use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn paging_back_by_page_finds_everything_once(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, writing) = room_with(&ada, 130).await;
    let mut found = Vec::new();
    let mut path = format!("/rooms/{room}?limit=7");
    loop {
        let page = ada.get_json(&path).await.expect(200).json();
        let mut these = seqs(&page["messages"]);
        assert!(these.len() <= 7);
        these.append(&mut found);
        found = these;
        // Somebody writes while somebody else reads back.
        writing.post(&room, "meanwhile", &format!("m{}", found[0])).await;
        if page["more_before"] == json!(false) {
            break;
        }
        path = format!("/rooms/{room}?limit=7&before={}", found[0]);
    }
    assert_eq!(found, (1..=131).collect::<Vec<_>>());
}

#[apply(both)]
async fn paging_forward_over_the_socket_finds_everything_once_and_reaches_the_end(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = room_with(&ada, 60).await;
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = socket.ok("history", json!({ "room": room, "after": after, "limit": 9 })).await;
        let these = seqs(&page["messages"]);
        assert!(these.len() <= 9);
        found.extend(these);
        after = *found.last().expect("there are messages");
        if found.len() < 50 {
            socket.post(&room, "meanwhile", &format!("m{after}")).await;
        }
        if page["more_after"] == json!(false) {
            break;
        }
    }
    assert_eq!(found, (1..=61 + 5).collect::<Vec<_>>());
}

#[apply(both)]
async fn the_latest_page_is_the_end_and_is_oldest_first(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, _socket) = room_with(&ada, 70).await;
    let page = ada.get_json(&format!("/rooms/{room}")).await.expect(200).json();
    assert_eq!(seqs(&page["messages"]), (22..=71).collect::<Vec<_>>());
    assert_eq!((&page["more_before"], &page["more_after"]), (&json!(true), &json!(false)));
    assert_eq!(page["room"]["slug"], json!(room));
}

#[apply(both)]
async fn deleted_messages_keep_their_place_in_a_page(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = room_with(&ada, 20).await;
    for seq in [5, 6, 7, 8, 9, 10] {
        socket.ok("delete", json!({ "room": room, "seq": seq })).await;
    }
    let page = ada.get_json(&format!("/rooms/{room}?before=12&limit=8")).await.expect(200).json();
    assert_eq!(seqs(&page["messages"]), (4..=11).collect::<Vec<_>>());
    let gone = &page["messages"][2];
    assert_eq!((&gone["body"], &gone["html"]), (&json!(""), &json!("")));
    assert!(gone["deleted_at"].is_string());
}

#[apply(both)]
async fn the_pages_of_a_browser_lead_through_everything_by_their_links(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, _socket) = room_with(&ada, 120).await;
    let mut path = format!("/rooms/{room}");
    let mut found = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let body = ada.get(&path).await.expect(200).body.clone();
        let before = found.len();
        for number in 0..120 {
            if body.contains(&format!(">post {number}<")) || body.contains(&format!("<p>post {number}</p>")) {
                found.insert(number);
            }
        }
        assert!(found.len() > before, "{path} shows nothing new");
        let link = format!("/rooms/{room}?before=");
        let Some(start) = body.find(&link) else { break };
        let end = start + body[start..].find('"').expect("a link ends");
        path = body[start..end].replace("&amp;", "&");
    }
    assert_eq!(found.len(), 120);
}
