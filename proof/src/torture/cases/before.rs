//! Strangers who never log in, and make the server hold as much memory for them as they can.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::polling::{OPENING, Polling};
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("before-login", Db::SQLITE, 3, 1, |fixture, rounds| Box::pin(before_login(fixture, rounds)))
        .about("nobody logs in: binary attachments, CONNECTs to long namespaces, refusals unread, polling sessions by the thousand: at most 64 MiB more memory, and others hardly notice"),
];

const MB: u64 = 1 << 20;
/// How much memory the server may take for all of it together, at its peak.
const MEMORY: u64 = 64 * MB;
const SOCKETS: usize = 40;
/// How many connections open polling sessions, and how many each opens.
const POLLING: (usize, usize) = (30, 600);
/// A large packet that is still allowed, in bytes.
const LARGE: usize = 60_000;

/// Every attack by name. Each goes on until the server has closed all connections or has read everything.
fn attacks(server: &Process) -> [(&'static str, BoxFuture<'_, ()>); 6] {
    let namespaces = async {
        let packet = format!("40/{},", "n".repeat(LARGE));
        join_all((0..SOCKETS).map(|nth| unread(server, nth, &packet, 300))).await;
    };
    let sockets = |count: usize| 0..count * SOCKETS;
    [
        ("attachments", join_all(sockets(1).map(|nth| attachments(server, nth))).map(drop).boxed()),
        ("attachments over polling", join_all(sockets(1).map(|_| attachments_over_polling(server))).map(drop).boxed()),
        ("long namespaces", namespaces.boxed()),
        ("refusals unread", join_all(sockets(5).map(|nth| unread(server, nth, "40/chat,", 2000))).map(drop).boxed()),
        ("unfinished frames", join_all(sockets(5).map(|nth| unfinished(server, nth))).map(drop).boxed()),
        ("polling sessions", join_all((0..POLLING.0).map(|nth| sessions(server, nth))).map(drop).boxed()),
    ]
}

async fn before_login(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[("TRANSPORTS", "websocket,polling")]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let calm = latency.measure(Duration::from_secs(1)).await;
    let start = server.stats().memory;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let all = async {
            let mut grown = Vec::new();
            for (way, attack) in attacks(&server) {
                let ((), peak) = peak_during(&server, attack).await;
                grown.push((way, peak.memory.saturating_sub(start)));
            }
            grown
        };
        let (grown, latencies) = latency.during(all).await;
        let each: Vec<_> = grown.iter().map(|(way, grown)| format!("{way} {}", grown / MB)).collect();
        let each = each.join(", ");
        outcome.note(format_args!("round {round}, MiB more memory at most: {each}; {latencies} (before: {calm})"));
        assert!(grown.iter().all(|(_, grown)| *grown <= MEMORY), "strangers took too much memory, in MiB: {each}");
        latencies.assert_held(&calm, "strangers");
    }
    never_panicked(&server);
    server.log_in("latency").await.socket().await;
    Ok(outcome)
}

async fn socket(server: &Process, nth: usize) -> Raw {
    let stream = connect(server.address, address(nth % 4), Some(SMALL)).await.expect("the server accepts");
    Raw::over(stream).upgraded(server, "").await
}

/// Ten megabytes of attachments, without the last one. The connection lives as long as the returned value.
async fn attachments(server: &Process, nth: usize) -> Raw {
    let mut raw = socket(server, nth).await;
    raw.frame(0x81, br#"451000-/chat,["message"]"#).await;
    let piece = vec![7; LARGE];
    for _ in 0..10_000_000 / LARGE {
        if !raw.frame(0x82, &piece).await {
            break;
        }
    }
    raw
}

/// The same over polling. The server holds the session.
async fn attachments_over_polling(server: &Process) {
    let stranger = server.stranger();
    let Ok(session) = Polling::open(&stranger).await else { return };
    let piece = format!("b{}", "AAAA".repeat(LARGE / 4));
    let mut answer = session.send(&stranger, r#"451000-/chat,["message"]"#).await.status;
    for _ in 0..10_000_000 / (LARGE / 4 * 3) {
        if answer != 200 {
            break;
        }
        answer = session.send(&stranger, &piece).await.status;
    }
}

async fn unread(server: &Process, nth: usize, packet: &str, times: usize) -> Raw {
    let mut raw = socket(server, nth).await;
    for _ in 0..times {
        if !raw.frame(0x81, packet.as_bytes()).await {
            break;
        }
    }
    raw
}

async fn unfinished(server: &Process, nth: usize) -> Raw {
    let mut raw = socket(server, nth).await;
    let mut frame = vec![0x81, 0xFF];
    frame.extend((LARGE as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(vec![b'4'; LARGE - 1]);
    raw.send(&frame).await;
    raw
}

/// Opens sessions by pipelined requests on one connection; returns how many were opened.
async fn sessions(server: &Process, nth: usize) -> usize {
    let mut stream = connect(server.address, address(nth % 4), None).await.expect("the server accepts");
    let request = format!("GET {OPENING} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let (mut reading, mut writing) = stream.split();
    let asking = async { drop(writing.write_all(request.repeat(POLLING.1).as_bytes()).await) };
    let counting = async {
        let (mut answers, mut opened, mut piece, mut rest) = (0, 0, vec![0; 16 * 1024], Vec::new());
        while answers < POLLING.1 {
            let Ok(length @ 1..) = reading.read(&mut piece).await else { break };
            rest.extend_from_slice(&piece[..length]);
            // Whole heads only; the beginning of the next answer stays.
            while let Some(end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head: Vec<_> = rest.drain(..end + 4).collect();
                answers += 1;
                opened += usize::from(head.windows(4).any(|bytes| bytes == b" 200"));
            }
        }
        opened
    };
    tokio::join!(asking, counting).1
}
