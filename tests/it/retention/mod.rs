//! Retention and legal holds: what is too old goes, for everybody, and what is held stays.

mod clocks;
mod expiry;
mod holds;
mod interrupted;
mod rooms;

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, DEADLINE, Person, Socket, TestApp};

/// So many hours.
pub fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 60 * 60)
}

/// Has the server keep things for so long.
pub async fn keep(admin: &Person, retention: &str) {
    admin.post("/admin/settings", &[("retention", retention)]).await.expect(303);
}

/// Posts into a room, and returns the place.
pub async fn post(socket: &Socket, room: &str, body: &str) -> i64 {
    socket.post(room, body, body).await["seq"].as_i64().expect("a place")
}

/// Waits until a socket hears that a message was deleted.
pub async fn hears_deletion(socket: &Socket, seq: i64) -> Value {
    let gone = socket.next_where("message", |message| message["seq"] == seq && message["deleted_at"].is_string()).await;
    assert_eq!((&gone["body"], &gone["html"]), (&json!(""), &json!("")));
    gone
}

/// A message as its room's page has it.
pub async fn read(person: &Person, room: &str, seq: i64) -> Value {
    let page = person.get_json(&format!("/rooms/{room}?around={seq}")).await.expect(200).json();
    page["messages"].as_array().unwrap().iter().find(|message| message["seq"] == seq).expect("it is there").clone()
}

/// Waits until a question has this answer: it comes from a task in the background.
pub async fn until(what: &str, ask: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !ask().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Looks for as long as retention needs to look three times, and fails once something is not so any more. Nothing happens afterwards by which
/// it could be told that it has looked: whoever may not delete writes nothing.
pub async fn stays(what: &str, ask: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_millis(1500);
    while tokio::time::Instant::now() < end {
        assert!(ask().await, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Posts a form as a program does.
pub async fn post_json(person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
    Answer::of(person.form(path, fields).header("accept", "application/json")).await
}

/// Adds a hold, and returns its id.
pub async fn hold(admin: &Person, scope: &str, target: &str) -> String {
    admin.post("/admin/holds", &[("scope", scope), ("target", target), ("reason", "Case 7")]).await.expect(303);
    admin.get_json("/admin/holds").await.expect(200).json()["holds"][0]["id"].as_str().expect("an id").to_owned()
}

/// An administrator and somebody else in a room that the latter owns.
pub async fn room_of_eve(app: &TestApp) -> (Person, Person, String) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    let room = eve.create_room("Tea", "public").await;
    ada.enter(&room).await;
    (ada, eve, room)
}
