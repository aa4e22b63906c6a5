//! Clients that hold a connection and say next to nothing.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("slow-drip", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(slow_drip(fixture, rounds)))
        .about("400 clients send heads, bodies and frames a byte a second: each is closed within 15 s, and others do not notice"),
    Case::new("drip-inside", Db::SQLITE, 1, 0, |fixture, rounds| Box::pin(drip_inside(fixture, rounds)))
        .about("people who are in the chat send a frame a byte a second: gone within 60 s, as whoever answers no ping"),
    Case::new("never-connect", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(never_connect(fixture, rounds)))
        .about("500 connections are opened and held, bare, upgraded, and with a cookie, and never enter: closed within 15 s"),
];

const CLOSED: Duration = Duration::from_secs(15);
/// What a timer and a busy machine may add to that.
const NOTICE: Duration = Duration::from_millis(1500);
/// By when somebody who answers no ping must be gone.
const PINGED: Duration = Duration::from_secs(60);
const EACH: usize = 40;
/// How many never enter, in each way.
const HELD: usize = 125;

/// How a connection begins, and what it sends every second.
struct Drip {
    what: &'static str,
    start: String,
    drop: &'static [u8],
}

fn drips(host: &str, cookie: &str) -> Vec<Drip> {
    let drip = |what, start: String, drop| Drip { what, start, drop };
    let form = format!(
        "POST /login HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    );
    let upgrade = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    vec![
        drip("nothing at all", String::new(), b""),
        drip("a request line", "G".to_owned(), b"E"),
        drip("a header", format!("GET / HTTP/1.1\r\nhost: {host}\r\nx-slow: "), b"a"),
        drip("many headers", format!("GET / HTTP/1.1\r\nhost: {host}\r\n"), b"a:b\r\n"),
        drip("a form", format!("{form}content-length: 5000\r\n\r\n"), b"a"),
        drip("a form in chunks", format!("{form}transfer-encoding: chunked\r\n\r\n"), b"1\r\na\r\n"),
        drip("a kept connection", format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n"), b""),
        drip("the next request", format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\nGET / HTT"), b"P"),
        drip("a frame's head", upgrade.clone(), b"\x81"),
        // A masked text frame of 4 KiB, whose payload never comes to its end.
        drip("a frame", format!("{upgrade}\u{1}"), b"a"),
    ]
}

/// Drips until the server hangs up, and returns how long that took.
async fn drip(server: &Process, nth: usize, start: &[u8], drop_: &[u8]) -> Duration {
    let mut stream = connect(server.address, address(nth % 8), None).await.expect("the server accepts");
    stream.write_all(start).await.expect("it reads");
    let began = Instant::now();
    drip_on(stream, drop_).await;
    began.elapsed()
}

async fn drip_on(stream: TcpStream, drop_: &[u8]) {
    let (mut reading, mut writing) = stream.into_split();
    let dripping = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if !drop_.is_empty() && writing.write_all(drop_).await.is_err() {
                return;
            }
        }
    };
    let hung_up = async {
        let mut answer = Vec::new();
        // An end or an error: either way it is over.
        drop(reading.read_to_end(&mut answer).await);
    };
    let over = async {
        tokio::select! { () = dripping => {}, () = hung_up => {} }
    };
    tokio::time::timeout(2 * PINGED, over).await.expect("the server hangs up at all");
}

async fn slow_drip(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let person = server.register("slow").await;
    let calm = latency.measure(Duration::from_secs(2)).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let before = server.stats();
        let ways = drips(&server.address.to_string(), &person.cookies());
        let dripping = join_all(ways.iter().map(|way| {
            let start = frame_begun(&way.start);
            let server = &server;
            async move {
                let all = join_all((0..EACH).map(|nth| drip(server, nth, &start, way.drop))).await;
                all.into_iter().max().unwrap_or_default()
            }
        }));
        let (longest, latencies) = latency.during(dripping).await;
        for (way, longest) in ways.iter().zip(&longest) {
            assert!(*longest < CLOSED + NOTICE, "{}: closed only after {longest:?}", way.what);
        }
        until_released(&server, before.descriptors, Duration::from_secs(5)).await;
        latencies.assert_held(&calm, "slow requests");
        let longest = longest.into_iter().max().unwrap_or_default();
        outcome.note(format_args!("round {round}: the last one closed after {:.1} s; {latencies}", longest.as_secs_f64()));
    }
    Ok(outcome)
}

