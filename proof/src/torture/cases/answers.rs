//! Clients that request much and read little: heavy answers that nobody reads, pages that are read a byte a second, more rooms than fit
//! into memory.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("heavy-answers", Db::BOTH, 3, 1, |fixture, rounds| Box::pin(heavy_answers(fixture, rounds)))
        .about("500 messages as heavy as can be, asked for 200 times by sockets that read nothing, or leave meanwhile: memory bounded, others served, and who reads on gets everything"),
    Case::new("edit-history", Db::BOTH, 3, 1, |fixture, rounds| Box::pin(edit_history(fixture, rounds)))
        .about("a message is edited 220 times, and its history asked for over and over: memory bounded, others do not notice"),
    Case::new("slow-readers", Db::SQLITE, 2, 1, |fixture, rounds| Box::pin(slow_readers(fixture, rounds)))
        .about("pages of a heavy room are asked for by 48 connections that read nothing or a byte a second: memory bounded, and cut after a while"),
    Case::new("many-rooms", Db::BOTH, 3, 1, |fixture, rounds| Box::pin(many_rooms(fixture, rounds)))
        .about("64 rooms of 50 heavy messages are read and joined in turn: what is kept in memory stays within MEMORY_LIMIT"),
];

/// How many messages the heavy room has, and how many in a run of one round.
const MESSAGES: usize = 500;
const FEW_MESSAGES: usize = 120;
const PINNED: usize = 200;
const ASKED: usize = 200;
/// How many sockets of one person ask at the same time.
const SOCKETS: usize = 8;
const HELD: Duration = Duration::from_secs(2);
/// What the server may take, in MiB: half of MEMORY_LIMIT is for answers (256 MB unless it is set), and a little is beyond it.
const TAKEN: u64 = 128 + EXTRA;

async fn heavy_answers(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Heavy", "private").await;
    if rounds > 1 {
        fill(&eve, std::slice::from_ref(&room), MESSAGES, heavy::links).await;
    } else {
        fill(&eve, std::slice::from_ref(&room), FEW_MESSAGES, heavy::escapes).await;
    }
    let (socket, joined) = eve.join(&room).await;
    let last = joined["head"]["seq"].as_i64().expect("a room has a head");
    let mut pinned: Vec<_> = (last + 1 - PINNED as i64..=last).filter(|seq| *seq > 2).collect();
    for pins in pinned.chunks(16) {
        let pending = join_all(pins.iter().map(|seq| socket.send("pin", json!({ "room": room, "seq": seq, "on": true })))).await;
        for one in pending {
            let answer = one.acknowledgement().await;
            assert_eq!(answer["ok"], json!(true), "{}", answer["error"]);
        }
    }
    drop(socket);
    let mut outcome = Outcome::default();

    // A client that pages until the end gets everything.
    let mut reader = Reader::new(&eve, &room).await;
    let (synced, back, forth) = (reader.by_sync().await, reader.backwards().await, reader.forwards().await);
    for (way, seqs) in [("sync", synced), ("history", back), ("pages", forth)] {
        if !is_all(&seqs, last) {
            fail(&mut outcome, format_args!("{way} gave {} messages of {last}", seqs.len()));
        }
    }
    let mut pins = reader.pins().await;
    pins.sort_unstable();
    pinned.sort_unstable();
    if pins != pinned {
        fail(&mut outcome, format_args!("{} of {} pinned messages are listed", pins.len(), pinned.len()));
    }
    reader.settle(&mut outcome);
    drop(reader);

    let calm = latency.measure(Duration::from_secs(2)).await;
    let before = server.stats().memory;
    for round in 1..=rounds {
        let alone = [vec!["sync"], vec!["history"], vec!["pins"], vec!["join"], vec!["join after"]];
        let all = vec!["sync", "history", "pins", "join", "join after"];
        let ways =
            alone.into_iter().map(|events| (events, 1, false)).chain([(vec!["join after"], 1, true), (all, SOCKETS, false)]);
        for (events, sockets, says_goodbye) in ways {
            let asking = async {
                let held = join_all((0..sockets).map(|nth| unread(&eve, &room, &events, nth))).await;
                if says_goodbye {
                    // What it asked for has not been answered, and its line stays full.
                    let leaving = join_all(held.iter().flatten().map(|socket| socket.frame(Frame::Close(None))));
                    tokio::time::timeout(HELD, leaving).await.ok();
                }
                tokio::time::sleep(HELD).await;
                drop(held);
            };
            let ((), cost) = Cost::of(&server, before, &mut latency, asking).await;
            let goodbye = if says_goodbye { ", then goodbye" } else { "" };
            let who = format!("round {round}, {} on {sockets} socket(s){goodbye}", events.join(", "));
            cost.settle(who, &mut outcome, TAKEN, &calm);
        }
    }
    never_panicked(&server);
    Ok(outcome)
}

