//! Clients that stop reading in the middle of a busy room.

use crate::torture::prelude::*;

pub const CASES: &[Case] =
    &[Case::new("stuck-client", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(stuck_client(fixture, rounds))).about(
        "four clients stop reading in a busy room: cut and no longer present within 60 s; memory bounded; others do not notice",
    )];

const STUCK: usize = 4;
const GONE: Duration = Duration::from_secs(60);
/// How much memory each of them may hold, in MiB: what waits for them is bounded in packets.
const MEMORY_EACH: f64 = 16.0;

async fn stuck_client(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let (owner, room) = load.witness();
    let people = invited(&server, &owner, &room, "stuck", STUCK).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let mut outcome = Outcome::default();
    // A warm-up: any load makes the server keep some memory.
    let calm = load.during(latency.measure(Duration::from_secs(5))).await;
    let calm_acks = load.take_latency(0.99);
    for round in 1..=rounds {
        let before = server.stats();
        let (stopped, latencies) = load
            .during(latency.during(async {
                let mut sockets = Vec::new();
                for (nth, person) in people.iter().enumerate() {
                    sockets.push(stuck(person, &room, nth).await);
                }
                let began = Instant::now();
                let (_, most) = peak_during(&server, until_gone(&owner, &room, "stuck", GONE)).await;
                let gone = began.elapsed();
                for socket in &sockets {
                    socket.set_reading(true);
                    socket.is_cut().await;
                }
                (gone, most)
            }))
            .await;
        let (gone, most) = stopped;
        let acks = load.take_latency(0.99);
        let grown = most.mebibytes() - before.mebibytes();
        outcome.note(format_args!(
            "round {round}: gone after {:.1} s; memory {:.0} + {grown:.0} MiB; {latencies} (before: {calm}); p99 of the writers {:.1} ms \
             (before: {:.1} ms)",
            gone.as_secs_f64(),
            before.mebibytes(),
            acks.as_secs_f64() * 1000.0,
            calm_acks.as_secs_f64() * 1000.0,
        ));
        assert!(grown < MEMORY_EACH * STUCK as f64 + 32.0, "memory grew by {grown:.0} MiB for {STUCK} clients that do not read");
        latencies.assert_held(&calm, "clients that do not read");
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}
