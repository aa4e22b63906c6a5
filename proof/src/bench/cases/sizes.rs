//! What longer messages cost: posted to nobody, and delivered to 100 listeners.

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

/// Texts of that length. What their words cost depends on how often one is said again, so they are those of a language, and each
/// post has others than the one before it.
fn texts(length: usize) -> Words {
    Words::InTurn((0..TEXTS).map(|nth| prose::text(nth, length)).collect())
}
