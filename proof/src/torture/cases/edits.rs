//! A message that is edited over and over, and somebody who reads its history again and again.

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[
    Case::new("edit-history", Db::BOTH, 3, 1, |fixture, rounds| Box::pin(edit_history(fixture, rounds)))
        .about("a message is edited 1,500 times, and its history asked for over and over: short pages of few revisions; others do not notice"),
];

/// How often the message is edited, and how often in one round alone.
const EDITS: usize = 1_500;
const FEW_EDITS: usize = 220;
/// How many revisions a page may hold, and how many are kept at the beginning and at the end.
const PAGE: usize = 20;
const KEPT: usize = 100;
/// Over how many sockets, and over how many connections, it is asked for at once.
const ASKERS: usize = 4;
const ASKED: Duration = Duration::from_secs(4);

async fn edit_history(fixture: Fixture, rounds: u32) -> Played {
    let server = fixture.start(&[]).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let (eve, mallory) = (server.register("eve").await, server.register("mallory").await);
    let room = eve.create_room("Edited", "public").await;
    let (socket, _) = eve.join(&room).await;
    let seq = socket.post(&room, &heavy::escapes(0), "first").await["seq"].clone();
    let edits = if rounds > 1 { EDITS } else { FEW_EDITS };
    // The short run has only so many words that take long to render: those of the newest page.
    let words = |nth| if rounds > 1 || nth + PAGE > FEW_EDITS { heavy::links(nth) } else { heavy::escapes(nth) };
    for nth in 1..=KEPT {
        socket.ok("edit", json!({ "room": room, "seq": seq, "body": words(nth) })).await;
    }
    // From here on in no order: over several sockets, as fast as they go.
    join_all((0..ASKERS).map(async |first| {
        let socket = eve.socket().await;
        for nth in (KEPT + 1 + first..=edits).step_by(ASKERS) {
            socket.ok("edit", json!({ "room": room, "seq": seq, "body": words(nth) })).await;
        }
    }))
    .await;
    let mut outcome = Outcome::default();
    everything(&eve, &room, &seq, &mut outcome).await;
    let other = mallory.join(&room).await.0;
    for before in [Value::Null, json!(1_000_000)] {
        let refused = other.refused("revisions", json!({ "room": room, "seq": seq, "before": before })).await;
        assert_eq!(refused, "forbidden", "somebody else's history is shown");
    }
    let calm = latency.measure(Duration::from_secs(2)).await;
    let before = server.stats().memory;
    for round in 1..=rounds {
        let cost = Cost::of(&server, before, &mut latency, over_and_over(&eve, &room, &seq)).await;
        cost.settle(format_args!("round {round}"), &mut outcome, EXTRA, &calm);
    }
    Ok(outcome)
}

/// All pages, by event: few, short, newest first, and both ends of the history are there.
async fn everything(eve: &Person, room: &str, seq: &Value, outcome: &mut Outcome) {
    let mut reader = Reader::new(eve, room).await;
    let (mut pages, mut versions) = (0, Vec::new());
    let mut before = Value::Null;
    loop {
        let page = reader.ask("revisions", json!({ "room": room, "seq": seq, "before": before })).await;
        let revisions = page["revisions"].as_array().expect("a list");
        if revisions.len() > PAGE {
            return fail(outcome, format_args!("a page has {} revisions", revisions.len()));
        }
        pages += 1;
        versions.extend(revisions.iter().filter_map(|it| it["body"].as_str()?.get(..5)?.parse::<usize>().ok()));
        if page["more"] != json!(true) {
            break;
        }
        before = page["next"].clone();
    }
    outcome.note(format_args!("{} revisions in {pages} pages", versions.len()));
    reader.settle(outcome);
    let oldest: Vec<_> = versions.iter().rev().take(KEPT).copied().collect();
    if versions.len() > 2 * KEPT || !oldest.iter().copied().eq(0..KEPT) {
        fail(outcome, format_args!("{} revisions are kept, of which the oldest are {oldest:?}", versions.len()));
    }
}

/// Asks for the history for a while, as page, as JSON and as event, over several connections at once.
async fn over_and_over(eve: &Person, room: &str, seq: &Value) {
    let until = Instant::now() + ASKED;
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
