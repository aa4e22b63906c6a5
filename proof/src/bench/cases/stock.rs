//! A server's database with long rooms in it, written the way people write: by posting.
//!
//! Owns what is said there and how often. It must not read any of it.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::bench::Result;
use crate::bench::crowd::CHUNK;
use crate::bench::people::{self, Person};
use crate::bench::results::grouped;
use crate::bench::sender::{Sender, Words};
use crate::bench::server::{Server, Site};

/// How many write, and how many posts of each are under way.
const WRITERS: usize = 16;
const UNDER_WAY: usize = 64;
/// A word in every tenth message, and one in very few.
pub const COMMON: &str = "harbour";
/// A word in one of some thousand messages.
pub const RARE: &str = "needle";

/// The place, the person who reads, and the rooms.
pub struct Stock {
    /// A stopped server with its database.
    pub site: Site,
    /// A member of all its rooms.
    pub reader: Person,
    /// Each room's slug, and how many messages it has.
    pub rooms: Vec<(String, usize)>,
}

impl Stock {
    /// Writes rooms with so many messages.
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
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut buffer = vec![0; CHUNK];
    let share = depth.div_ceil(writers.len());
    let mut senders = Vec::new();
    for (place, writer) in writers.iter().enumerate() {
        let mut sender = Sender::connect(server.address, writer, room, &[room.to_owned()], false)?;
        sender.register(&poll, Token(place))?;
        sender.say(Words::Varied(message));
        sender.post(UNDER_WAY.min(share))?;
        senders.push(sender);
    }
    while senders.iter().any(|sender| sender.under_way() > 0) {
        poll.poll(&mut events, Some(Duration::from_secs(20)))?;
        if events.is_empty() {
            return Err(format!("{room}: posts are not answered").into());
        }
        for event in &events {
            let sender = &mut senders[event.token().0];
            let answered = sender.read(&mut buffer)?;
            sender.post(answered.min(share - sender.sent()))?;
        }
    }
    Ok(())
}

/// Six to fourteen words, some of them frequent and most of them not, as in any language.
fn message(nth: usize) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "den", "fo", "gri", "hal", "jo", "kem", "lu", "mar", "no", "pel", "qui", "ras", "so", "tun", "vi"];
    const VOCABULARY: f64 = 4096.0;
    let mut state = nth as u64;
    let mut next = || {
        // SplitMix64: the same text in every run.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut text = String::new();
    for _ in 0..6 + next() % 9 {
        // The nth most frequent word is said as often as 1/n: Zipf's law.
        let even = (next() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = VOCABULARY.powf(even) as usize;
        for place in 0..3 {
            text.push_str(SYLLABLES[(rank >> (4 * place)) & 15]);
        }
        text.push(' ');
    }
    if nth % 10 == 3 {
        text.push_str(COMMON);
        text.push(' ');
    }
    if nth % 4000 == 17 {
        text.push_str(RARE);
    }
    text.trim_end().to_owned()
}
