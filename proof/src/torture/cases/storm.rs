//! Very many connections: all reconnect at once, or all are idle.

use futures_util::stream::{self, StreamExt};

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("reconnect-storm", Db::BOTH, 3, 0, |fixture, rounds| Box::pin(reconnect_storm(fixture, rounds)))
        .about("the server is killed and 2,000 clients come back at once: all are in again within 60 s, and no password is hashed for it"),
    Case::new("idle-10000", Db::SQLITE, 2, 0, |fixture, rounds| Box::pin(idle(fixture, rounds)))
        .about("10,000 people sit in a room from 20 addresses: memory for each is bounded, log-in works, those who talk are served"),
];

const STORM: usize = 2_000;
const IN: Duration = Duration::from_secs(60);
/// How many are idle, and from how many addresses: as many as each may have by default.
const IDLE: usize = 10_000;
const ADDRESSES: usize = 20;
const AT_ONCE: usize = 64;
/// Long enough for two pings to everybody.
const HOLD: Duration = Duration::from_secs(60);
/// How much memory each may take, in KiB.
const MEMORY_EACH: f64 = 40.0;
const ACCOUNTS: usize = 20;

/// Some accounts, and the processor time of one log-in.
async fn accounts(server: &Process) -> (Vec<Person>, Duration) {
    let mut people = Vec::new();
    for nth in 0..ACCOUNTS {
        people.push(server.register(&format!("person{nth}")).await);
    }
    let before = processor_time(server.id());
    for person in &people {
        server.log_in(&person.username).await;
    }
    let spent = processor_time(server.id()) - before;
    (people, spent / ACCOUNTS as u32)
}

/// Connects and joins; returns how often it had to try.
async fn come_back(person: &Person, nth: usize) -> (Socket, u32) {
    let mut tries = 1;
    loop {
        if let Ok(socket) = socket_from(person, address(nth % ADDRESSES), None).await
            && let Some(joined) = socket.send("join", json!({ "room": "general" })).await.within(IN).await
            && joined["ok"] == json!(true)
        {
            return (socket, tries);
        }
        // As the official clients do, but sooner.
        tokio::time::sleep(Duration::from_millis(500)).await;
        tries += 1;
    }
}

async fn reconnect_storm(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut server = fixture.start(&[]).await;
    let address = server.address;
    let (people, log_in) = accounts(&server).await;
    let mut sockets: Vec<_> = stream::iter(0..STORM)
        .map(|nth| come_back(&people[nth % ACCOUNTS], nth))
        .buffer_unordered(AT_ONCE)
        .map(|(socket, _)| socket)
        .collect()
        .await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        server.kill().await;
        for socket in &sockets {
            socket.is_cut().await;
        }
        drop(sockets);
        let (again, _) = fixture.start_again(address, &[]).await;
        server = again;
        let (began, before) = (Instant::now(), processor_time(server.id()));
        let storm = join_all((0..STORM).map(|nth| come_back(&people[nth % ACCOUNTS], nth)));
        let back = tokio::time::timeout(IN, storm).await.expect("everybody is in again in time");
        let (took, spent) = (began.elapsed(), processor_time(server.id()) - before);
        outcome.recovered(took);
        let each = spent / STORM as u32;
        let tries = back.iter().map(|(_, tries)| *tries).max().unwrap_or_default();
        outcome.note(format_args!(
            "round {round}: {STORM} back after {:.1} s, in at most {tries} tries; {:.1} ms of processor time each, where a log-in takes {:.1} ms; {}",
            took.as_secs_f64(),
            each.as_secs_f64() * 1000.0,
            log_in.as_secs_f64() * 1000.0,
            server.stats()
        ));
        assert!(each < log_in / 2, "{each:?} each: somebody's password was hashed ({log_in:?})");
        sockets = back.into_iter().map(|(socket, _)| socket).collect();
    }
    Ok(outcome)
}

async fn idle(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let (people, _) = accounts(&server).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let calm = latency.measure(Duration::from_secs(3)).await;
    let at_first = server.stats();
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        let before = server.stats();
        let began = Instant::now();
        let coming = stream::iter(0..IDLE).map(|nth| come_back(&people[nth % ACCOUNTS], nth)).buffer_unordered(AT_ONCE);
        let sockets: Vec<_> = coming.map(|(socket, _)| socket).collect().await;
        let came = began.elapsed();
        let ((), latencies) = latency.during(tokio::time::sleep(HOLD)).await;
        let there = sockets.iter().filter(|socket| !socket.has_ended()).count();
        assert_eq!(there, IDLE, "the others were cut");
        let with_all = server.stats();
        // The allocator reuses what it kept of the round before: it counts once.
        let each = (with_all.mebibytes() - at_first.mebibytes()) * 1024.0 / IDLE as f64;
        let log_in = Instant::now();
        server.log_in("person0").await;
        let log_in = log_in.elapsed();
        outcome.note(format_args!(
            "round {round}: {IDLE} came in {:.0} s; {each:.1} KiB each ({at_first}; then {with_all}); a log-in took {:.0} ms; {latencies} (before: {calm})",
            came.as_secs_f64(),
            log_in.as_secs_f64() * 1000.0
        ));
        assert!(each < MEMORY_EACH, "{each:.1} KiB for each connection");
        assert!(log_in < Duration::from_secs(5), "a log-in took {log_in:?}");
        latencies.assert_held(&calm, "idle connections");
        drop(sockets);
        let gone = until_released(&server, before.descriptors, Duration::from_secs(30)).await;
        outcome.note(format_args!("all forgotten {:.1} s after they left: {}", gone.as_secs_f64(), server.stats()));
    }
    Ok(outcome)
}
