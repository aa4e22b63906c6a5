//! Frames, fragments, forms and heads that are far too large.

use proof::client::Raw;
use proof::infra::watch::{growth_during, never_panicked};
use serde_json::json;
use tokio::time::timeout;

use crate::harness::process::{self, Process};
use crate::harness::{DEADLINE, Database, Load, Person};
use crate::once;

const MB: u64 = 1 << 20;
/// How much of a body the network and the server may take before the server hangs up.
const TAKEN: u64 = 16 * MB;
/// How much memory the server may take for all of it together.
const MEMORY: u64 = 24 * MB;

#[apply(once)]
async fn whatever_is_too_large_is_cut_soon_and_takes_no_memory(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let mut load = Load::gather(&server, 2).await;
    let eve = server.register("eve").await;
    eve.enter("general").await;
    let (taken, grown) = load.during(growth_during(&server, everything(&server, &eve))).await;
    assert!(taken <= TAKEN, "the server took {} MB of a body that it must refuse", taken / MB);
    assert!(grown <= MEMORY, "the server's memory grew by {} MB", grown / MB);
    never_panicked(&server);
    database.check(&mut load).await;
}

/// Sends all of it at once; returns how much of one body was taken at most.
async fn everything(server: &Process, eve: &Person) -> u64 {
    let own = eve.cookies();
    tokio::join!(frames(server, eve), fragments(server, &own), fragments(server, ""), heads(server));
    let (plain, signed, chunked) = tokio::join!(
        form(server, "/login", "", Some(1024 * MB)),
        form(server, "/rooms/general/messages", &own, Some(1024 * MB)),
        form(server, "/rooms/general/messages", &own, None),
    );
    plain.max(signed).max(chunked)
}

/// One frame of 16 MB: announced and sent, and one that is only announced.
async fn frames(server: &Process, eve: &Person) {
    let (socket, _) = eve.join("general").await;
    let data = json!({ "room": "general", "body": "a".repeat(16 << 20), "nonce": "too long" });
    drop(timeout(DEADLINE, socket.tell("message", data)).await);
    socket.is_cut().await;
    for announced in [16 * MB, u64::MAX >> 1] {
        let mut raw = Raw::socket(server, &eve.cookies()).await;
        let mut head = vec![0x81, 0xff];
        head.extend(announced.to_be_bytes());
        head.extend([0; 4]);
        raw.send(&head).await;
        raw.pour(&[b'4'; 4096], 64 * 1024).await;
        assert!(raw.end(DEADLINE).await.is_some(), "a frame that announces {announced} bytes is waited for");
    }
}

async fn fragments(server: &Process, cookies: &str) {
    let mut raw = Raw::socket(server, cookies).await;
    raw.frame(0x81, b"40/chat,").await;
    let piece = vec![b'4'; 32 << 10];
    let mut sent = 0;
    let mut first = 0x01;
    while sent < 64 * MB && raw.frame(first, &piece).await {
        sent += piece.len() as u64;
        first = 0x00;
    }
    assert!(sent < TAKEN, "{} MB in fragments were taken", sent / MB);
    assert!(raw.end(DEADLINE).await.is_some(), "64 MB in fragments are waited for");
}

/// A form with this content length, or one in chunks.
async fn form(server: &Process, path: &str, cookies: &str, length: Option<u64>) -> u64 {
    let mut raw = Raw::open(server).await;
    let body = match length {
        Some(length) => format!("Content-Length: {length}"),
        None => "Transfer-Encoding: chunked".to_owned(),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\n{body}\r\n\r\n",
        server.address
    );
    raw.send(head.as_bytes()).await;
    let letters = "a".repeat(0xfff0);
    let piece = if length.is_some() { letters } else { format!("fff0\r\n{letters}\r\n") };
    let taken = raw.pour(piece.as_bytes(), 1024 * MB).await;
    let answer = raw.end(DEADLINE).await;
    let answer = answer.unwrap_or_else(|| panic!("a form of 1 GB to {path} is neither answered nor hung up on"));
    // Where the server hangs up in the middle, its answer may be lost.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{path}: {}", answer.lines().next().unwrap_or_default());
    taken
}

async fn heads(server: &Process) {
    let long = "a".repeat(64 << 10);
    let beginnings = [
        format!("GET /{long}{long}"),
        format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {long}"),
        format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(20_000)),
        format!("GET /login?next=/{long} HTTP/1.1\r\nHost: x\r\n"),
    ];
    for beginning in beginnings {
        let mut raw = Raw::open(server).await;
        raw.send(beginning.as_bytes()).await;
        let taken = raw.pour(long.as_bytes(), 64 * MB).await;
        assert!(taken < TAKEN, "{} MB of a request's head were taken", taken / MB);
        let answer = raw.end(DEADLINE).await.unwrap_or_else(|| panic!("a head without end is waited for"));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{}", answer.lines().next().unwrap_or_default());
    }
}