/// A socket that sends these events in turn and reads no answer.
async fn unread(person: &Person, room: &str, events: &[&str], nth: usize) -> Option<Socket> {
    // A connection that is refused for a while waits for no answers.
    let socket = socket_from(person, address(nth), Some(SMALL)).await.ok()?;
    socket.set_reading(false);
    for number in 0..ASKED {
        let event = events[number % events.len()];
        let (event, data) = match event {
            "sync" => ("sync", json!({ "room": room, "after": 0 })),
            "history" => ("history", json!({ "room": room, "limit": 200 })),
            "join after" => ("join", json!({ "room": room, "after": 0 })),
            event => (event, json!({ "room": room })),
        };
        let packet = format!("42/chat,{number}{}", json!([event, data]));
        // The server may cut the connection, or stop reading.
        if !matches!(tokio::time::timeout(HELD, socket.is_taken(&packet)).await, Ok(true)) {
            break;
        }
    }
    Some(socket)
}

/// How many connections read slowly, and how many people share them.
const READERS: usize = 48;
const PEOPLE: usize = 8;
/// What the server may hold for answers and caches together.
const ANSWERS: &str = "64MB";
/// Few, because each connection's thread keeps up to 5 MiB of what it freed, which would hide what answers take
/// (docs/measurements/allocator-and-lto.md).
const CONNECTIONS: &str = "2";
const GONE: Duration = Duration::from_secs(90);
/// How long they are watched in a run of one round.
const LOOKED_AT: Duration = Duration::from_secs(4);

