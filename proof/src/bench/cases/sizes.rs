//! The cost of longer messages: posted without listeners, and delivered to 100.

use super::posts::Posting;
use super::room_load::RoomLoad;
use super::{Fixture, ROOM, fanout};
use crate::bench::Result;
use crate::bench::options::Kind;
use crate::bench::people;
use crate::bench::prose;
use crate::bench::results::{Figure, grouped};
use crate::bench::sender::Words;

const TEXTS: usize = 64;
const LISTENERS: usize = 100;

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (_site, server) = fixture.fresh(kind, true)?;
    let author = people::register(server.address, "author")?;
    let mut room = RoomLoad::open(&server)?;
    for &length in fixture.options.lengths() {
        let setting = format!("{} characters", grouped(length));
        let mut posting = Posting::open(&server, std::slice::from_ref(&author), &[ROOM.to_owned()], &setting)?;
        posting.say(&texts(length));
        figures.extend(posting.run(&server, 128, fixture.options.stretch(), &setting)?);
    }
    room.fill(&server, LISTENERS)?;
    for &length in fixture.options.lengths() {
        let setting = format!("{} characters", grouped(length));
        room.senders.iter_mut().for_each(|sender| sender.say(texts(length)));
        figures.extend(fanout::saturated(&mut room, &server, 16, fixture.options.stretch(), &setting)?);
    }
    server.stop()?;
    Ok(())
}

/// Texts of that length. The cost of indexing depends on how often words repeat, so they have the frequencies of a language.
fn texts(length: usize) -> Words {
    Words::InTurn((0..TEXTS).map(|nth| prose::text(nth, length)).collect())
}
