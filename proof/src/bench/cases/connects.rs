//! The cost of connecting and joining with a replay of 50 messages, and of closing the socket again.

use std::time::Instant;

use super::{Fixture, ROOM, furnish};
use crate::bench::meter::{Meter, millis};
use crate::bench::options::Kind;
use crate::bench::results::Figure;
use crate::bench::socket::Socket;
use crate::bench::{Result, on_threads};
use crate::quantile;

const AT_ONCE: usize = 8;
const SETTING: &str = "replay of 50";

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (_site, server) = fixture.fresh(kind, false)?;
    let person = furnish(&server, 60)?;
    // One socket stays, so that the person's presence does not change with each of the others.
    let mut resident = Socket::connect(server.address, &person)?;
    let replay = resident.join(ROOM)?;
    let messages = replay.matches(r#""html":"#).count();
    if messages != 50 {
        return Err(format!("a join replayed {messages} messages").into());
    }
    let enter = || Socket::connect(server.address, &person)?.join(ROOM).map(|replay| replay.len());
    for _ in 0..100 {
        enter()?;
    }
    let meter = Meter::start(&server)?;
    let until = Instant::now() + fixture.options.stretch();
    let took = on_threads(AT_ONCE, |_| {
        let mut took = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            enter()?;
            took.push(began.elapsed());
        }
        Ok(took)
    })?;
    let used = meter.stop(&server)?;
    let mut took = took.concat();
    drop(resident);
    server.stop()?;
    figures.extend([
        Figure::more(SETTING, "connects/s", used.rate(took.len())),
        Figure::less(SETTING, "connected p99, ms", millis(quantile(&mut took, 0.99))),
        Figure::less(SETTING, "CPU a connect, µs", used.each(took.len())),
        Figure::about(SETTING, "server busy, %", used.server_busy()),
        Figure::about(SETTING, "load busy, %", used.load_busy()),
        Figure::about(SETTING, "replay, KiB", replay.len() as f64 / 1024.0),
    ]);
    Ok(())
}
