//! How many posts a second are committed and acknowledged, first with nobody live in the room, then with every sender live.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::{Meter, ROOM};
use crate::bench::crowd::CHUNK;
use crate::bench::people::{self, Person};
use crate::bench::report::{Figure, exact, millis, percent, percentile, whole};
use crate::bench::sender::Sender;
use crate::bench::server::{Server, Site};
use crate::bench::{Options, Result};

/// One round.
pub fn measure(options: &Options) -> Result<Vec<Figure>> {
    let site = Site::new(options)?;
    let server = site.start()?;
    let names: Vec<_> = (0..options.senders).map(|nth| format!("sender{nth}")).collect();
    let senders: Result<Vec<_>> = names.iter().map(|name| Ok((name, people::register(server.address, name)?))).collect();
    let senders = senders?;
    let quiet = post(options, &server, &senders, false)?;
    let live = post(options, &server, &senders, true)?;
    server.stop()?;
    Ok(vec![
        whole("acknowledged posts/s, nobody live", quiet.rate),
        millis("acknowledgement p50, ms", quiet.p50),
        millis("acknowledgement p99, ms", quiet.p99),
        quiet.server_busy,
        quiet.load_busy,
        exact("server CPU a post, µs", quiet.each),
        whole("acknowledged posts/s, every sender live", live.rate),
        millis("live: acknowledgement p50, ms", live.p50),
        millis("live: acknowledgement p99, ms", live.p99),
        exact("live: server CPU a post, µs", live.each),
    ])
}

struct Posted {
    rate: f64,
    p50: Duration,
    p99: Duration,
    each: f64,
    server_busy: Figure,
    load_busy: Figure,
}

fn post(options: &Options, server: &Server, people: &[(&String, Person)], live: bool) -> Result<Posted> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut buffer = vec![0; CHUNK];
    let mut senders = Vec::new();
    for (name, person) in people {
        let name = format!("{name}-{}", if live { "live" } else { "quiet" });
        senders.push(Sender::connect(server.address, person, &name, ROOM, live)?);
    }
    for (place, sender) in senders.iter_mut().enumerate() {
        sender.register(&poll, Token(place))?;
    }
    let warm = Instant::now() + Duration::from_secs(1);
    let mut run = |senders: &mut Vec<Sender>, until: Instant| -> Result<()> {
        while Instant::now() < until {
            poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                let sender = &mut senders[event.token().0];
                let acknowledged = sender.read(&mut buffer)?;
                if acknowledged > 0 {
                    sender.post(acknowledged)?;
                }
            }
        }
        Ok(())
    };
    for sender in &mut senders {
        sender.post(options.in_flight)?;
    }
    run(&mut senders, warm)?;
    for sender in &mut senders {
        sender.took.clear();
    }
    let meter = Meter::start(server)?;
    run(&mut senders, Instant::now() + Duration::from_secs(options.seconds))?;
    let used = meter.stop(server)?;
    let mut took: Vec<_> = senders.iter().flat_map(|sender| sender.took.iter().copied()).collect();
    Ok(Posted {
        rate: took.len() as f64 / used.time.as_secs_f64(),
        p50: percentile(&mut took, 50),
        p99: percentile(&mut took, 99),
        each: used.server.as_secs_f64() * 1e6 / took.len() as f64,
        server_busy: percent("server busy, %", used.server, used.time),
        load_busy: percent("load program busy, %", used.load, used.time),
    })
}
