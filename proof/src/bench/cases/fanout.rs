//! What delivering costs: to few listeners and to very many, first with 20 messages a second, as a busy room has, then with as many as
//! the server takes.

use std::time::{Duration, Instant};

use super::Stage;
use super::hall::Hall;
use crate::bench::Result;
use crate::bench::meter::{Meter, quantile};
use crate::bench::options::Kind;
use crate::bench::results::{Figure, grouped};
use crate::bench::server::Server;

/// One message in so much time.
const PACE: Duration = Duration::from_millis(50);
/// How long it goes on before it counts.
const WARM: Duration = Duration::from_millis(700);
/// How many stretches a slow server gets to deliver what one person keeps under way.
const PATIENCE: usize = 8;

/// One round.
pub fn measure(stage: &Stage, kind: Kind, figures: &mut Vec<Figure>) -> Result<()> {
    let (_site, server) = stage.fresh(kind, false)?;
    let mut hall = Hall::open(&server)?;
    for &listeners in stage.options.listeners() {
        let setting = format!("{} listeners", grouped(listeners));
        hall.fill(&server, listeners)?;
        let failed = |error| format!("{setting}: {error}");
        figures.extend(paced(&mut hall, &server, stage.options.stretch(), &setting).map_err(failed)?);
        // Fewer under way where each of them is very many deliveries, or the slowest would not come to an end.
        let under_way = if listeners > 1_000 { 8 } else { 32 };
        figures.extend(saturated(&mut hall, &server, under_way, stage.options.stretch(), &setting).map_err(failed)?);
    }
    figures.push(Figure::less("after all that", "memory, MiB", server.memory()? as f64 / 1_048_576.0));
    server.stop()?;
    Ok(())
}

/// One person posts, at a steady pace, whether the answers have come or not.
fn paced(hall: &mut Hall, server: &Server, stretch: Duration, setting: &str) -> Result<Vec<Figure>> {
    // The first few find the way; they are not counted.
    const FIRST: usize = 4;
    let messages = FIRST + (stretch.as_secs_f64() / PACE.as_secs_f64()) as usize;
    let mut sent: Vec<Instant> = Vec::with_capacity(messages);
    let mut took: Vec<u32> = Vec::with_capacity(messages * hall.crowd.len());
    hall.crowd.forget();
    let mut meter = Meter::start(server)?;
    let began = Instant::now();
    for nth in 0..messages {
        if nth == FIRST {
            meter = Meter::start(server)?;
        }
        sent.push(Instant::now());
        hall.senders[0].post(1)?;
        let hear = |nth: usize, now: Instant| note(&mut took, &sent, FIRST, nth, now);
        hall.listen(began + PACE * (nth as u32 + 1), hear, |_, _| Ok(()))?;
    }
    hall.drain(messages, |nth, now| note(&mut took, &sent, FIRST, nth, now))?;
    let used = meter.stop(server)?;
    let deliveries = took.len();
    Ok(vec![
        Figure::less(setting, "paced: p50, ms", f64::from(quantile(&mut took, 500)) / 1e3),
        Figure::less(setting, "paced: p99, ms", f64::from(quantile(&mut took, 990)) / 1e3),
        Figure::less(setting, "paced: max, ms", f64::from(quantile(&mut took, 1000)) / 1e3),
        Figure::less(setting, "paced: CPU a delivery, µs", used.each(deliveries)),
    ])
}

/// Notes how long a message was on its way, in µs. The nth that somebody hears is the nth that was sent.
fn note(took: &mut Vec<u32>, sent: &[Instant], first: usize, nth: usize, now: Instant) {
    if nth >= first
        && let Some(sent) = sent.get(nth)
    {
        took.push(u32::try_from((now - *sent).as_micros()).unwrap_or(u32::MAX));
    }
}

/// Everybody who posts keeps so many posts under way.
pub fn saturated(hall: &mut Hall, server: &Server, under_way: usize, stretch: Duration, setting: &str) -> Result<Vec<Figure>> {
    hall.crowd.forget();
    let before: usize = hall.senders.iter().map(|sender| sender.sent()).sum();
    for sender in &mut hall.senders {
        sender.post(under_way)?;
    }
    hall.listen(Instant::now() + WARM, |_, _| {}, |sender, count| sender.post(count))?;
    hall.senders.iter_mut().for_each(|sender| sender.took.clear());
    let meter = Meter::start(server)?;
    let mut delivered = 0;
    for _ in 0..PATIENCE {
        delivered += hall.listen(Instant::now() + stretch, |_, _| {}, |sender, count| sender.post(count))?;
        if delivered >= under_way * hall.crowd.len() {
            break;
        }
    }
    let used = meter.stop(server)?;
    let mut acknowledged: Vec<_> = hall.senders.iter().flat_map(|sender| sender.took.iter().copied()).collect();
    let messages = hall.senders.iter().map(|sender| sender.sent()).sum::<usize>() - before;
    hall.drain(messages, |_, _| {})?;
    Ok(vec![
        Figure::more(setting, "saturated: deliveries/s", used.rate(delivered)),
        Figure::less(setting, "saturated: CPU a delivery, µs", used.each(delivered)),
        Figure::less(setting, "saturated: acknowledged p99, ms", crate::bench::meter::millis(quantile(&mut acknowledged, 990))),
        Figure::about(setting, "saturated: server busy, %", used.server_busy()),
        Figure::about(setting, "saturated: load busy, %", used.load_busy()),
    ])
}
