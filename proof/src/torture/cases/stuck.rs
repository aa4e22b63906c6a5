//! Clients that stop reading in the middle of a busy room.

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("stuck-client", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(stuck_client(fixture, rounds))).about(
        "four clients stop reading in a busy room: cut and no longer present within 60 s; memory bounded; others do not notice",
    ),
    Case::new("stop-with-stuck-reader", Db::BOTH, 10, 0, |fixture, rounds| Box::pin(stop_with_stuck_reader(fixture, rounds)))
        .about("SIGTERM while clients have stopped reading and others write: it exits with 0 within 10 s, and nothing is lost"),
];

const STUCK: usize = 4;
const GONE: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(10);
/// What waits in the network alone for those who do not read, at the least; the rest waits in the server.
const WAITING: u64 = 1_000_000;
/// How much memory each of them may hold at the most: what waits for them is bounded in packets.
const MEMORY_EACH: f64 = 16.0;

async fn stuck_client(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let mut load = Load::gather(&server, 3).await;
    let (owner, room) = load.witness();
    let people = invited(&server, &owner, &room, "stuck", STUCK).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let mut outcome = Outcome::default();
    // Once for the memory that any load makes the server keep.
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

async fn stop_with_stuck_reader(fixture: Fixture, rounds: u32) -> Played {
    let mut server = fixture.start(&[]).await;
    let address = server.address;
    let mut load = Load::gather(&server, 3).await;
    let (owner, room) = load.witness();
    let people = invited(&server, &owner, &room, "stuck", STUCK).await;
    let mut loud = Loud::begin(&server).await;
    for person in &people {
        loud.invite(person).await;
    }
    let mut outcome = Outcome::default();
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let ending = load.during(async {
            let mut sockets = Vec::new();
            for (nth, person) in people.iter().enumerate() {
                sockets.push(stuck(person, &loud.room, nth).await);
            }
            // Each other time they have just stopped; else all that is on the way to them is full.
            if round % 2 == 0 {
                loud.shout().await;
                let waiting = unsent(server.address.port());
                assert!(waiting > WAITING, "only {waiting} bytes wait for those who do not read");
            }
            let began = Instant::now();
            server.signal("TERM").await;
            let status = server.end().await;
            (status, began.elapsed())
        });
        let (status, took) = ending.await;
        assert_eq!(status.code(), Some(0), "it ended with {status}: {}", server.stderr());
        assert!(took < END, "it took {took:?} to stop");
        longest = longest.max(took);
        let (again, recovery) = fixture.start_again(address, &[]).await;
        server = again;
        loud.come_back().await;
        outcome.recovered(recovery);
    }
    outcome.note(format_args!("the longest stop took {:.1} s", longest.as_secs_f64()));
    outcome.add(load.verdict().await);
    Ok(outcome)
}
