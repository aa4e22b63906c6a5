//! The server's memory for each idle connection that has joined a room with a replay of 50 messages.

use std::time::Duration;

use super::{Fixture, ROOM, furnish};
use crate::bench::Result;
use crate::bench::listeners::Listeners;
use crate::bench::meter::Meter;
use crate::bench::options::Kind;
use crate::bench::results::{Figure, grouped};

/// How long they wait before the memory is read, so that memory for connecting can be freed.
const REST: Duration = Duration::from_secs(4);

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (_site, server) = fixture.fresh(kind, false)?;
    let person = furnish(&server, 60)?;
    // A warm-up: the first connections make the server allocate memory that it keeps.
    let mut first = Listeners::default();
    first.grow(server.address, &person, ROOM, 32)?;
    drop(first);
    std::thread::sleep(Duration::from_secs(1));
    let empty = server.memory();
    figures.push(Figure::less("nobody connected", "memory, MiB", empty as f64 / 1_048_576.0));
    let mut listeners = Listeners::default();
    for &count in fixture.options.waiting() {
        let setting = format!("{} connections", grouped(count));
        let more = count - listeners.len();
        listeners.grow(server.address, &person, ROOM, more)?;
        let meter = Meter::start(&server)?;
        listeners.wait(REST)?;
        let used = meter.stop(&server)?;
        if listeners.open() < listeners.len() {
            return Err(format!("{} connections were lost", listeners.len() - listeners.open()).into());
        }
        let each = server.memory().saturating_sub(empty) as f64 / 1024.0 / listeners.len() as f64;
        figures.push(Figure::less(&setting, "memory a connection, KiB", each));
        figures.push(Figure::about(&setting, "server busy while they wait, %", used.server_busy()));
    }
    server.stop()?;
    Ok(())
}
