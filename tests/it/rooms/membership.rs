//! Entering and leaving.

use serde_json::{Value, json};

use crate::both;
use crate::harness::{Person, TestApp};

/// What the room recorded, as pairs of kind and username.
async fn records(reader: &Person, room: &str) -> Vec<(String, String)> {
    let page = reader.get_json(&format!("/rooms/{room}?limit=200")).await.expect(200).json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let messages = page["messages"].as_array().expect("messages").iter();
    messages.map(|message| (text(&message["kind"]), text(&message["author"]["username"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

both! {
    async fn entering_by_page_or_by_socket_makes_a_member_once(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let slug = ada.create_room("Tea", "public").await;
        grace.get(&format!("/rooms/{slug}")).await.expect(200);
        grace.get(&format!("/rooms/{slug}")).await.expect(200);
        let (socket, _) = grace.join(&slug).await;
        socket.ok("join", json!({ "room": slug })).await;
        let mary = app.register("mary").await;
        let (_socket, joined) = mary.join(&slug).await;
        mary.get(&format!("/rooms/{slug}")).await.expect(200);
        assert_eq!(joined["messages"].as_array().map(Vec::len), Some(3));
        let expected = [("joined", "ada"), ("joined", "grace"), ("joined", "mary")];
        assert_eq!(records(&ada, &slug).await, pairs(&expected));
    }

    async fn many_ways_in_at_once_make_one_member(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let slug = ada.create_room("Tea", "public").await;
        let page = format!("/rooms/{slug}");
        let sockets = futures_util::future::join_all((0..4).map(|_| grace.join(&slug)));
        let pages = futures_util::future::join_all((0..4).map(|_| grace.get(&page)));
        let _both = tokio::join!(sockets, pages);
        assert_eq!(records(&ada, &slug).await, pairs(&[("joined", "ada"), ("joined", "grace")]));
    }

    async fn reading_a_public_room_over_the_socket_does_not_enter_it(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let slug = ada.create_room("Tea", "public").await;
        let socket = grace.socket().await;
        socket.ok("history", json!({ "room": slug })).await;
        assert_eq!(records(&ada, &slug).await, pairs(&[("joined", "ada")]));
        // Reading is open to her; writing is for members.
        let refused = socket.refused("message", json!({ "room": slug, "body": "hi", "nonce": "1" })).await;
        assert_eq!(refused, "forbidden");
    }

    async fn who_leaves_is_no_member_and_may_come_back_to_a_public_room(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let slug = ada.create_room("Tea", "public").await;
        let (listening, _) = ada.join(&slug).await;
        let (socket, _) = grace.join(&slug).await;
        let answer = grace.post(&format!("/rooms/{slug}/leave"), &[]).await;
        assert_eq!(answer.expect(303).location(), "/rooms");
        assert_eq!(socket.next("removed").await["room"], json!(slug));
        let refused = socket.refused("message", json!({ "room": slug, "body": "hi", "nonce": "1" })).await;
        assert_eq!(refused, "forbidden");
        let left = listening.next_where("message", |message| message["kind"] == "left").await;
        assert_eq!(left["author"]["username"], "grace");
        socket.ok("join", json!({ "room": slug })).await;
        socket.post(&slug, "back again", "2").await;
        let expected = [("joined", "ada"), ("joined", "grace"), ("left", "grace"), ("joined", "grace"), ("text", "grace")];
        assert_eq!(records(&ada, &slug).await, pairs(&expected));
    }

    async fn leaving_twice_is_leaving_once(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let slug = ada.create_room("Tea", "public").await;
        grace.get(&format!("/rooms/{slug}")).await.expect(200);
        let leave = format!("/rooms/{slug}/leave");
        grace.post(&leave, &[]).await.expect(303);
        grace.post(&leave, &[]).await.expect(303);
        let expected = [("joined", "ada"), ("joined", "grace"), ("left", "grace")];
        assert_eq!(records(&ada, &slug).await, pairs(&expected));
    }

    async fn the_leave_event_ends_the_listening_and_not_the_membership(app: &TestApp) {
        let (ada, grace) = (app.register("ada").await, app.register("grace").await);
        let slug = ada.create_room("Tea", "public").await;
        let (writing, _) = ada.join(&slug).await;
        let (socket, _) = grace.join(&slug).await;
        socket.ok("join", json!({ "room": "general" })).await;
        socket.ok("leave", json!({ "room": slug })).await;
        writing.post(&slug, "unheard", "1").await;
        // Told in the order of the commits: what comes after has come, so the other never will.
        writing.ok("join", json!({ "room": "general" })).await;
        writing.post("general", "heard", "2").await;
        socket.hears("heard").await;
        assert!(socket.peek_at("message").iter().all(|message| message["body"] != "unheard"));
        // Still a member: she may write without joining again.
        socket.post(&slug, "still here", "3").await;
        assert_eq!(records(&ada, &slug).await.len(), 4);
    }

    async fn who_leaves_a_private_room_cannot_come_back_alone(app: &TestApp) {
        let ada = app.register("ada").await;
        let slug = ada.create_room("Circle", "private").await;
        let (socket, _) = ada.join(&slug).await;
        ada.post(&format!("/rooms/{slug}/leave"), &[]).await.expect(303);
        socket.next("removed").await;
        assert_eq!(socket.refused("join", json!({ "room": slug })).await, "not_found");
        ada.get(&format!("/rooms/{slug}")).await.expect(404);
    }
}
