//! What it costs to connect and to enter a room that replays 50 messages; each socket is closed again, which is counted too.

use std::thread;

use super::{Meter, ROOM, furnished};
use crate::bench::report::{Figure, exact, percent, whole};
use crate::bench::socket::Socket;
use crate::bench::{Options, Result};

/// One round.
pub fn measure(options: &Options) -> Result<Vec<Figure>> {
    let (_site, server, person) = furnished(options, 60)?;
    // One socket stays, so that the person does not come and go with each of the others.
    let mut resident = Socket::connect(server.address, &person)?;
    let replay = resident.join(ROOM)?;
    let messages = replay.matches(r#""html":"#).count();
    if messages != 50 {
        return Err(format!("a join replayed {messages} messages").into());
    }
    let share = options.joins / options.parallel;
    let meter = Meter::start(&server)?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..options.parallel)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    for _ in 0..share {
                        Socket::connect(server.address, &person)?.join(ROOM)?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a joining thread panicked"))
    })?;
    let used = meter.stop(&server)?;
    drop(resident);
    let joins = (share * options.parallel) as f64;
    server.stop()?;
    Ok(vec![
        whole("joins/s", joins / used.time.as_secs_f64()),
        whole("server CPU a join, µs", used.server.as_secs_f64() * 1e6 / joins),
        percent("server busy, %", used.server, used.time),
        percent("load program busy, %", used.load, used.time),
        exact("replay, KiB", replay.len() as f64 / 1024.0),
    ])
}
