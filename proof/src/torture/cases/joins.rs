//! Very many rooms, and people who join and leave them very often.

use rand::RngExt;

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("joins", Db::SQLITE, 3, 0, |fixture, rounds| Box::pin(joins(fixture, rounds, ROOMS))).about(
        "10,000 rooms, all joined by everybody, then joins racing leaves and disconnects: bounded, and nobody is left behind",
    ),
    Case::new("join-races", Db::BOTH, 10, 1, |fixture, rounds| Box::pin(joins(fixture, rounds, 20))).about(
        "joins racing leaves, disconnects and leaving for good, in 20 rooms: afterwards nobody counts as there who is not",
    ),
];

const ROOMS: usize = 10_000;
/// How many people join and leave, each with several sockets one after the other.
const PEOPLE: usize = 8;
const SOCKETS: usize = 12;
const EVENTS: usize = 60;
const UNDER_WAY: usize = 64;
/// How much memory a socket's presence in a room may take, in bytes.
const PLACE: f64 = 2_000.0;
/// How long a disconnected person may still count as present.
const KNOWN: Duration = Duration::from_secs(20);

async fn joins(fixture: Fixture, rounds: u32, count: usize) -> CaseResult {
    let server = fixture.start(&[]).await;
    let owner = server.register("host").await;
    let began = Instant::now();
    let mut rooms = Vec::new();
    for first in (0..count).step_by(8) {
        let names: Vec<_> = (first..count.min(first + 8)).map(|nth| format!("Room {nth}")).collect();
        rooms.extend(join_all(names.iter().map(|name| owner.create_room(name, "public"))).await);
    }
    let made = began.elapsed();
    let mut people = Vec::new();
    for nth in 0..PEOPLE {
        people.push(server.register(&format!("person{nth}")).await);
    }
    let mut outcome = Outcome::default();
    outcome.note(format_args!("{count} rooms made in {:.0} s", made.as_secs_f64()));
    // What the first visit to each room writes and caches is not measured.
    everywhere(&people[0], &rooms).await;
    let before = server.stats();
    let mut after_first = None;
    for round in 1..=rounds {
        let mut here = Vec::new();
        for person in people.iter().take(3) {
            here.push(everywhere(person, &rooms).await);
        }
        let full = server.stats();
        let places = (here.len() * rooms.len()) as f64;
        drop(here);
        join_all(people.iter().map(|person| come_and_go(person, &rooms))).await;
        until_released(&server, before.descriptors, KNOWN).await;
        let waited = nobody_is_left(&owner, &rooms).await;
        let empty = server.stats();
        let grown = full.memory.saturating_sub(before.memory) as f64;
        outcome.note(format_args!(
            "round {round}: {:.1} MiB before, {:.1} MiB with everybody in every room, {:.1} MiB afterwards; empty again after {:.1} s",
            before.mebibytes(),
            full.mebibytes(),
            empty.mebibytes(),
            waited.as_secs_f64()
        ));
        assert!(grown < places * PLACE + 64e6, "{:.0} MB for {places} places", grown / 1e6);
        // The allocator keeps memory after the first round; further rounds must add nothing.
        let first = *after_first.get_or_insert(empty.mebibytes());
        assert!(
            empty.mebibytes() < first * 1.2 + 16.0,
            "{:.0} MiB are kept after round {round}, {first:.0} after the first",
            empty.mebibytes()
        );
    }
    Ok(outcome)
}

async fn everywhere(person: &Person, rooms: &[String]) -> Socket {
    let socket = person.socket().await;
    for some in rooms.chunks(UNDER_WAY) {
        let mut pending = Vec::new();
        for room in some {
            pending.push(socket.send("join", json!({ "room": room })).await);
        }
        for one in pending {
            assert_eq!(one.acknowledgement().await["ok"], json!(true));
        }
    }
    socket
}

/// Sockets join and leave at random, and disconnect while answers are in flight.
async fn come_and_go(person: &Person, rooms: &[String]) {
    for _ in 0..SOCKETS {
        let socket = person.socket().await;
        let mut pending = Vec::new();
        for _ in 0..EVENTS {
            let room = &rooms[rand::rng().random_range(0..rooms.len().min(50))];
            let dice = rand::rng().random_range(0..10);
            let event = if dice < 6 { "join" } else { "leave" };
            pending.push(socket.send(event, json!({ "room": room })).await);
            if dice == 9 {
                // The membership ends too, while a join may be in flight.
                let path = format!("/rooms/{room}/leave");
                let patience = Duration::from_millis(rand::rng().random_range(1..20));
                drop(tokio::time::timeout(patience, person.post(&path, &[])).await);
            }
        }
        let is_patient = rand::rng().random_bool(0.5);
        if is_patient {
            let last = pending.pop().expect("some were sent");
            last.within(KNOWN).await;
        }
        drop(socket);
    }
}

/// Polls each room's presence until only the asker is there; returns how long that took.
async fn nobody_is_left(asker: &Person, rooms: &[String]) -> Duration {
    let began = Instant::now();
    let alone = json!({ "count": 1, "users": [asker.username] });
    let socket = asker.socket().await;
    for room in rooms {
        loop {
            let joined = socket.ok("join", json!({ "room": room })).await;
            socket.ok("leave", json!({ "room": room })).await;
            if joined["online"] == alone {
                break;
            }
            assert!(began.elapsed() < KNOWN * 6, "still in {room}: {}", joined["online"]);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    began.elapsed()
}
