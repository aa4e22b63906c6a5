//! Packets, frames and requests that no proper client sends.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::faults::malformed;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("malformed", Db::BOTH, 20, 2, |fixture, rounds| Box::pin(malformed_packets(fixture, rounds)))
        .about("packets from a corpus, twisted at random: deep JSON, huge ids, attachments, wrong frames and requests; no panic, nobody else minds"),
];

const SOCKETS: usize = 6;
const PACKETS: usize = 150;
/// How much memory the server may have more at its height.
const MEMORY: u64 = 48 << 20;
const PATIENCE: Duration = Duration::from_secs(20);

async fn malformed_packets(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 2).await;
    let mallory = server.register("mallory").await;
    mallory.join("general").await;
    let mut outcome = Outcome::default();
    let (mut most, mut ends, mut packets) = (0, 0, 0);
    for round in 0..rounds {
        let sending = (0..SOCKETS).map(|nth| packets_of(&mallory, u64::from(round) * 1000 + nth as u64));
        let attack = async {
            let ended: usize = join_all(sending).await.into_iter().sum();
            let cookies = mallory.cookies();
            tokio::join!(frames(&server, &cookies), requests(&server));
            ended
        };
        let (ended, memory) = load.during(growth_during(&server, attack)).await;
        packets += SOCKETS * PACKETS;
        ends += ended;
        most = most.max(memory);
        never_panicked(&server);
    }
    assert!(ends > 0, "nothing that was sent broke the protocol: this proves little");
    assert!(most <= MEMORY, "the server's memory grew by {} MiB", most >> 20);
    outcome.note(format!("{packets} packets, {ends} connections ended over them, at most {} MiB more memory", most >> 20));
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// Sends packets one after the other, over a new connection where the old one was ended; how often it was.
async fn packets_of(person: &Person, seed: u64) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let corpus = malformed::packets();
    let mut ended = 0;
    let mut socket = person.join("general").await.0;
    for nth in 0..PACKETS {
        let packet = &corpus[random.random_range(0..corpus.len())];
        let packet = if nth % 3 == 0 { packet.clone() } else { twisted(packet, &corpus, &mut random) };
        if random.random_ratio(1, 12) {
            socket.frame(Frame::binary(packet.into_bytes())).await;
        } else {
            socket.raw(&packet).await;
        }
        if !goes_on(&socket).await {
            ended += 1;
            socket = person.join("general").await.0;
        }
    }
    ended
}

/// Whether the connection is still one: either it answers, or it has been ended; nothing else.
async fn goes_on(socket: &Socket) -> bool {
    let asked = async { socket.send("history", json!({ "room": "general", "limit": 1 })).await.outcome().await.is_some() };
    tokio::select! {
        answered = asked => answered && !socket.has_ended(),
        () = socket.is_out() => false,
    }
}

/// A packet with a few accidents: something lost, doubled, changed, or put in from another one.
fn twisted(packet: &str, corpus: &[String], random: &mut StdRng) -> String {
    let mut chars: Vec<char> = packet.chars().take(4_000).collect();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=chars.len());
        let upto = (at + random.random_range(0..12)).min(chars.len());
        match random.random_range(0..5) {
            0 => drop(chars.drain(at..upto)),
            1 => {
                let again = chars[at..upto].to_vec();
                chars.splice(at..at, again);
            }
            2 => chars.insert(at, char::from_u32(random.random_range(0..0x3000)).unwrap_or('\u{FFFD}')),
            3 => chars.insert(at, ['[', ']', '{', '}', '"', '\\', ',', ':', '-', '9'][random.random_range(0..10)]),
            _ => {
                let other: Vec<char> = corpus[random.random_range(0..corpus.len())].chars().take(40).collect();
                chars.splice(at..at, other);
            }
        }
    }
    chars.into_iter().collect()
}

/// Frames that break the WebSocket protocol: each ends its connection.
async fn frames(site: &Site, cookies: &str) {
    let wrong: [(&str, &[u8]); 9] = [
        ("a reserved opcode", &[0x83, 0x80, 0, 0, 0, 0]),
        ("a reserved bit", &[0xc1, 0x80, 0, 0, 0, 0]),
        ("a frame without a mask", &[0x81, 0x01, b'2']),
        ("a ping in pieces", &[0x09, 0x80, 0, 0, 0, 0]),
        ("a ping of 126 bytes", &[0x89, 0xfe, 0, 126, 0, 0, 0, 0]),
        ("a piece of nothing", &[0x80, 0x80, 0, 0, 0, 0]),
        ("a beginning inside of another", &[0x01, 0x80, 0, 0, 0, 0, 0x01, 0x80, 0, 0, 0, 0]),
        ("a close with half a code", &[0x88, 0x81, 0, 0, 0, 0, 3]),
        ("bytes that are no text", &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]),
    ];
    for (what, bytes) in wrong {
        for cookies in [cookies, ""] {
            let mut raw = Raw::socket(site, cookies).await;
            raw.send(bytes).await;
            assert!(raw.end(PATIENCE).await.is_some(), "{what} did not end the connection");
        }
    }
}

/// Requests that are not HTTP: each is refused or hung up on.
async fn requests(site: &Site) {
    let wrong: [&[u8]; 12] = [
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for bytes in wrong {
        let mut raw = Raw::open(site).await;
        raw.send(bytes).await;
        let answer = raw.end(PATIENCE).await.unwrap_or_else(|| panic!("{:?} is waited for", String::from_utf8_lossy(bytes)));
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(answer.is_empty() || status.starts_with('4'), "{:?} was answered {status}", String::from_utf8_lossy(bytes));
    }
}
