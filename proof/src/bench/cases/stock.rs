//! A server's database with long rooms, written by posting.
//!
//! Owns their content.

use std::time::Instant;

use crate::bench::Result;
use crate::bench::people::{self, Person};
use crate::bench::prose;
use crate::bench::results::grouped;
use crate::bench::sender::{Sender, Words, post_all};
use crate::bench::server::{Server, Site};

/// Writers, and the posts of each that are in flight.
const WRITERS: usize = 16;
const UNDER_WAY: usize = 64;
/// A word in every tenth message, and one in very few.
pub const COMMON: &str = "harbour";
/// A word in one of some thousand messages.
pub const RARE: &str = "needle";

pub struct Stock {
    pub site: Site,
    /// A member of all its rooms.
    pub reader: Person,
    /// Slugs and numbers of messages.
    pub rooms: Vec<(String, usize)>,
}

impl Stock {
    /// Writes rooms of these lengths.
    pub fn make(site: Site, depths: &[usize]) -> Result<Self> {
        let began = Instant::now();
        let server = site.start()?;
        let writers =
            (0..WRITERS).map(|nth| people::register(server.address, &format!("writer{nth}"))).collect::<Result<Vec<_>>>()?;
        let reader = people::register(server.address, "reader")?;
        let mut rooms = Vec::new();
        for &depth in depths {
            let slug = format!("deep-{depth}");
            people::open_room(server.address, &writers[0], &slug)?;
            fill(&server, &writers, &slug, depth)?;
            drop(Sender::connect(server.address, &reader, "reader", std::slice::from_ref(&slug), false)?);
            rooms.push((slug, depth));
        }
        server.stop()?;
        eprintln!("{} messages written in {:.0?}", grouped(depths.iter().sum::<usize>()), began.elapsed());
        Ok(Self { site, reader, rooms })
    }
}

fn fill(server: &Server, writers: &[Person], room: &str, depth: usize) -> Result<()> {
    let mut senders = Vec::new();
    for writer in writers {
        let mut sender = Sender::connect(server.address, writer, room, &[room.to_owned()], false)?;
        sender.say(Words::Varied(message));
        senders.push(sender);
    }
    post_all(&mut senders, depth.div_ceil(writers.len()), UNDER_WAY).map_err(|error| format!("{room}: {error}").into())
}

/// A line, in some messages with a word that will be searched for.
fn message(nth: usize) -> String {
    let mut text = prose::line(nth);
    if nth % 10 == 3 {
        text = format!("{text} {COMMON}");
    }
    if nth % 4000 == 17 {
        text = format!("{text} {RARE}");
    }
    text
}
