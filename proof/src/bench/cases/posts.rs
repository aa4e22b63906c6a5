//! How many posts a second are committed and acknowledged, with more or fewer in flight, in one room and in many. Nothing is delivered,
//! because no socket is live in them.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::{Fixture, ROOM};
use crate::bench::Result;
use crate::bench::listeners::CHUNK;
use crate::bench::meter::{Meter, millis};
use crate::bench::options::Kind;
use crate::bench::people::{self, Person};
use crate::bench::results::{Figure, grouped};
use crate::bench::sender::{Sender, Words};
use crate::bench::server::Server;
use crate::quantile;

const WARM: Duration = Duration::from_millis(700);
/// How many stretches a server gets to answer as many posts as are in flight.
const PATIENCE: usize = 8;

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (_site, server) = fixture.fresh(kind, true)?;
    let most = fixture.options.posting().iter().map(|(people, ..)| *people).max().unwrap_or(1);
    let names = (0..most).map(|nth| format!("sender{nth}"));
    let people: Vec<_> = names.map(|name| people::register(server.address, &name)).collect::<Result<_>>()?;
    let rooms: Vec<_> = (0..fixture.options.posting().iter().map(|(.., rooms)| *rooms).max().unwrap_or(1))
        .map(|nth| format!("room-{nth}"))
        .collect();
    if rooms.len() > 1 {
        rooms.iter().try_for_each(|room| people::open_room(server.address, &people[0], room))?;
    }
    for &(count, each, in_rooms) in fixture.options.posting() {
        let setting =
            format!("{} under way, {}", count * each, if in_rooms == 1 { "1 room".into() } else { format!("{in_rooms} rooms") });
        let rooms = if in_rooms == 1 { vec![ROOM.to_owned()] } else { rooms[..in_rooms].to_vec() };
        let mut posting = Posting::open(&server, &people[..count], &rooms, &setting)?;
        figures.extend(posting.run(&server, each, fixture.options.stretch(), &setting)?);
    }
    server.stop()?;
    Ok(())
}

pub struct Posting {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    senders: Vec<Sender>,
}

impl Posting {
    /// `purpose` makes the nonces unique.
    pub fn open(server: &Server, people: &[Person], rooms: &[String], purpose: &str) -> Result<Self> {
        let poll = Poll::new()?;
        let purpose: String = purpose.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut senders = Vec::new();
        for (place, person) in people.iter().enumerate() {
            let mut sender = Sender::connect(server.address_of(place), person, &purpose, rooms, false)?;
            sender.register(&poll, Token(place))?;
            senders.push(sender);
        }
        Ok(Self { poll, events: Events::with_capacity(64), buffer: vec![0; CHUNK], senders })
    }

    pub fn say(&mut self, words: &Words) {
        self.senders.iter_mut().for_each(|sender| sender.say(words.clone()));
    }

    /// Keeps `each` posts of every sender in flight for a while, and waits for the last answers.
    pub fn run(&mut self, server: &Server, each: usize, stretch: Duration, setting: &str) -> Result<Vec<Figure>> {
        for sender in &mut self.senders {
            sender.post(each)?;
        }
        self.go_on(Some(Instant::now() + WARM))?;
        self.senders.iter_mut().for_each(|sender| sender.took.clear());
        let meter = Meter::start(server)?;
        let enough = each * self.senders.len();
        for _ in 0..PATIENCE {
            self.go_on(Some(Instant::now() + stretch))?;
            if self.senders.iter().map(|sender| sender.took.len()).sum::<usize>() >= enough {
                break;
            }
        }
        let used = meter.stop(server)?;
        let mut took: Vec<_> = self.senders.iter().flat_map(|sender| sender.took.iter().copied()).collect();
        self.go_on(None)?;
        Ok(vec![
            Figure::more(setting, "posts/s", used.rate(took.len())),
            Figure::less(setting, "acknowledged p50, ms", millis(quantile(&mut took, 0.5))),
            Figure::less(setting, "acknowledged p99, ms", millis(quantile(&mut took, 0.99))),
            Figure::less(setting, "CPU a post, µs", used.each(took.len())),
            Figure::about(setting, "server busy, %", used.server_busy()),
        ])
    }

    /// Goes on posting until then; without a time, only waits for what is in flight.
    fn go_on(&mut self, until: Option<Instant>) -> Result<()> {
        let patience = Instant::now() + Duration::from_secs(20);
        while until.map_or_else(|| self.senders.iter().any(|sender| sender.under_way() > 0), |until| Instant::now() < until) {
            self.poll.poll(&mut self.events, Some(Duration::from_millis(50)))?;
            for event in &self.events {
                let sender = &mut self.senders[event.token().0];
                let acknowledged = sender.read(&mut self.buffer)?;
                if acknowledged > 0 && until.is_some() {
                    sender.post(acknowledged)?;
                }
            }
            if until.is_none() && Instant::now() > patience {
                let left: usize = self.senders.iter().map(Sender::under_way).sum();
                return Err(format!("{setting} posts were never answered", setting = grouped(left)).into());
            }
        }
        Ok(())
    }
}
