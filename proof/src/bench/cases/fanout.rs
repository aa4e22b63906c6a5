//! How many deliveries a second reach the listeners of one room, whether every one of them got everything, and what a message that
//! travels alone costs.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::{Meter, ROOM};
use crate::bench::crowd::{CHUNK, Crowd};
use crate::bench::people;
use crate::bench::report::{Figure, exact, millis, percent, percentile, whole};
use crate::bench::sender::Sender;
use crate::bench::server::{Server, Site};
use crate::bench::{Options, Result};

/// How many post.
const SENDERS: usize = 4;
/// How many posts of each are under way.
const IN_FLIGHT: usize = 32;
/// How many messages travel alone.
const ALONE: usize = 200;
/// How long nothing may come before a round counts as ended with gaps.
const SILENCE: Duration = Duration::from_secs(10);

/// One round.
pub fn measure(options: &Options) -> Result<Vec<Figure>> {
    let site = Site::new(options)?;
    let server = site.start()?;
    let mut hall = Hall::open(options, &server)?;
    let share = options.messages / SENDERS;
    let messages = share * SENDERS;

    let meter = Meter::start(&server)?;
    for sender in &mut hall.senders {
        sender.post(IN_FLIGHT.min(share))?;
    }
    let delivered =
        hall.hear(messages * hall.crowd.len(), |sender, acknowledged| sender.post(acknowledged.min(share - sender.sent())))?;
    let used = meter.stop(&server)?;
    let memory = server.memory()?;
    let complete = hall.crowd.complete(messages);
    if hall.crowd.open() < hall.crowd.len() {
        eprintln!("{} of {} listeners were cut", hall.crowd.len() - hall.crowd.open(), hall.crowd.len());
    }
    let mut acks: Vec<_> = hall.senders.iter().flat_map(|sender| sender.took.iter().copied()).collect();

    let meter = Meter::start(&server)?;
    let mut heard = Vec::new();
    for _ in 0..ALONE {
        let began = Instant::now();
        hall.senders[0].post(1)?;
        hall.hear(hall.crowd.len(), |_, _| Ok(()))?;
        heard.push(began.elapsed());
    }
    let alone = meter.stop(&server)?;
    server.stop()?;
    let each = |time: Duration, deliveries: usize| time.as_secs_f64() * 1e6 / deliveries.max(1) as f64;
    Ok(vec![
        whole("deliveries/s", delivered as f64 / used.time.as_secs_f64()),
        whole("listeners with every message", complete as f64),
        whole("listeners", hall.crowd.len() as f64),
        exact("server CPU a delivery, µs", each(used.server, delivered)),
        exact("load program CPU a delivery, µs", each(used.load, delivered)),
        percent("server busy, %", used.server, used.time),
        percent("load program busy, %", used.load, used.time),
        millis("acknowledgement p50, ms", percentile(&mut acks, 50)),
        millis("acknowledgement p99, ms", percentile(&mut acks, 99)),
        exact("server RSS afterwards, MiB", memory as f64 / 1048576.0),
        millis("one message alone: until the last listener has it, p50, ms", percentile(&mut heard, 50)),
        exact("one message alone: server CPU a delivery, µs", each(alone.server, ALONE * hall.crowd.len())),
    ])
}

/// The listeners and the senders of a room, heard on one thread.
struct Hall {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    crowd: Crowd,
    senders: Vec<Sender>,
}

impl Hall {
    fn open(options: &Options, server: &Server) -> Result<Self> {
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
        let poll = Poll::new()?;
        crowd.register(&poll)?;
        for (nth, sender) in senders.iter_mut().enumerate() {
            sender.register(&poll, Token(crowd.len() + nth))?;
        }
        Ok(Self { poll, events: Events::with_capacity(2048), buffer: vec![0; CHUNK], crowd, senders })
    }

    /// Reads what comes until so many messages were delivered, or nothing comes any more; gives how many there were.
    fn hear(&mut self, expected: usize, mut acknowledged: impl FnMut(&mut Sender, usize) -> Result<()>) -> Result<usize> {
        let mut delivered = 0;
        let mut last = Instant::now();
        while delivered < expected && last.elapsed() < SILENCE {
            self.poll.poll(&mut self.events, Some(Duration::from_millis(500)))?;
            for event in &self.events {
                let place = event.token().0;
                if place < self.crowd.len() {
                    delivered += self.crowd.read(place, &mut self.buffer)?;
                } else {
                    let sender = &mut self.senders[place - self.crowd.len()];
                    let count = sender.read(&mut self.buffer)?;
                    acknowledged(sender, count)?;
                }
            }
            if !self.events.is_empty() {
                last = Instant::now();
            }
        }
        Ok(delivered)
    }
}
