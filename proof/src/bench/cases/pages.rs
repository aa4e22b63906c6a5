//! How many pages of a room with 50 messages are rendered a second, and how many as JSON.

use std::thread;
use std::time::{Duration, Instant};

use super::{Meter, ROOM, furnished};
use crate::bench::http::{Http, get};
use crate::bench::people::Person;
use crate::bench::report::{Figure, exact, millis, percent, percentile, whole};
use crate::bench::sender::BODY;
use crate::bench::server::Server;
use crate::bench::{Options, Result};

/// One round.
pub fn measure(options: &Options) -> Result<Vec<Figure>> {
    let (_site, server, person) = furnished(options, 60)?;
    let html = read(options, &server, &person, "text/html")?;
    let json = read(options, &server, &person, "application/json")?;
    server.stop()?;
    Ok(vec![
        whole("room pages/s", html.rate),
        millis("page p50, ms", html.p50),
        millis("page p99, ms", html.p99),
        exact("page, KiB", html.size),
        whole("server CPU a page, µs", html.each),
        html.server_busy,
        html.load_busy,
        whole("as JSON/s", json.rate),
        whole("server CPU as JSON, µs", json.each),
    ])
}

struct Pages {
    rate: f64,
    p50: Duration,
    p99: Duration,
    size: f64,
    each: f64,
    server_busy: Figure,
    load_busy: Figure,
}

fn read(options: &Options, server: &Server, person: &Person, accept: &str) -> Result<Pages> {
    let request = get(&format!("/rooms/{ROOM}"), &person.cookie, accept);
    let mut first = Http::connect(server.address)?;
    let page = first.send(&request)?;
    let size = page.body.len();
    // HTML says each once, JSON as written and as HTML.
    let messages = String::from_utf8_lossy(page.body).matches(BODY).count();
    if page.status != 200 || messages < 50 {
        return Err(format!("{}: {messages} messages in a page", page.status).into());
    }
    for _ in 0..200 {
        first.send(&request)?;
    }
    let meter = Meter::start(server)?;
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let took = thread::scope(|scope| {
        let threads: Vec<_> = (0..options.parallel)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<Duration>> {
                    let mut http = Http::connect(server.address)?;
                    let mut took = Vec::new();
                    while Instant::now() < until {
                        let began = Instant::now();
                        let status = http.send(&request)?.status;
                        if status != 200 {
                            return Err(format!("a page answered {status}").into());
                        }
                        took.push(began.elapsed());
                    }
                    Ok(took)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a reading thread panicked")).collect::<Result<Vec<_>>>()
    })?;
    let used = meter.stop(server)?;
    let mut took = took.concat();
    Ok(Pages {
        rate: took.len() as f64 / used.time.as_secs_f64(),
        p50: percentile(&mut took, 50),
        p99: percentile(&mut took, 99),
        size: size as f64 / 1024.0,
        each: used.server.as_secs_f64() * 1e6 / took.len() as f64,
        server_busy: percent("server busy, %", used.server, used.time),
        load_busy: percent("load program busy, %", used.load, used.time),
    })
}
