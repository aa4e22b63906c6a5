//! What a connection that waits holds: little, whatever was sent to it before.

use std::fs;

use serde_json::json;

use crate::harness::process::Process;
use crate::harness::{Database, process};
use crate::once;

/// What the server has in memory, in KiB.
fn resident(server: &Process) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says how much");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

#[test]
fn the_patched_copies_are_the_ones_that_are_built() {
    let lock = include_str!("../../../Cargo.lock");
    for name in ["tungstenite", "engineioxide-core", "engineioxide"] {
        let copies: Vec<_> =
            lock.split("[[package]]").filter(|package| package.contains(&format!("name = \"{name}\"\n"))).collect();
        assert_eq!(copies.len(), 1, "{copies:?}");
        assert!(!copies[0].contains("source ="), "Cargo takes the registry's {name}: vendor/README.md says what to do");
    }
}

#[apply(once)]
async fn a_socket_does_not_keep_the_memory_of_the_largest_thing_it_was_sent(database: &Database) {
    const SOCKETS: i64 = 100;
    let server = process::start(database.folder(), database.url(), &[("POST_RATE", "off")]).await;
    let ada = server.register("ada").await;
    let (writer, _) = ada.join("general").await;
    let body = "long ".repeat(1_400);
    for number in 0..50 {
        writer.post("general", &body, &format!("n{number}")).await;
    }
    let mut sockets = vec![ada.join("general").await.0];
    let before = resident(&server);
    for _ in 0..SOCKETS {
        sockets.push(ada.join("general").await.0);
    }
    // Asked of each, so that what the join wrote is out.
    for socket in &sockets {
        socket.ok("read", json!({ "room": "general", "seq": 1 })).await;
    }
    // The replay is more than 700 KiB. A socket's own state is some 20 KiB, and the allocator keeps some of what it lent.
    let each = (resident(&server) - before) / SOCKETS;
    assert!(each < 150, "{each} KiB for each socket");
}
