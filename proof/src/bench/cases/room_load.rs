//! A room with many listeners and a few senders, read on one thread.
//!
//! Owns the connections and the loop that reads from them. It must not decide what is posted when.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::ROOM;
use crate::bench::Result;
use crate::bench::listeners::{CHUNK, Listeners};
use crate::bench::people::{self, Person};
use crate::bench::sender::Sender;
use crate::bench::server::Server;

const SENDERS: usize = 4;
/// Senders have tokens from here on; a listener's token is its index.
const FIRST_SENDER: usize = usize::MAX / 2;

pub struct RoomLoad {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    listener: Person,
    pub listeners: Listeners,
    /// They receive acknowledgements only.
    pub senders: Vec<Sender>,
}

impl RoomLoad {
    /// Connects the senders; there are no listeners yet.
    pub fn open(server: &Server) -> Result<Self> {
        let room = [ROOM.to_owned()];
        let listener = people::register(server.address, "listener")?;
        // Becomes a member before the measurement: the room publishes that.
        drop(Sender::connect(server.address, &listener, "listener", &room, false)?);
        let poll = Poll::new()?;
        let mut senders = Vec::new();
        for nth in 0..SENDERS {
            let name = format!("sender{nth}");
            let person = people::register(server.address, &name)?;
            let mut sender = Sender::connect(server.address_of(nth), &person, &name, &room, false)?;
            sender.register(&poll, Token(FIRST_SENDER + nth))?;
            senders.push(sender);
        }
        let listeners = Listeners::default();
        Ok(Self { poll, events: Events::with_capacity(2048), buffer: vec![0; CHUNK], listener, listeners, senders })
    }

    /// Connects listeners until there are `count`.
    pub fn fill(&mut self, server: &Server, count: usize) -> Result<()> {
        let before = self.listeners.len();
        let nodes = server.others.len() + 1;
        for nth in 0..nodes {
            // A single listener is not where the first sender is.
            let share = (count - before + nth) / nodes;
            self.listeners.grow(server.address_of(nth), &self.listener, ROOM, share)?;
        }
        self.listeners.register(&self.poll, before)?;
        // Drains what the joins published.
        self.listen(Instant::now() + Duration::from_millis(300), |_, _| {}, |_, _| Ok(()))?;
        self.listeners.forget();
        Ok(())
    }

    /// Reads what comes until then, and returns how many messages were delivered. `hear` gets each message's index at its listener and the
    /// time; `answered` a sender and how many answers it got.
    pub fn listen(
        &mut self,
        until: Instant,
        mut hear: impl FnMut(usize, Instant),
        mut answered: impl FnMut(&mut Sender, usize) -> Result<()>,
    ) -> Result<usize> {
        let mut delivered = 0;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(delivered);
            }
            self.poll.poll(&mut self.events, Some(left))?;
            for event in &self.events {
                let place = event.token().0;
                if place < FIRST_SENDER {
                    let now = Instant::now();
                    delivered += self.listeners.read(place, &mut self.buffer, |nth| hear(nth, now))?;
                } else {
                    let sender = &mut self.senders[place - FIRST_SENDER];
                    let count = sender.read(&mut self.buffer)?;
                    answered(sender, count)?;
                }
            }
        }
    }

    /// Reads until every listener has received so many messages and every post is answered.
    pub fn drain(&mut self, messages: usize, mut hear: impl FnMut(usize, Instant)) -> Result<usize> {
        // After so long without a message it gives up.
        const SILENCE: Duration = Duration::from_secs(10);
        let mut delivered = 0;
        let mut last = Instant::now();
        loop {
            if self.listeners.complete(messages) == self.listeners.len()
                && self.senders.iter().all(|sender| sender.under_way() == 0)
            {
                return Ok(delivered);
            }
            if last.elapsed() > SILENCE {
                let (complete, open, all) = (self.listeners.complete(messages), self.listeners.open(), self.listeners.len());
                return Err(
                    format!("{complete} of {all} listeners heard all {messages} messages, {open} are still connected").into()
                );
            }
            let more = self.listen(Instant::now() + Duration::from_millis(50), &mut hear, |_, _| Ok(()))?;
            delivered += more;
            if more > 0 {
                last = Instant::now();
            }
        }
    }
}