/// Where the start is to be followed by a frame, its head: a masked text of 4 KiB.
fn frame_begun(start: &str) -> Vec<u8> {
    match start.strip_suffix('\u{1}') {
        Some(start) => [start.as_bytes(), &[0x81, 0xFE, 0x10, 0x00, 0, 0, 0, 0]].concat(),
        None => start.as_bytes().to_vec(),
    }
}

async fn drip_inside(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let person = server.register("slow").await;
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        let ends = join_all((0..EACH).map(|nth| inside(&person, nth))).await;
        let longest = ends.into_iter().max().unwrap_or_default();
        assert!(longest < PINGED, "closed only after {longest:?}");
        outcome.note(format_args!("the last one was cut after {:.1} s", longest.as_secs_f64()));
    }
    Ok(outcome)
}

/// Enters, and from then on sends one frame that never comes to its end.
async fn inside(person: &Person, nth: usize) -> Duration {
    let mut stream = connect(person.site.address, address(nth % 8), None).await.expect("the server accepts");
    let start = drips(&person.site.address.to_string(), &person.cookies()).pop().expect("the last one upgrades").start;
    let upgrade = start.trim_end_matches('\u{1}');
    stream.write_all(upgrade.as_bytes()).await.expect("it reads");
    // `40/chat,` in a masked frame, whose mask is zero; then the head of one that is longer than it will ever be.
    let enter = [&[0x81, 0x88, 0, 0, 0, 0], &b"40/chat,"[..]].concat();
    stream.write_all(&enter).await.expect("it reads");
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("40/chat,{") {
        assert!(stream.read_buf(&mut seen).await.is_ok_and(|count| count > 0), "they are let in");
    }
    stream.write_all(&[0x81, 0xFE, 0x10, 0x00, 0, 0, 0, 0]).await.expect("it reads");
    let began = Instant::now();
    drip_on(stream, b"a").await;
    began.elapsed()
}

async fn never_connect(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let person = server.register("idle").await;
    let calm = latency.measure(Duration::from_secs(2)).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let before = server.stats();
        let holding = join_all((0..4 * HELD).map(|nth| {
            let (server, person) = (&server, &person);
            async move {
                let from = address(nth % 8);
                let stream = connect(server.address, from, None).await.expect("the server accepts");
                let began = Instant::now();
                match nth % 4 {
                    0 => drip_on(stream, b"").await,
                    way => {
                        let cookies = if way == 1 { String::new() } else { person.cookies() };
                        let socket = Socket::open_on(stream, &person.site, &cookies, None).await.expect("it opens");
                        if way == 3 {
                            // Another namespace is no way to stay.
                            socket.raw("40/elsewhere,").await;
                        }
                        tokio::time::timeout(2 * PINGED, socket.end()).await.expect("the server hangs up at all");
                    }
                }
                began.elapsed()
            }
        }));
        let (ends, latencies) = latency.during(holding).await;
        let longest = ends.into_iter().max().unwrap_or_default();
        assert!(longest < CLOSED + NOTICE, "closed only after {longest:?}");
        until_released(&server, before.descriptors, Duration::from_secs(5)).await;
        latencies.assert_held(&calm, "requests that never end");
        outcome.note(format_args!(
            "round {round}: {} held, the last one closed after {:.1} s; {latencies}; {} before, {} after",
            4 * HELD,
            longest.as_secs_f64(),
            before,
            server.stats()
        ));
    }
    Ok(outcome)
}
