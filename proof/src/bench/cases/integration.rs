//! Programs: how many answers of the API a second, and how many deliveries to webhooks, to one receiver and to many.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Fixture, ROOM};
use crate::bench::http::{Http, find, get};
use crate::bench::meter::{Meter, millis};
use crate::bench::options::Kind;
use crate::bench::people::{self, Person};
use crate::bench::results::Figure;
use crate::bench::sender::{Sender, post_all};
use crate::bench::server::Server;
use crate::bench::{Result, on_threads};
use crate::quantile;

/// Receivers here are on this machine, which Parlor otherwise refuses.
const SETTINGS: [(&str, &str); 1] = [("WEBHOOK_PRIVATE_ADDRESSES", "on")];
const CALLERS: usize = 4;
/// How many messages the room has before it is read.
const MESSAGES: usize = 200;
/// How many receivers there are, and how many messages each is told of.
const RECEIVERS: [usize; 2] = [1, 16];
const TOLD: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(120);

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let stretch = fixture.options.stretch();
    for receivers in RECEIVERS {
        let site = fixture.field.site(kind)?;
        let server = site.start_with(&SETTINGS)?;
        let admin = people::administrator(&site, &server, "ada")?;
        if receivers == RECEIVERS[0] {
            post(&server, &admin, "before", MESSAGES)?;
            figures.extend(api(&server, &admin, stretch)?);
        }
        figures.extend(deliver(&server, &admin, receivers)?);
        server.stop()?;
    }
    Ok(())
}

fn api(server: &Server, person: &Person, stretch: Duration) -> Result<Vec<Figure>> {
    let bearer = format!("Bearer {}", people::token(server.address, person)?);
    let path = format!("/api/v1/rooms/{ROOM}/messages");
    let page = get(&path, "", &[("authorization", &bearer)]);
    let tag = Http::connect(server.address)?.send(&page)?.header("etag").ok_or("a page without an ETag")?.to_owned();
    let known = get(&path, "", &[("authorization", &bearer), ("if-none-match", &tag)]);
    let mut figures = call(server, "a page of 50 messages", 200, stretch, |_| page.clone())?;
    figures.extend(call(server, "the same, known", 304, stretch, |_| known.clone())?);
    figures.extend(call(server, "a post", 201, stretch, |nth| {
        let body = format!(r#"{{"body":"Build {nth} has passed.","nonce":"build-{nth}"}}"#);
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: load\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\n");
        format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
    })?);
    Ok(figures)
}

/// Sends requests on a few connections, one after the other on each. Each request has a number of its own.
fn call(
    server: &Server,
    name: &str,
    status: u16,
    stretch: Duration,
    request: impl Fn(usize) -> Vec<u8> + Sync,
) -> Result<Vec<Figure>> {
    let meter = Meter::start(server)?;
    let (until, number) = (Instant::now() + stretch, AtomicUsize::new(0));
    let took = on_threads(CALLERS, |_| {
        let (mut http, mut took) = (Http::connect(server.address)?, Vec::new());
        while Instant::now() < until {
            let request = request(number.fetch_add(1, Ordering::Relaxed));
            let began = Instant::now();
            let answer = http.send(&request)?;
            if answer.status != status {
                return Err(format!("{name}: {} {}", answer.status, String::from_utf8_lossy(answer.body)).into());
            }
            took.push(began.elapsed());
        }
        Ok(took)
    })?;
    let used = meter.stop(server)?;
    let mut took: Vec<_> = took.into_iter().flatten().collect();
    Ok(vec![
        Figure::more("API", &format!("{name}: answers/s"), used.rate(took.len())),
        Figure::less("API", &format!("{name}: p99, ms"), millis(quantile(&mut took, 0.99))),
        Figure::less("API", &format!("{name}: CPU each, µs"), used.each(took.len())),
    ])
}

/// Posts so many messages; `name` makes their nonces unique.
fn post(server: &Server, person: &Person, name: &str, count: usize) -> Result<()> {
    let sender = Sender::connect(server.address, person, name, &[ROOM.to_owned()], false)?;
    post_all(&mut [sender], count, 32)
}

/// Posts, and waits until every receiver was told of every post.
fn deliver(server: &Server, admin: &Person, receivers: usize) -> Result<Vec<Figure>> {
    let told = Arc::<AtomicUsize>::default();
    for _ in 0..receivers {
        let address = receive(told.clone())?;
        people::webhook(server.address, admin, &format!("http://{address}/"), ROOM)?;
    }
    let all = receivers * TOLD;
    let meter = Meter::start(server)?;
    let began = Instant::now();
    post(server, admin, "told", TOLD)?;
    while told.load(Ordering::Relaxed) < all {
        if began.elapsed() > PATIENCE {
            return Err(format!("{} of {all} deliveries came", told.load(Ordering::Relaxed)).into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let used = meter.stop(server)?;
    let setting = if receivers == 1 { "webhooks, 1 receiver".to_owned() } else { format!("webhooks, {receivers} receivers") };
    Ok(vec![
        Figure::more(&setting, "deliveries/s", used.rate(all)),
        Figure::less(&setting, "CPU a delivery with its share of the post, µs", used.each(all)),
    ])
}

/// A receiver that takes everything, and counts it.
fn receive(told: Arc<AtomicUsize>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let told = told.clone();
            std::thread::spawn(move || take(stream, &told));
        }
    });
    Ok(address)
}

/// Answers the requests of one connection until it ends.
fn take(mut stream: TcpStream, told: &AtomicUsize) -> Option<()> {
    let (mut buffer, mut filled) = (vec![0; 64 * 1024], 0);
    loop {
        let end = loop {
            if let Some(end) = find(&buffer[..filled], b"\r\n\r\n") {
                let head = std::str::from_utf8(&buffer[..end]).ok()?.to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok())?;
                if filled >= end + 4 + length {
                    break end + 4 + length;
                }
            }
            let read = stream.read(&mut buffer[filled..]).ok().filter(|read| *read > 0)?;
            filled += read;
        };
        buffer.copy_within(end..filled, 0);
        filled -= end;
        told.fetch_add(1, Ordering::Relaxed);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}
