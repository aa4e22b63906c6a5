//! How much of the server's memory a connection takes that has joined a room and waits.

use std::time::Duration;

use super::{Meter, ROOM, furnished};
use crate::bench::crowd::Crowd;
use crate::bench::report::{Figure, exact, percent, whole};
use crate::bench::{Options, Result};

/// Long enough for a ping to everybody.
const HOLD: Duration = Duration::from_secs(30);

/// One round.
pub fn measure(options: &Options) -> Result<Vec<Figure>> {
    let (_site, server, person) = furnished(options, 50)?;
    // What the first few connections make the server keep for good is not theirs.
    drop(Crowd::gather(server.address, &person, ROOM, 16)?);
    std::thread::sleep(Duration::from_secs(1));
    let before = server.memory()?;
    let mut crowd = Crowd::gather(server.address, &person, ROOM, options.connections)?;
    std::thread::sleep(Duration::from_secs(2));
    let joined = server.memory()?;
    let meter = Meter::start(&server)?;
    crowd.wait(HOLD)?;
    let used = meter.stop(&server)?;
    let held = server.memory()?;
    if crowd.open() < crowd.len() {
        return Err(format!("{} connections were lost", crowd.len() - crowd.open()).into());
    }
    server.stop()?;
    let each = |after: u64| after.saturating_sub(before) as f64 / 1024.0 / crowd.len() as f64;
    Ok(vec![
        whole("connections", crowd.len() as f64),
        exact("RSS a connection, KiB", each(held)),
        exact("RSS a connection before the first ping, KiB", each(joined)),
        exact("RSS before, MiB", before as f64 / 1048576.0),
        exact("RSS with all, MiB", held as f64 / 1048576.0),
        percent("server busy while they wait, %", used.server, used.time),
    ])
}
