//! One person who does everything except posting as often as they can, over pages and sockets, one kind of act after the other.

use reqwest::RequestBuilder;

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
Case::new("acts-flood", Db::BOTH, 5, 1, |fixture, rounds| Box::pin(acts_flood(fixture, rounds)))
.about("topics, joins, leaves, admits, levels, markers, paging, searches, @room without end from one person: no more than the limits say is \
            stored or told, memory and others hold")];

/// In MiB, for all of it together.
const MEMORY: u64 = 64;
/// How many members the room has that is called: enough to make it a large one.
const CALLED: usize = 52;
/// How many things are under way at once, by pages and by a socket.
const PAGES: usize = 16;
const EVENTS: usize = 128;

/// What docs/protocol.md allows: how many a minute, and how many at once.
#[derive(Clone, Copy)]
struct Allowed(u32, u32);

impl Allowed {
    fn within(self, time: Duration) -> f64 {
        let Self(minute, burst) = self;
        f64::from(burst) + f64::from(minute) * time.as_secs_f64() / 60.0 + 1.0
    }
}

struct Tally {
    what: &'static str,
    tried: usize,
    done: usize,
    took: Duration,
}

async fn acts_flood(fixture: Fixture, rounds: u32) -> CaseResult {
    let server = fixture.start(&[("ACT_RATE", "60/min"), ("POST_RATE", "off"), ("REGISTRATION_RATE", "off")]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let (eve, grace) = (server.register("eve").await, server.register("grace").await);
    let room = eve.create_room("Fixture", "public").await;
    let (socket, _) = eve.join(&room).await;
    let (witness, _) = grace.join(&room).await;
    let seq = socket.post(&room, "the first of it", "first").await["seq"].clone();
    let large = grace.create_room("Hall", "public").await;
    socket.ok("join", json!({ "room": large })).await;
    let door = grace.create_room("Door", "public").await;
    witness.ok("join", json!({ "room": door })).await;
    let names: Vec<_> = (2..CALLED).map(|nth| format!("member{nth}")).collect();
    for some in names.chunks(8) {
        join_all(some.iter().map(|name| async { server.register(name).await.join(&large).await })).await;
    }
    drop(socket);
    let calm = latency.measure(Duration::from_secs(1)).await;
    let began = Instant::now();
    let flood = everything(&eve, [&room, &large, &door], &seq, rounds as usize);
    let (tallies, cost) = Cost::of(&server, server.stats().memory, &mut latency, flood).await;
    // Events arrive in order: all earlier ones are here, except that presence comes a moment later.
    witness.post(&room, "the end of it", "end").await;
    witness.hears("the end of it").await;
    let told = |event: &str, fits: &dyn Fn(&Value) -> bool| witness.peek_at(event).iter().filter(|it| fits(it)).count();
    let took = began.elapsed();
    let mut outcome = Outcome::default();
    for (Tally { what, tried, done, took }, allowed) in &tallies {
        let most = allowed.within(*took);
        outcome.note(format_args!("{what}: {done} of {tried} done in {:.1} s, {most:.0} allowed", took.as_secs_f64()));
        if *done as f64 > most {
            fail(&mut outcome, format_args!("{what}: {done} done, {most:.0} allowed"));
        }
    }
    let of_kind = |kinds: &[&str]| told("message", &|it| kinds.iter().any(|kind| it["kind"] == *kind));
    let presence = told("presence", &|it| it["user"] == "eve" && it["room"] == json!(room));
    for (what, told, most) in [
        ("topics told", of_kind(&["topic"]), TOPICS.within(took)),
        ("people told to come and go", of_kind(&["joined", "left"]), 2.0 * (ENTERS.within(took) + ADMITS.within(took))),
        ("presence told", presence, 2.0 * (took.as_secs_f64() + 2.0)),
        ("typing told", told("typing", &|_| true), TYPES.within(took)),
        ("names told", told("person", &|_| true), PROFILES.within(took)),
    ] {
        outcome.note(format_args!("{what}: {told}, at most {most:.0}"));
        if told as f64 > most {
            fail(&mut outcome, format_args!("{what}: {told}, at most {most:.0}"));
        }
    }
    outcome.note(format_args!("{cost} (before: {calm})"));
    never_panicked(&server);
    cost.assert_held(&calm, "acts", MEMORY);
    Ok(outcome)
}

const TOPICS: Allowed = Allowed(20, 20);
const PROFILES: Allowed = Allowed(20, 20);
const ENTERS: Allowed = Allowed(60, 60);
const LEAVES: Allowed = Allowed(120, 600);
const ADMITS: Allowed = Allowed(30, 60);
const REMOVALS: Allowed = Allowed(30, 60);
const PINS: Allowed = Allowed(60, 30);
const LEVELS: Allowed = Allowed(60, 60);
const MARKS: Allowed = Allowed(600, 2_500);
const TYPES: Allowed = Allowed(120, 60);
const ROOMS: Allowed = Allowed(30, 30);
const SEARCHES: Allowed = Allowed(60, 30);
const PEOPLE: Allowed = Allowed(240, 120);
const READS: Allowed = Allowed(1_200, 600);
const JOINS: Allowed = Allowed(1_200, 2_500);
/// 20,000 people, and as many again in an hour: all members of the hall except the caller, each time.
const CALLS: Allowed = Allowed((20_000 / 60 / CALLED) as u32 + 1, (20_000 / CALLED) as u32 + 1);

/// Every kind of act, each `rounds` times as often as is enough to reach its limit.
async fn everything(eve: &Person, [room, large, door]: [&str; 3], seq: &Value, rounds: usize) -> Vec<(Tally, Allowed)> {
    let of_room = |path: &str| format!("/rooms/{room}{path}");
    let in_room = |more: Value| {
        let mut data = json!({ "room": room, "seq": seq });
        data.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        data
    };
    let member = |nth: usize| format!("member{}", 2 + nth % (CALLED - 2));
    let topic = |nth| eve.form(&of_room("/settings"), &[("topic", &format!("topic {nth}"))]);
    let admit = |nth| eve.form(&of_room("/members"), &[("username", &member(nth))]);
    let remove = |nth| eve.form(&of_room(&format!("/members/{}/remove", member(nth))), &[]);
    let profile = |nth| eve.form("/settings", &[("name", &format!("Eve the {nth}"))]);
    let create = |nth| eve.form("/rooms", &[("name", &format!("Room {nth}")), ("visibility", "private")]);
    let level = |nth: usize| eve.form(&of_room("/level"), &[("level", ["all", "muted"][nth % 2])]);
    let people = |_| eve.request(Method::GET, "/people?q=member");
    // One after the other, so that each is a change.
    let (entered, left) = enter_and_leave(eve, door, 100 * rounds).await;
    let pin = |nth| ("pin", in_room(json!({ "on": nth % 2 == 0 })));
    let call = |nth| ("message", json!({ "room": large, "body": "@room", "nonce": format!("call-{nth}") }));
    let mark = |nth: usize| (["read", "unread"][nth % 2], in_room(json!({})));
    let search = |nth: usize| ("search", json!({ "q": format!("first it {}", nth % 7), "order": "best" }));
    let read = |nth: usize| match nth % 4 {
        0 => ("history", in_room(json!({ "limit": 50 }))),
        1 => ("sync", in_room(json!({ "after": 0 }))),
        2 => ("watch", json!({})),
        _ => ("mentions", json!({})),
    };
    let join = |nth: usize| (["leave", "join"][nth % 2], in_room(json!({})));
    vec![
        (requests("topics", 150 * rounds, topic).await, TOPICS),
        (requests("admits", 150 * rounds, admit).await, ADMITS),
        (requests("removals", 150 * rounds, remove).await, REMOVALS),
        (requests("profile changes", 100 * rounds, profile).await, PROFILES),
        (requests("rooms made", 100 * rounds, create).await, ROOMS),
        (requests("levels", 150 * rounds, level).await, LEVELS),
        (requests("people looked for", 200 * rounds, people).await, PEOPLE),
        (entered, ENTERS),
        (left, LEAVES),
        (events("pins", eve, room, 200 * rounds, pin).await, PINS),
        (events("calls of a large room", eve, large, 600 * rounds, call).await, CALLS),
        (events("markers", eve, room, 5_000 * rounds, mark).await, MARKS),
        (events("typing", eve, room, 400 * rounds, |_| ("typing", in_room(json!({})))).await, TYPES),
        (events("searches", eve, room, 150 * rounds, search).await, SEARCHES),
        (events("reads", eve, room, 1_500 * rounds, read).await, READS),
        (events("joins and leaves of a socket", eve, room, 8_000 * rounds, join).await, JOINS),
    ]
}

/// Sends requests, some at once.
async fn requests(what: &'static str, tried: usize, request: impl Fn(usize) -> RequestBuilder) -> Tally {
    let (request, mut done, began) = (&request, 0, Instant::now());
    for first in (0..tried).step_by(PAGES) {
        let answers = join_all((first..tried.min(first + PAGES)).map(|nth| answered(move || request(nth)))).await;
        done += answers.iter().filter(|answer| is_done(what, answer)).count();
    }
    Tally { what, tried, done, took: began.elapsed() }
}

/// The answer to a request, as JSON; sent again where its connection had just been closed for being idle.
async fn answered(request: impl Fn() -> RequestBuilder) -> Answer {
    let request = || request().header("accept", "application/json");
    match Answer::try_of(request()).await {
        Ok(answer) => answer,
        Err(_) => Answer::of(request()).await,
    }
}

fn is_done(what: &str, answer: &Answer) -> bool {
    let is_refused = answer.status == 429 || answer.status == 503;
    assert!(is_refused || answer.status < 400, "{what}: {answer:?}");
    assert!(answer.status != 429 || !answer.header("retry-after").is_empty(), "{what}: no Retry-After");
    !is_refused
}

/// Sends events, many at once, and reconnects when cut.
async fn events(
    what: &'static str,
    eve: &Person,
    room: &str,
    tried: usize,
    event: impl Fn(usize) -> (&'static str, Value),
) -> Tally {
    let (mut sent, mut done, began) = (0, 0, Instant::now());
    while sent < tried {
        let socket = eve.socket().await;
        // Refused, too, once there were too many of these.
        let _joined: Value = socket.ask("join", json!({ "room": room })).await;
        while sent < tried && !socket.has_ended() {
            let mut pending = Vec::new();
            for nth in sent..tried.min(sent + EVENTS) {
                let (name, data) = event(nth);
                pending.push(socket.send(name, data).await);
            }
            sent += pending.len();
            for one in pending {
                done += usize::from(one.outcome().await.is_some_and(|answer| is_accepted(what, &answer)));
            }
        }
    }
    Tally { what, tried, done, took: began.elapsed() }
}

fn is_accepted(what: &str, answer: &Value) -> bool {
    assert!(is_refused_for_now(answer) || answer["ok"] == json!(true), "{what}: {answer}");
    answer["ok"] == json!(true)
}

/// Becomes a member by socket and leaves for good by form, in turns.
async fn enter_and_leave(eve: &Person, room: &str, tried: usize) -> (Tally, Tally) {
    let (mut entered, mut left, began) = (0, 0, Instant::now());
    let socket: Socket = eve.socket().await;
    for _ in 0..tried {
        let leave = answered(|| eve.form(&format!("/rooms/{room}/leave"), &[])).await;
        left += usize::from(is_done("leaving for good", &leave));
        entered += usize::from(is_accepted("entering", &socket.ask("join", json!({ "room": room })).await));
    }
    let took = began.elapsed();
    (Tally { what: "entering", tried, done: entered, took }, Tally { what: "leaving for good", tried, done: left, took })
}
