//! How often one person may do what is no post: by sockets and by pages, and how large rooms and lists of rooms may be made by others.

mod calls;
mod events;
mod flapping;
mod pages;
mod places;

use serde_json::Value;

use crate::harness::Socket;

/// Asserts that an event is refused because there were too many of its kind, and that it says when to come back.
async fn is_too_often(socket: &Socket, event: &str, data: Value) {
    let answer = socket.ask(event, data).await;
    assert_eq!(answer["error"]["code"], "rate_limited", "{event}: {answer}");
    assert!(answer["error"]["retry_after"].as_f64().is_some_and(|wait| wait > 0.0), "{event}: {answer}");
}
