//! The cases, one file each.

pub mod depth;
pub mod fanout;
pub mod idle;
pub mod joins;
pub mod pages;
pub mod posts;

use std::time::{Duration, Instant};

use crate::bench::Result;
use crate::bench::people::{self, Person};
use crate::bench::sender::Sender;
use crate::bench::server::{Server, Site, cpu};

/// The room that every Parlor has.
const ROOM: &str = "general";

/// A fresh server with one person who has said so many things in the room.
fn furnished(options: &crate::bench::Options, messages: usize) -> Result<(Site, Server, Person)> {
    let site = Site::new(options)?;
    let server = site.start()?;
    let person = people::register(server.address, "ada")?;
    let mut sender = Sender::connect(server.address, &person, "ada", ROOM, false)?;
    let mut poll = mio::Poll::new()?;
    let mut events = mio::Events::with_capacity(8);
    sender.register(&poll, mio::Token(0))?;
    let mut buffer = vec![0; crate::bench::crowd::CHUNK];
    while sender.took.len() < messages {
        let under_way = sender.sent() - sender.took.len();
        sender.post((messages - sender.sent()).min(32 - under_way))?;
        poll.poll(&mut events, None)?;
        sender.read(&mut buffer)?;
    }
    Ok((site, server, person))
}

/// What the server and this program used of their processors while something happened.
struct Meter {
    began: Instant,
    server: Duration,
    load: Duration,
}

/// What was used.
struct Used {
    /// How long it took.
    time: Duration,
    /// The server's processor time.
    server: Duration,
    /// This program's.
    load: Duration,
}

impl Meter {
    fn start(server: &Server) -> Result<Self> {
        Ok(Self { began: Instant::now(), server: server.cpu()?, load: cpu("self")? })
    }

    fn stop(self, server: &Server) -> Result<Used> {
        let time = self.began.elapsed();
        Ok(Used { time, server: server.cpu()? - self.server, load: cpu("self")? - self.load })
    }
}