async fn slow_readers(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[("MEMORY_LIMIT", ANSWERS), ("DATABASE_CONNECTIONS", CONNECTIONS)]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Heavy", "private").await;
    let people = invited(&server, &eve, &room, "slow", PEOPLE).await;
    let grace = invited(&server, &eve, &room, "grace", 1).await;
    // Links make the HTML heavy, escapes the JSON.
    fill(&eve, std::slice::from_ref(&room), FEW_MESSAGES / 2, heavy::links).await;
    fill(&eve, std::slice::from_ref(&room), FEW_MESSAGES, heavy::escapes).await;
    let mut outcome = Outcome::default();
    let calm = latency.measure(Duration::from_secs(2)).await;
    let before = server.stats().memory;
    for round in 1..=rounds {
        for (people, whose) in [(std::slice::from_ref(&eve), "one person"), (&people[..], "several people")] {
            let others = established(server.address.port());
            let mut last = Duration::ZERO;
            let reading = async {
                let began = Instant::now();
                let streams = (0..READERS).map(|nth| slow_reader(&people[nth % people.len()], &room, nth));
                let dripping: Vec<_> = join_all(streams).await.into_iter().map(|stream| tokio::spawn(drip(stream))).collect();
                if rounds > 1 {
                    while established(server.address.port()) > others && began.elapsed() < GONE {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                } else {
                    tokio::time::sleep(LOOKED_AT).await;
                }
                last = began.elapsed();
                dripping.iter().for_each(tokio::task::JoinHandle::abort);
            };
            let ((), cost) = Cost::of(&server, before, &mut latency, reading).await;
            cost.settle(format_args!("round {round}, {READERS} readers of {whose}"), &mut outcome, EXTRA, &calm);
            if rounds > 1 {
                outcome.note(format_args!("the last of them was gone after {:.0} s", last.as_secs_f64()));
                if last >= GONE {
                    fail(&mut outcome, "a client that does not read is never cut");
                }
            }
            // A client with a slow line gets the whole page.
            if let Err(error) = steady_reader(&grace[0], &room).await {
                fail(&mut outcome, format_args!("somebody with a slow line did not get the page: {error}"));
            }
        }
    }
    never_panicked(&server);
    Ok(outcome)
}

async fn slow_reader(person: &Person, room: &str, nth: usize) -> (TcpStream, usize) {
    let mut stream = connect(person.site.address, address(nth % 8), Some(SMALL)).await.expect("the server accepts");
    let accept = if nth.is_multiple_of(2) { "application/json" } else { "text/html" };
    let head = format!(
        "GET /rooms/{room}?limit=200 HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\naccept: {accept}\r\n\r\n",
        person.site.address,
        person.cookies()
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    (stream, nth)
}

/// Half of them read a byte a second; the others read nothing.
async fn drip((mut stream, nth): (TcpStream, usize)) {
    let mut byte = [0];
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if nth % 4 >= 2 && !matches!(stream.read(&mut byte).await, Ok(1)) {
            return;
        }
    }
}

/// Reads a whole page at some 256 KB a second.
async fn steady_reader(person: &Person, room: &str) -> reqwest::Result<()> {
    let asked = person.request(Method::GET, &format!("/rooms/{room}?limit=200")).send();
    let mut response = asked.await?.error_for_status()?;
    let (mut taken, mut paused) = (0, 0);
    while let Some(chunk) = response.chunk().await? {
        taken += chunk.len();
        // Not for ever: other checks find an answer that is too long.
        if taken / (64 << 10) > paused && paused < 16 {
            paused += 1;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
    Ok(())
}

/// How many rooms there are, how many in a run of one round, and how many messages each has.
const ROOMS: usize = 64;
const FEW_ROOMS: usize = 32;
const IN_ROOM: usize = 50;

async fn many_rooms(fixture: Fixture, rounds: u32) -> CaseResult {
    let (count, limit) = if rounds > 1 { (ROOMS, 32) } else { (FEW_ROOMS, 16) };
    let server = fixture.start(&[("MEMORY_LIMIT", &format!("{limit}MB"))]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let (eve, grace) = (server.register("eve").await, server.register("grace").await);
    let calm = latency.measure(Duration::from_secs(2)).await;
    // A light room first, so that the cost of the first visit to any room is not counted.
    let light = eve.create_room("Light", "public").await;
    visit(&server, &eve, &light).await;
    let before = server.stats().memory;
    let mut outcome = Outcome::default();
    let mut rooms = Vec::new();
    for nth in 0..count {
        rooms.push(eve.create_room(&format!("Heavy {nth}"), "public").await);
    }
    let ((), cost) = Cost::of(&server, before, &mut latency, fill(&eve, &rooms, IN_ROOM, heavy::escapes)).await;
    cost.settle(format_args!("{count} rooms written"), &mut outcome, limit + EXTRA, &calm);
    for round in 1..=rounds {
        for person in [&eve, &grace] {
            let visiting = async {
                for room in &rooms {
                    visit(&server, person, room).await;
                }
            };
            let ((), cost) = Cost::of(&server, before, &mut latency, visiting).await;
            cost.settle(format_args!("round {round}, {} everywhere", person.username), &mut outcome, limit + EXTRA, &calm);
        }
    }
    never_panicked(&server);
    Ok(outcome)
}

async fn visit(server: &Process, person: &Person, room: &str) {
    let path = format!("/rooms/{room}");
    for accept in ["text/html", "application/json"] {
        // A kept connection may be closed by the server at this moment: the request is sent again.
        let ask = || Answer::try_of(person.request(Method::GET, &path).header("accept", accept));
        let answer = match ask().await {
            Ok(answer) => answer,
            Err(_) => ask().await.unwrap_or_else(|error| panic!("no answer: {error:?}; {}", server.stderr())),
        };
        assert_eq!(answer.status, 200, "{}", server.stderr());
    }
    let (socket, _) = person.join(room).await;
    socket.ok("history", json!({ "room": room })).await;
}

/// How often the message is edited; the newest revisions are links, which take long to render.
const EDITS: usize = 220;
const LINKS: usize = 20;
/// Over how many sockets and connections its history is requested at the same time, and for how long.
const ASKERS: usize = 4;
const ASKING: Duration = Duration::from_secs(4);

async fn edit_history(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let eve = server.register("eve").await;
    let room = eve.create_room("Edited", "public").await;
    let (socket, _) = eve.join(&room).await;
    let seq = socket.post(&room, &heavy::escapes(0), "first").await["seq"].clone();
    for nth in 1..=EDITS {
        let body = if nth + LINKS > EDITS { heavy::links(nth) } else { heavy::escapes(nth) };
        socket.ok("edit", json!({ "room": room, "seq": seq, "body": body })).await;
    }
    let mut outcome = Outcome::default();
    let calm = latency.measure(Duration::from_secs(2)).await;
    let before = server.stats().memory;
    for round in 1..=rounds {
        let ((), cost) = Cost::of(&server, before, &mut latency, over_and_over(&eve, &room, &seq)).await;
        cost.settle(format_args!("round {round}"), &mut outcome, EXTRA, &calm);
    }
    Ok(outcome)
}

/// Requests the history for a while, as page, JSON and event, over several connections.
async fn over_and_over(eve: &Person, room: &str, seq: &Value) {
    let until = Instant::now() + ASKING;
    let path = format!("/rooms/{room}/{seq}/history");
    let events = join_all((0..ASKERS).map(async |_| {
        let socket = eve.socket().await;
        while Instant::now() < until {
            let mut pending = Vec::new();
            for _ in 0..4 {
                pending.push(socket.send("revisions", json!({ "room": room, "seq": seq })).await);
            }
            for one in pending {
                let answer = one.acknowledgement().await;
                let is_busy = is_refused_for_now(&answer) || answer["error"]["code"] == "unavailable";
                assert!(answer["ok"] == json!(true) || is_busy, "{}", answer["error"]);
            }
        }
    }));
    let pages = join_all((0..ASKERS).map(async |nth| {
        while Instant::now() < until {
            let answer = if nth % 2 == 0 { eve.get(&path).await } else { eve.get_json(&path).await };
            assert!(matches!(answer.status, 200 | 429 | 503), "{}", answer.status);
        }
    }));
    tokio::join!(events, pages);
}
