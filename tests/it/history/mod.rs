//! Reading what was said: pages, permalinks, dates.

mod dates;
mod paging;
mod unchanged;
mod weight;
mod windows;
mod zones;

use serde_json::Value;

use crate::harness::{Person, Socket};

/// The `seq` of each message.
fn seqs(messages: &Value) -> Vec<i64> {
    let messages = messages.as_array().expect("messages are a list");
    messages.iter().map(|message| message["seq"].as_i64().expect("seq is a number")).collect()
}

/// A room of ada's with that many posts after her entering, and her socket in it.
async fn room_with(ada: &Person, posts: usize) -> (String, Socket) {
    let room = ada.create_room("Long", "public").await;
    let (socket, _) = ada.join(&room).await;
    let mut pending = Vec::new();
    for number in 0..posts {
        let data = serde_json::json!({ "room": room, "body": format!("post {number}"), "nonce": format!("n{number}") });
        pending.push(socket.send("message", data).await);
        if pending.len() == 100 {
            for one in pending.drain(..) {
                assert_eq!(one.acknowledgement().await["ok"], true);
            }
        }
    }
    for one in pending {
        assert_eq!(one.acknowledgement().await["ok"], true);
    }
    (room, socket)
}
