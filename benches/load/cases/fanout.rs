//! How many deliveries a second reach the listeners of one room, and whether every one of them got everything.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::{Meter, ROOM};
use crate::crowd::{CHUNK, Crowd};
use crate::people;
use crate::report::{Figure, exact, millis, percent, percentile, whole};
use crate::sender::Sender;
use crate::server::Site;
use crate::{Options, Result};

/// How many post.
const SENDERS: usize = 4;
/// How many posts of each are under way.
const IN_FLIGHT: usize = 32;
/// How long nothing may come before a round counts as ended with gaps.
const SILENCE: Duration = Duration::from_secs(10);

/// One round.
pub fn measure(options: &Options) -> Result<Vec<Figure>> {
    let site = Site::new(options)?;
    let server = site.start()?;
    let listener = people::register(server.address, "listener")?;
    // A member before anybody counts: the room's notice of it is no part of the measurement.
    drop(Sender::connect(server.address, &listener, "listener", ROOM, false)?);
    let mut senders = Vec::new();
    for nth in 0..SENDERS {
        let name = format!("sender{nth}");
        let person = people::register(server.address, &name)?;
        senders.push(Sender::connect(server.address, &person, &name, ROOM, false)?);
    }
    let mut crowd = Crowd::gather(server.address, &listener, ROOM, options.listeners)?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(2048);
    let mut buffer = vec![0; CHUNK];
    crowd.register(&poll)?;
    for (nth, sender) in senders.iter_mut().enumerate() {
        sender.register(&poll, Token(crowd.len() + nth))?;
    }

    let share = options.messages / SENDERS;
    let messages = share * SENDERS;
    let expected = messages * crowd.len();
    let mut delivered = 0;
    let meter = Meter::start(&server)?;
    for sender in &mut senders {
        sender.post(IN_FLIGHT.min(share))?;
    }
    let mut last = Instant::now();
    while delivered < expected && last.elapsed() < SILENCE {
        poll.poll(&mut events, Some(Duration::from_millis(500)))?;
        for event in &events {
            let place = event.token().0;
            if place < crowd.len() {
                delivered += crowd.read(place, &mut buffer)?;
            } else {
                let sender = &mut senders[place - crowd.len()];
                let acknowledged = sender.read(&mut buffer)?;
                sender.post(acknowledged.min(share - sender.sent()))?;
            }
        }
        if !events.is_empty() {
            last = Instant::now();
        }
    }
    let used = meter.stop(&server)?;
    let memory = server.memory()?;
    if delivered < expected {
        eprintln!("{} of {} listeners were cut", crowd.len() - crowd.open(), crowd.len());
    }
    let mut took: Vec<_> = senders.iter().flat_map(|sender| sender.took.iter().copied()).collect();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / delivered.max(1) as f64;
    server.stop()?;
    Ok(vec![
        whole("deliveries/s", delivered as f64 / used.time.as_secs_f64()),
        whole("listeners with every message", crowd.complete(messages) as f64),
        whole("listeners", crowd.len() as f64),
        exact("server CPU a delivery, µs", each(used.server)),
        exact("load program CPU a delivery, µs", each(used.load)),
        percent("server busy, %", used.server, used.time),
        percent("load program busy, %", used.load, used.time),
        millis("acknowledgement p50, ms", percentile(&mut took, 50)),
        millis("acknowledgement p99, ms", percentile(&mut took, 99)),
        exact("server RSS afterwards, MiB", memory as f64 / 1048576.0),
    ])
}
