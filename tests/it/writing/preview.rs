//! How a message would look before it is sent: by event, by script, and by the button for people without scripts.

use reqwest::Method;
use serde_json::json;

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Answer, Database, TestApp};

const WORDS: &str = "**bold** :tada:\n\n- [x] done";

#[apply(both)]
async fn a_preview_is_what_the_message_becomes_and_nothing_is_stored(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let before = app.database.rows("messages").await;
    let by_event = socket.ok("preview", json!({ "body": WORDS })).await["html"].clone();
    let request = ada.form("/preview", &[("body", WORDS)]).header("accept", "application/json");
    let by_form = Answer::of(request).await.expect(200).json()["html"].clone();
    assert_eq!(app.database.rows("messages").await, before);
    let message = socket.post("general", WORDS, "1").await;
    assert_eq!((&by_event, &by_form), (&message["html"], &message["html"]));
    assert!(by_event.as_str().expect("a text").contains("<strong>bold</strong> 🎉"), "{by_event}");
}

#[apply(both)]
async fn the_preview_button_shows_the_room_with_the_preview_and_the_words(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "a question", "1").await["seq"].to_string();
    let before = app.database.rows("messages").await;
    let fields = [("body", "an *answer*"), ("preview", "yes"), ("reply_to", &*seq)];
    let page = ada.post("/rooms/general/messages", &fields).await.expect(200).body.clone();
    assert!(page.contains("<p>an <em>answer</em></p>") && page.contains(">an *answer*</textarea>"), "{page}");
    assert!(page.contains(&format!("name=\"reply_to\" value=\"{seq}\"")), "what it answers is not lost");
    assert_eq!(app.database.rows("messages").await, before);
}

#[apply(both)]
async fn nothing_to_preview_too_much_and_hostile_words_are_handled(app: &TestApp) {
    let ada = app.register("ada").await;
    let socket = ada.socket().await;
    assert_eq!(socket.refused("preview", json!({ "body": "  " })).await, "invalid");
    assert_eq!(socket.refused("preview", json!({ "body": "a\0" })).await, "invalid");
    assert_eq!(socket.refused("preview", json!({})).await, "invalid");
    assert_eq!(socket.refused("preview", json!({ "body": "a".repeat(8001) })).await, "too_long");
    let html = socket.ok("preview", json!({ "body": "<script>alert(1)</script>" })).await["html"].clone();
    assert_eq!(html, "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    let page = ada.post("/rooms/general/messages", &[("body", " "), ("preview", "yes")]).await;
    assert_eq!(page.status, 422);
}

#[apply(both)]
async fn strangers_other_sites_and_outsiders_get_no_preview(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let room = ada.create_room("Den", "private").await;
    let stranger = app.stranger();
    assert_eq!(stranger.post("/preview", &[("body", "x")]).await.expect(303).location(), "/login?next=%2Fpreview");
    let request = stranger.form("/preview", &[("body", "x")]).header("accept", "application/json");
    assert_eq!(Answer::of(request).await.expect(401).code(), "unauthenticated");
    let foreign = ada.request(Method::POST, "/preview").form(&[("body", "x")]).header("sec-fetch-site", "cross-site");
    Answer::of(foreign).await.expect(403);
    let fields = [("body", "x"), ("preview", "yes")];
    let hidden = eve.post(&format!("/rooms/{room}/messages"), &fields).await;
    let nowhere = eve.post("/rooms/no-such-room/messages", &fields).await;
    assert_eq!((hidden.status, hidden.body.replace(&room, "no-such-room")), (404, nowhere.body));
}

#[apply(both)]
async fn previews_count_like_posts(database: &Database) {
    let server = Server::start(database.url(), &[("POST_RATE", "1/h")]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    socket.ok("preview", json!({ "body": "x" })).await;
    socket.post("general", "y", "1").await;
    assert_eq!(socket.refused("preview", json!({ "body": "x" })).await, "rate_limited");
    assert_eq!(socket.refused("message", json!({ "room": "general", "body": "x", "nonce": "2" })).await, "rate_limited");
    let answer = ada.post("/preview", &[("body", "x")]).await;
    assert_eq!(answer.status, 429);
    assert!(!answer.header("retry-after").is_empty());
}
