//! How many posts a second are committed and acknowledged with slower disks: a server that syncs for each post depends on the disk.

use std::time::Duration;

use super::posts::Posting;
use super::{Fixture, ROOM};
use crate::bench::Result;
use crate::bench::options::Kind;
use crate::bench::people;
use crate::bench::results::Figure;
use crate::infra::programs::Program;

/// How much longer each sync takes, in microseconds.
const LONGER: [u64; 4] = [0, 300, 1_000, 3_000];
/// People, and the posts of each that are in flight.
const PEOPLE: usize = 16;
const EACH: usize = 8;

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    if !Program::Strace.is_here() {
        return Err("it takes strace, and leave to use it".into());
    }
    for longer in LONGER {
        let setting = match longer {
            0 => "the disk as it is".to_owned(),
            longer => format!("each sync {} ms longer", longer as f64 / 1000.0),
        };
        let site = fixture.field.site(kind)?;
        let site = if longer == 0 { site } else { site.with_slow_disk(Duration::from_micros(longer)) };
        let server = site.start()?;
        let people: Vec<_> =
            (0..PEOPLE).map(|nth| people::register(server.address, &format!("sender{nth}"))).collect::<Result<_>>()?;
        let mut posting = Posting::open(&server, &people, &[ROOM.to_owned()], &setting)?;
        let seen = posting.run(&server, EACH, fixture.options.stretch(), &setting)?;
        figures.extend(seen.into_iter().filter(|figure| !figure.name.contains("CPU")));
        server.stop()?;
    }
    Ok(())
}
