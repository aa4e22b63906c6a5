//! Clients that vanish in the middle of a request. The trap: a transaction that begins while its request is dropped can stay
//! open on a pooled connection, and what is then written there is never committed.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Answer, Database};

#[apply(both)]
async fn requests_that_are_dropped_half_way_lose_nothing_of_others(database: &Database) {
    for connections in ["1", "3"] {
        let mut server = Server::start(database.url(), &[("DATABASE_CONNECTIONS", connections)]).await;
        let name = format!("ada{connections}");
        let ada = server.register(&name).await;
        let (socket, _) = ada.join("general").await;
        let mut acknowledged = Vec::new();
        for number in 0..60_u64 {
            let dropped = [
                ada.form("/rooms/general/messages", &[("body", "vanishing")]),
                ada.form("/rooms", &[("name", "Vanishing"), ("visibility", "public")]),
                ada.request(reqwest::Method::GET, "/rooms/general"),
                ada.form("/rooms/general/read", &[]),
                ada.form("/settings", &[("status", "vanishing")]),
                ada.form("/login", &[("username", &name), ("password", "wrong password")]),
            ];
            for (index, request) in dropped.into_iter().enumerate() {
                let patience = Duration::from_micros(200 * (number % 12) + 300 * index as u64);
                drop(tokio::time::timeout(patience, Answer::try_of(request)).await);
            }
            // Sockets too: gone before their answer.
            if number % 5 == 0 {
                if let Some(Ok(gone)) = ada.try_socket().now_or_never() {
                    drop(gone);
                }
                let gone = ada.socket().await;
                gone.tell("join", json!({ "room": "general" })).await;
                gone.tell("message", json!({ "room": "general", "body": "gone", "nonce": format!("g{connections}-{number}") }))
                    .await;
            }
            let nonce = format!("n{connections}-{number}");
            acknowledged.push((socket.post("general", "staying", &nonce).await["seq"].clone(), nonce));
        }
        for (seq, nonce) in acknowledged {
            let rows = database.query(&format!("select seq from messages where nonce = '{nonce}'")).await;
            assert_eq!(rows, [json!({ "seq": seq })], "{nonce}");
        }
        database.has_no_open_transaction().await;
        // Whoever vanished may have left something that is still being written.
        server.stop().await;
        database.check_rooms().await;
    }
}
