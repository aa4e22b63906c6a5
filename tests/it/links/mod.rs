//! Previews of links: how they come to a message, who removes them, and where there are none.

mod hiding;
mod previews;
mod switches;

use serde_json::{Value, json};

use crate::harness::{DEADLINE, Database, Person, Socket, TestApp};

/// A link to a page of the tests' web server.
pub fn link(path: &str) -> String {
    format!("http://pages.test/{path}")
}

/// Posts a text, and returns the message.
pub async fn post(socket: &Socket, room: &str, body: &str) -> Value {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let nonce = format!("l{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    socket.ok("message", json!({ "room": room, "body": body, "nonce": nonce })).await["message"].clone()
}

/// Waits for a message's previews.
pub async fn previewed(socket: &Socket, message: &Value) -> Value {
    socket.next_where("message", |it| it["seq"] == message["seq"] && it["links"].is_array()).await
}

/// Waits until nothing is to be fetched.
pub async fn settled(app: &TestApp) {
    until_fetched(&app.database).await;
}

/// Waits until a database has nothing to be fetched.
pub async fn until_fetched(database: &Database) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let jobs = database.rows("jobs").await;
        if !jobs.iter().any(|job| job["kind"] == "link_previews") {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{jobs:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A message as a page of history has it.
pub async fn read(person: &Person, room: &str, message: &Value) -> Value {
    let around = person.get_json(&format!("/rooms/{room}?around={}", message["seq"])).await.json();
    let messages = around["messages"].as_array().expect("messages").clone();
    messages.into_iter().find(|it| it["seq"] == message["seq"]).expect("the message")
}

/// The titles of a message's previews.
pub fn titles(message: &Value) -> Vec<&str> {
    message["links"].as_array().into_iter().flatten().map(|link| link["title"].as_str().unwrap_or_default()).collect()
}
