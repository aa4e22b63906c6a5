//! Far too much at once: events and log-ins.

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("event-flood", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(event_flood(fixture, rounds))).about(
        "200,000 events from one client, which reads the answers or does not: refused or cut; memory bounded, others served",
    ),
    Case::new("login-flood", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(login_flood(fixture, rounds)))
        .about("500 log-ins at once: at most half of the processors, an answer for each, and those who talk are not held up"),
];

const EVENTS: usize = 200_000;
/// How much memory that may take at its peak, in MiB.
const MEMORY: f64 = 96.0;
const SERVED: Duration = Duration::from_secs(10);
const LOGINS: usize = 500;

async fn event_flood(fixture: Fixture, rounds: u32) -> CaseResult {
    // Ten times the default, because the latency probe posts quickly too.
    let server = fixture.start(&[("POST_RATE", "100/s")]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Eve's", "private").await;
    let calm = latency.measure(Duration::from_secs(2)).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        for is_reading in [true, false] {
            let before = server.stats();
            let ((cuts, peak), latencies) = latency.during(peak_during(&server, flood(&eve, &room, is_reading))).await;
            let what = if is_reading { "reading" } else { "not reading" };
            outcome.note(format_args!(
                "round {round}, {what}: cut {cuts} times; {before}, then {peak}; {latencies} (before: {calm})"
            ));
            assert!(cuts > 0, "nobody stopped a client that sent {EVENTS} events as fast as it could");
            assert!(peak.mebibytes() < before.mebibytes() + MEMORY, "memory under one client's flood: {before}, then {peak}");
            assert!(peak.threads <= before.threads + 64, "{peak}");
            // All clients share two processors with the flood: others are slower, and still served.
            assert!(latencies.share(1.0) < SERVED, "others waited too long: {latencies}");
        }
    }
    Ok(outcome)
}

/// Sends all events as fast as possible, reconnects whenever it is cut, and returns how often that was.
async fn flood(person: &Person, room: &str, is_reading: bool) -> u32 {
    // Cheap ones, expensive ones, and one that does not exist.
    let data = format!(r#"{{"room":"{room}","after":0,"seq":1,"body":"flood","q":"flood","on":true,"emoji":"👍""#);
    let events = ["history", "message", "typing", "join", "sync", "search", "read", "preview", "watch", "nothing"];
    let (mut sent, mut cuts) = (0, 0);
    let began = Instant::now();
    while sent < EVENTS {
        assert!(began.elapsed() < 10 * DEADLINE, "{sent} events were taken in {:?}", began.elapsed());
        let Ok(socket) = person.try_socket().await else { continue };
        socket.set_reading(is_reading);
        while sent < EVENTS && !socket.has_ended() {
            let event = events[sent % events.len()];
            let packet = format!(r#"42/chat,{sent}["{event}",{data},"nonce":"flood-{sent}"}}]"#);
            // The server may cut the connection, or stop reading.
            match tokio::time::timeout(Duration::from_secs(5), socket.is_taken(&packet)).await {
                Ok(true) => sent += 1,
                _ => break,
            }
        }
        cuts += u32::from(sent < EVENTS);
    }
    cuts
}

async fn login_flood(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    server.register("ada").await;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let turns = processors.div_ceil(2) as f64;
    let calm = latency.measure(Duration::from_secs(3)).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        // From many addresses and for many accounts: the throttle for one of them would refuse before a password is hashed.
        let people: Vec<_> = (0..LOGINS).map(|nth| Person::from_address(server.site.clone(), "", Some(address(nth)))).collect();
        let (before, began) = (processor_time(server.id()), Instant::now());
        let flood = join_all(people.iter().enumerate().map(|(nth, person)| async move {
            let name = if nth == 0 { "ada".to_owned() } else { format!("user{round}-{nth}") };
            let form = [("username", name.as_str()), ("password", "not the right one")];
            person.post("/login", &form).await.status
        }));
        let (answers, latencies) = latency.during(flood).await;
        let (took, used) = (began.elapsed(), processor_time(server.id()) - before);
        let count = |status: u16| answers.iter().filter(|it| **it == status).count();
        let (wrong, busy) = (count(401), count(503) + count(429));
        assert_eq!(wrong + busy, LOGINS, "{answers:?}");
        assert!(wrong > 0 && busy > 0, "{wrong} were computed, {busy} refused: either nothing is bounded, or nobody can log in");
        latencies.assert_held(&calm, "log-ins");
        server.log_in("latency").await;
        let share = used.as_secs_f64() / took.as_secs_f64();
        // The other half is the chat's, and the answers'.
        assert!(share < turns + 0.8, "{share:.1} processors under a flood of log-ins");
        outcome.note(format_args!(
            "round {round}: {wrong} verified, {busy} told to come back, in {:.1} s, with {share:.1} processors of {processors}; {latencies} (before: {calm})",
            took.as_secs_f64()
        ));
    }
    Ok(outcome)
}
