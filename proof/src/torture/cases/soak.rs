//! A long run, with misbehaving clients all the time.

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[Case::new("soak", Db::BOTH, 10, 0, |fixture, rounds| Box::pin(soak(fixture, rounds))).about(
    "minutes (one a round) of writing, with clients that read nothing and connections that never enter all the time: memory flat",
)];

/// How fast each writer may post: an hour of messages must fit into the clients' memory too. Writers that are refused reconnect, so people
/// come and go all the time.
const PACE: &str = "20/s";
/// How many clients read nothing, at any time, and for how long each.
const STUCK: usize = 3;
const SHIFT: Duration = Duration::from_secs(50);
/// How many connections never enter the chat, at any time.
const HELD: usize = 50;
const LOOK: Duration = Duration::from_secs(2);
/// How much memory may vary without growth, in MiB: the database's cache fills, the allocator keeps pages.
const SWAY: f64 = 12.0;
/// How much the number of descriptors may vary: connections come and go.
const DESCRIPTORS: usize = 64;

async fn soak(fixture: Fixture, minutes: u32) -> CaseResult {
    let server = fixture.start(&[("POST_RATE", PACE)]).await;
    let mut load = Load::gather(&server, 3).await;
    let (owner, room) = load.witness();
    let people = invited(&server, &owner, &room, "stuck", STUCK).await;
    let mut filler = BufferFiller::register(&server).await;
    for person in &people {
        filler.invite(person).await;
    }
    let before = server.stats();
    let time = Duration::from_secs(60) * minutes;
    let mut outcome = Outcome::default();
    let company = async {
        tokio::select! {
            seen = looking(&server, time) => seen,
            () = shifts(&people, &room, &mut filler) => unreachable!("they never end"),
            () = never_entering(&server) => unreachable!("they never end"),
        }
    };
    let seen = load.during(company).await;
    // In the first quarter caches fill.
    let settled = &seen[seen.len() / 4..];
    let (first, last) = settled.split_at(settled.len() / 2);
    let memory = |part: &[ProcStats]| part.iter().map(ProcStats::mebibytes).fold(0.0, f64::max);
    let descriptors = |part: &[ProcStats]| part.iter().map(|it| it.descriptors).max().unwrap_or_default();
    outcome.note(format_args!(
        "{minutes} min: at most {:.1} MiB and {} descriptors in the first half, {:.1} MiB and {} in the second; {before} before; {:.0} s of \
         processor time",
        memory(first),
        descriptors(first),
        memory(last),
        descriptors(last),
        processor_time(server.id()).as_secs_f64()
    ));
    assert!(memory(last) < memory(first) * 1.1 + SWAY, "memory grows: {:.1} MiB, then {:.1} MiB", memory(first), memory(last));
    assert!(
        descriptors(last) <= descriptors(first) + DESCRIPTORS,
        "descriptors grow: {}, then {}",
        descriptors(first),
        descriptors(last)
    );
    until_gone(&owner, &room, "stuck", Duration::from_secs(60)).await;
    until_released(&server, before.descriptors, Duration::from_secs(60)).await;
    outcome.note(format_args!("afterwards: {}", server.stats()));
    outcome.add(load.verdict().await);
    Ok(outcome)
}

async fn looking(server: &Process, time: Duration) -> Vec<ProcStats> {
    let began = Instant::now();
    let mut seen = Vec::new();
    while began.elapsed() < time {
        tokio::time::sleep(LOOK).await;
        seen.push(server.stats());
    }
    seen
}

/// Clients that read nothing, replaced after a while. By then the server must have cut them.
async fn shifts(people: &[Person], room: &str, filler: &mut BufferFiller) {
    loop {
        let mut sockets: Vec<Socket> = Vec::new();
        for (nth, person) in people.iter().enumerate() {
            let room = if nth == 0 { room } else { &filler.room };
            sockets.push(stuck(person, room, nth).await);
        }
        filler.fill().await;
        tokio::time::sleep(SHIFT).await;
        for socket in &sockets {
            socket.set_reading(true);
            socket.is_cut().await;
        }
    }
}

/// Connections that never enter, reopened when they are closed.
async fn never_entering(server: &Process) {
    join_all((0..HELD).map(|nth| async move {
        loop {
            let stream = connect(server.address, address(nth % 8), None).await.expect("the server accepts");
            let Ok(socket) = Socket::open_on(stream, &server.site, "", None).await else { continue };
            socket.end().await;
        }
    }))
    .await;
}
