//! The cost of deliveries to few and to very many listeners, first with 20 messages a second, as in a busy room, then saturated.

use std::time::{Duration, Instant};

use super::Fixture;
use super::room_load::RoomLoad;
use crate::bench::Result;
use crate::bench::meter::{Meter, millis};
use crate::bench::options::Kind;
use crate::bench::results::{Figure, grouped};
use crate::bench::sender::Sender;
use crate::bench::server::Server;
use crate::quantile;

const PACE: Duration = Duration::from_millis(50);

pub fn measure(fixture: &Fixture, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (_site, server) = fixture.fresh(kind, false)?;
    let mut room = RoomLoad::open(&server)?;
    for &listeners in fixture.options.listeners() {
        let setting = format!("{} listeners", grouped(listeners));
        room.fill(&server, listeners)?;
        let failed = |error| format!("{setting}: {error}");
        figures.extend(paced(&mut room, &server, 2 * fixture.options.stretch(), &setting).map_err(failed)?);
        // Fewer in flight where each is very many deliveries, or the slowest servers would not finish.
        let under_way = if listeners > 1_000 { 8 } else { 32 };
        figures.extend(saturated(&mut room, &server, under_way, fixture.options.stretch(), &setting).map_err(failed)?);
    }
    figures.push(Figure::less("after all that", "memory, MiB", server.memory() as f64 / 1_048_576.0));
    server.stop()?;
    Ok(())
}

/// One person posts at a steady pace, without waiting for answers.
pub fn paced(room: &mut RoomLoad, server: &Server, stretch: Duration, setting: &str) -> Result<Vec<Figure>> {
    // A warm-up, which is not counted.
    const FIRST: usize = 4;
    let messages = FIRST + (stretch.as_secs_f64() / PACE.as_secs_f64()) as usize;
    let mut sent: Vec<Instant> = Vec::with_capacity(messages);
    let mut took: Vec<u32> = Vec::with_capacity(messages * room.listeners.len());
    room.listeners.forget();
    let mut meter = Meter::start(server)?;
    let began = Instant::now();
    for nth in 0..messages {
        if nth == FIRST {
            meter = Meter::start(server)?;
        }
        sent.push(Instant::now());
        room.senders[0].post(1)?;
        let hear = |nth: usize, now: Instant| note(&mut took, &sent, FIRST, nth, now);
        room.listen(began + PACE * (nth as u32 + 1), hear, |_, _| Ok(()))?;
    }
    room.drain(messages, |nth, now| note(&mut took, &sent, FIRST, nth, now))?;
    let used = meter.stop(server)?;
    let deliveries = took.len();
    Ok(vec![
        Figure::less(setting, "paced: p50, ms", f64::from(quantile(&mut took, 0.5)) / 1e3),
        Figure::less(setting, "paced: p99, ms", f64::from(quantile(&mut took, 0.99)) / 1e3),
        Figure::less(setting, "paced: max, ms", f64::from(quantile(&mut took, 1.0)) / 1e3),
        Figure::less(setting, "paced: CPU a delivery, µs", used.each(deliveries)),
    ])
}

/// Notes how long a message took, in µs. The nth that a listener receives is the nth that was sent.
fn note(took: &mut Vec<u32>, sent: &[Instant], first: usize, nth: usize, now: Instant) {
    if nth >= first
        && let Some(sent) = sent.get(nth)
    {
        took.push(u32::try_from((now - *sent).as_micros()).unwrap_or(u32::MAX));
    }
}

/// Each sender keeps `under_way` posts in flight. It counts from the first post until the last listener has the last message, so that no
/// message is counted in part.
pub fn saturated(
    room: &mut RoomLoad,
    server: &Server,
    under_way: usize,
    stretch: Duration,
    setting: &str,
) -> Result<Vec<Figure>> {
    room.listeners.forget();
    let sent = |room: &RoomLoad| room.senders.iter().map(Sender::sent).sum::<usize>();
    let before = sent(room);
    room.senders.iter_mut().for_each(|sender| {
        sender.took.clear();
        sender.places.clear();
    });
    let meter = Meter::start(server)?;
    let began = Instant::now();
    let mut last = began;
    // The message's index and when it came, in µs; small, because the floor delivers fifty million in a stretch.
    let mut heard: Vec<(u32, u32)> = Vec::new();
    for sender in &mut room.senders {
        sender.post(under_way)?;
    }
    let mut hear = |nth, now| {
        last = now;
        heard.push((nth as u32, (now - began).as_micros() as u32));
    };
    let mut delivered = room.listen(began + stretch, &mut hear, |sender, count| sender.post(count))?;
    let messages = sent(room) - before;
    delivered += room.drain(messages, &mut hear)?;
    let used = meter.stop(server)?;
    let took = last - began;
    // The nth message that a listener received is the nth of the room.
    let mut posted: Vec<_> = room.senders.iter().flat_map(|sender| sender.places.iter().copied()).collect();
    posted.sort_unstable();
    let sent: Vec<_> = posted.into_iter().map(|(_, sent)| (sent - began).as_micros() as u32).collect();
    let mut on_the_way: Vec<_> =
        heard.iter().filter_map(|&(nth, at)| sent.get(nth as usize).map(|sent| at.saturating_sub(*sent))).collect();
    let mut acknowledged: Vec<_> = room.senders.iter().flat_map(|sender| sender.took.iter().copied()).collect();
    Ok(vec![
        Figure::more(setting, "saturated: deliveries/s", delivered as f64 / took.as_secs_f64()),
        Figure::less(setting, "saturated: CPU a delivery, µs", used.each(delivered)),
        Figure::less(setting, "saturated: acknowledged p99, ms", millis(quantile(&mut acknowledged, 0.99))),
        Figure::less(setting, "saturated: p50, ms", f64::from(quantile(&mut on_the_way, 0.5)) / 1e3),
        Figure::less(setting, "saturated: p99, ms", f64::from(quantile(&mut on_the_way, 0.99)) / 1e3),
        Figure::less(setting, "saturated: max, ms", f64::from(quantile(&mut on_the_way, 1.0)) / 1e3),
        Figure::about(setting, "saturated: server busy, %", used.server_busy()),
        Figure::about(setting, "saturated: load busy, %", used.load_busy()),
    ])
}
