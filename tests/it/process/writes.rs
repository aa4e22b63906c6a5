//! How often the server writes to a socket: what is said to it at once goes with one write, as the system's calls show.

use std::fs;

use serde_json::json;

use super::sync::traced;
use crate::harness::Database;
use crate::harness::programs::Program;
use crate::once;

#[apply(once)]
async fn the_answers_to_one_commit_share_their_writes(database: &Database) {
    const POSTS: usize = 64;
    if !Program::Strace.is_here_or_may_be_missing() {
        println!("left out: strace is not on this machine");
        return;
    }
    let trace = database.folder().join("trace");
    // On one thread; with more, another one often has the next answers ready in time, and nothing would be shown.
    let server = traced(database, &trace, &[("POST_RATE", "off"), ("TOKIO_WORKER_THREADS", "1")]).await;
    let ada = server.register("ada").await;
    let (socket, _) = ada.join("general").await;
    socket.ok("leave", json!({ "room": "general" })).await;
    let before = fs::read_to_string(&trace).expect("strace writes").lines().count();
    let mut waiting = Vec::new();
    for number in 0..POSTS {
        let nonce = format!("n{number}");
        waiting.push(socket.send("message", json!({ "room": "general", "body": nonce, "nonce": nonce })).await);
    }
    for post in waiting {
        assert_eq!(post.acknowledgement().await["ok"], true);
    }
    let seen = fs::read_to_string(&trace).expect("strace writes");
    let writes = seen.lines().skip(before).filter(|line| line.contains("43/chat,")).count();
    // The first is committed alone, and what came meanwhile together.
    assert!(writes <= POSTS / 2, "{writes} writes for {POSTS} answers");
}
