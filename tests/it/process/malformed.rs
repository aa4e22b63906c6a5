//! Packets from the corpus of malformed ones, changed at random, while others write.

use futures_util::future::join_all;
use proof::infra::watch::{growth_during, never_panicked};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::both;
use crate::harness::{Database, Load, Person, Socket, malformed, process};

const SOCKETS: u64 = 6;
const PACKETS: usize = 150;

#[apply(both)]
async fn packets_that_are_changed_at_random_hurt_nobody_else(database: &Database) {
    let server = process::start(database.folder(), database.url(), &[]).await;
    let mut load = Load::gather(&server, 2).await;
    let mallory = server.register("mallory").await;
    mallory.enter("general").await;
    let attack = join_all((0..SOCKETS).map(|seed| send_packets(&mallory, seed)));
    let (ended, grown) = load.during(growth_during(&server, attack)).await;
    assert!(ended.into_iter().sum::<usize>() > 0, "nothing broke the protocol: the test proves little");
    assert!(grown <= 48 << 20, "the server's memory grew by {} MiB", grown >> 20);
    never_panicked(&server);
    database.check(&mut load).await;
}

/// Sends packets, reconnects whenever the server hangs up, and returns how often that was.
async fn send_packets(person: &Person, seed: u64) -> usize {
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

/// Whether the connection goes on: it answers, or it ends.
async fn goes_on(socket: &Socket) -> bool {
    let asked = async { socket.send("history", json!({ "room": "general", "limit": 1 })).await.outcome().await.is_some() };
    tokio::select! {
        answered = asked => answered && !socket.has_ended(),
        () = socket.is_out() => false,
    }
}

/// A packet with a few changes: a part is removed, doubled, replaced or taken from another packet.
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
