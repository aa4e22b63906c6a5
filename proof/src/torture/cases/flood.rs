//! Far too much at once: events, log-ins, connections.

use std::path::Path;

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("event-flood", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(event_flood(fixture, rounds))).about(
        "200,000 events from one client, which reads the answers or does not: refused or cut; memory bounded, others served",
    ),
    Case::new("login-flood", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(login_flood(fixture, rounds)))
        .about("500 log-ins at once: at most half of the processors, an answer for each, and those who talk are not held up"),
    Case::new("descriptors", Db::BOTH, 5, 1, |fixture, rounds| Box::pin(descriptors(fixture, rounds))).about(
        "600 connections where only 256 descriptors may be open: who is in goes on, and once they are gone others are let in",
    ),
];

const EVENTS: usize = 200_000;
/// How much memory that may take, in MiB, for good and for a moment.
const MEMORY: f64 = 96.0;
const SERVED: Duration = Duration::from_secs(10);
const LOGINS: usize = 500;
const CONNECTIONS: usize = 600;
const DESCRIPTORS: u32 = 256;

async fn event_flood(fixture: Fixture, rounds: u32) -> Played {
    // Ten times what each may post by default, because those who talk are quick, too.
    let server = fixture.start(&[("POST_RATE", "100/s")]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Eve's", "private").await;
    let calm = latency.measure(Duration::from_secs(2)).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        for is_reading in [true, false] {
            let before = server.stats();
            let ((cuts, most), latencies) = latency.during(peak_during(&server, flood(&eve, &room, is_reading))).await;
            let grown = most.mebibytes() - before.mebibytes();
            outcome.note(format_args!(
                "round {round}, {}: cut {cuts} times; memory {:.0} + {grown:.0} MiB, {} threads; {latencies} (before: {calm})",
                if is_reading { "reading" } else { "not reading" },
                before.mebibytes(),
                most.threads,
            ));
            assert!(cuts > 0, "nobody stopped a client that sent {EVENTS} events as fast as it could");
            assert!(grown < MEMORY, "memory grew by {grown:.0} MiB under one client's flood");
            assert!(most.threads <= before.threads + 64, "{} threads", most.threads);
            // All on two processors, with the one who floods: slower, and served all the same.
            assert!(latencies.share(1.0) < SERVED, "others waited too long: {latencies}");
        }
    }
    Ok(outcome)
}

/// Sends them all, as fast as they go out; comes back whenever it is cut. How often it was.
async fn flood(person: &Person, room: &str, is_reading: bool) -> u32 {
    // What they ask for: cheap ones, dear ones, ones that are no events at all.
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
            // A server that has had enough may cut, or just not read on: either is an end.
            match tokio::time::timeout(Duration::from_secs(5), socket.is_taken(&packet)).await {
                Ok(true) => sent += 1,
                _ => break,
            }
        }
        cuts += u32::from(sent < EVENTS);
    }
    cuts
}

async fn login_flood(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    server.register("ada").await;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let turns = processors.div_ceil(2) as f64;
    let calm = latency.measure(Duration::from_secs(3)).await;
    let mut outcome = Outcome::default();
    for round in 1..=rounds {
        // From many addresses and for many accounts: whoever tries one too often is told so before anything is computed.
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

async fn descriptors(fixture: Fixture, rounds: u32) -> Played {
    let limited = async |listen: &str| {
        let script = format!("ulimit -S -n {DESCRIPTORS} && exec \"$1\"");
        let program = fixture.program.to_str().expect("a plain path");
        Process::start(Path::new("sh"), &["-c", &script, "sh", program], fixture.folder(), fixture.url(), &[("LISTEN", listen)])
            .await
    };
    let server = limited("127.0.0.1:0").await;
    let mut load = Load::gather(&server, 3).await;
    let (owner, _) = load.witness();
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        // They have their sockets before there are no more.
        let talked = load.during(async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let (mut held, mut missed) = (Vec::new(), 0);
            for nth in 0..CONNECTIONS {
                // The system takes them in for the server, up to a point.
                let connecting = connect(server.address, address(nth % 4), None);
                match tokio::time::timeout(Duration::from_secs(1), connecting).await {
                    Ok(Ok(stream)) => held.push(stream),
                    _ => missed += 1,
                }
                if missed > 1 {
                    break;
                }
            }
            // For so long nobody else is let in, though people in the room go on.
            tokio::time::sleep(Duration::from_secs(2)).await;
            (held.len(), server.stats().descriptors)
        });
        let (held, full) = talked.await;
        assert!(full >= DESCRIPTORS as usize - 8, "only {full} descriptors were open");
        let back = until_well(&server, DEADLINE).await;
        outcome.recovered(back);
        let socket = socket_from(&owner, address(0), None).await;
        assert!(socket.is_ok(), "nobody is let in afterwards: {socket:?}");
        outcome.note(format_args!("{held} connections were held, {full} descriptors open"));
    }
    let asked = owner.request(Method::GET, "/rooms").send().await;
    assert!(asked.is_ok_and(|answer| answer.status() == 200) && is_well(&server).await);
    outcome.add(load.verdict().await);
    Ok(outcome)
}
