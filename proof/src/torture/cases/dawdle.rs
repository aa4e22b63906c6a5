//! Clients that hold a connection and send next to nothing.

use crate::faults::drips::{self, FRAME};
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("slow-drip", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(slow_drip(fixture, rounds)))
        .about("520 clients send heads, bodies and frames a byte a second, or nothing, and never enter: each is closed within 15 s, and others do not notice"),
    Case::new("drip-inside", Db::SQLITE, 1, 0, |fixture, rounds| Box::pin(drip_inside(fixture, rounds)))
        .about("people who are in the chat send a frame a byte a second: gone within 60 s, as whoever answers no ping"),
];

const CLOSED: Duration = Duration::from_secs(15);
/// What a timer and a busy machine may add to that.
const NOTICE: Duration = Duration::from_millis(1500);
/// By when somebody who answers no ping must be gone.
const PINGED: Duration = Duration::from_secs(60);
const EACH: usize = 40;

async fn from(server: &Site, nth: usize) -> tokio::net::TcpStream {
    connect(server.address, address(nth % 8), None).await.expect("the server accepts")
}

async fn slow_drip(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let person = server.register("slow").await;
    let calm = latency.measure(Duration::from_secs(2)).await;
    let mut outcome = Outcome::default();
    let drips = drips::all();
    for round in 1..=rounds {
        let before = server.stats();
        let dripping = join_all(drips.iter().flat_map(|drip| (0..EACH).map(move |nth| (drip, nth))).map(async |(drip, nth)| {
            let raw = drip.begin(from(&server, nth).await, &person).await;
            let (took, _) = raw.drip(drip.piece, 2 * PINGED).await.expect("the server hangs up at all");
            assert!(took < CLOSED + NOTICE, "{}: closed only after {took:?}", drip.what);
            took
        }));
        let (ends, latencies) = latency.during(dripping).await;
        until_released(&server, before.descriptors, Duration::from_secs(5)).await;
        latencies.assert_held(&calm, "slow requests");
        let longest = ends.into_iter().max().unwrap_or_default().as_secs_f64();
        let after = server.stats();
        outcome.note(format_args!(
            "round {round}: the last one closed after {longest:.1} s; {latencies}; {before} before, {after} after"
        ));
    }
    Ok(outcome)
}

async fn drip_inside(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let person = server.register("slow").await;
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        let ends = join_all((0..EACH).map(async |nth| {
            let mut raw = Raw::over(from(&server, nth).await).upgraded(&server, &person.cookies()).await;
            raw.frame(0x81, b"40/chat,").await;
            // One frame that never comes to its end.
            raw.send(&FRAME).await;
            let (took, answer) = raw.drip(b"a", 2 * PINGED).await.expect("the server hangs up at all");
            assert!(answer.contains("40/chat,{"), "they are let in: {answer}");
            took
        }));
        let longest = ends.await.into_iter().max().unwrap_or_default();
        assert!(longest < PINGED, "closed only after {longest:?}");
        outcome.note(format_args!("the last one was cut after {:.1} s", longest.as_secs_f64()));
    }
    Ok(outcome)
}
