//! Stopping by a signal: what is queued is committed and acknowledged, people are told, and it ends by itself.

use serde_json::json;

use crate::both;
use crate::harness::process;
use crate::harness::{Database, Load};

#[apply(both)]
async fn a_signal_in_the_middle_of_writing_loses_nothing(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let listen = server.address.to_string();
    let mut load = Load::gather(&server, 3).await;
    for signal in ["TERM", "INT", "TERM"] {
        let (witness, room) = load.witness();
        load.during(async {
            witness.join(&room).await.0.first(60, "message").await;
            server.signal(signal).await;
            let status = server.end().await;
            assert_eq!(status.code(), Some(0), "{signal}: {}", server.stderr());
        })
        .await;
        server = process::start(database.folder(), database.url(), &[("LISTEN", &listen)]).await;
    }
    database.check(&mut load).await;
}

#[apply(both)]
async fn it_stops_though_somebody_is_connected_and_reads_nothing(database: &Database) {
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    let (writing, _) = ada.join("general").await;
    let (stuck, _) = grace.join("general").await;
    stuck.set_reading(false);
    let body = "x".repeat(7000);
    for round in 0..10 {
        let mut pending = Vec::new();
        for number in 0..60 {
            let data = json!({ "room": "general", "body": body, "nonce": format!("{round}-{number}") });
            pending.push(writing.send("message", data).await);
        }
        for one in pending {
            assert_eq!(one.acknowledgement().await["ok"], json!(true));
        }
    }
    server.signal("TERM").await;
    assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
    writing.is_out().await;
    writing.is_cut().await;
}

#[apply(both)]
async fn it_stops_though_a_request_is_never_finished(database: &Database) {
    use tokio::io::AsyncWriteExt;
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let mut half = tokio::net::TcpStream::connect(server.address).await.expect("it accepts");
    half.write_all(b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nuser").await.expect("it reads");
    server.stranger().get("/healthz").await.expect(200);
    server.signal("TERM").await;
    assert_eq!(server.end().await.code(), Some(0), "{}", server.stderr());
}
