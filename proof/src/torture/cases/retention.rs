//! What has expired is deleted while people write, and the server is killed.

use std::net::SocketAddr;

use rand::RngExt;

use crate::torture::head;
use crate::torture::prelude::*;

pub const CASES: &[Case] = &[Case::new("retention", Db::BOTH, 20, 2, |fixture, rounds| Box::pin(retention(fixture, rounds))).about(
    "thousands of messages have expired, and the server is killed with SIGKILL while it deletes them and people write: each is deleted once, nothing else is, and others hardly notice",
)];

/// How many messages expire at a time.
const OLD: usize = 2_000;

const RETENTION: &[(&str, &str)] = &[("RETENTION", "messages=1h")];

/// How many messages still have to go.
const LEFT: &str = "select count(*) from messages where created_at < 1000000 and deleted_at is null";

async fn retention(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut server = fixture.start(&[]).await;
    let address = server.address;
    let mut load = Load::gather(&server, 3).await;
    let owner = server.register("archivist").await;
    let mut outcome = Outcome::default();
    // Undisturbed, with somebody who measures.
    let room = owner.create_room("Old 0", "private").await;
    let before = grow_old(&fixture, &mut server, &owner, &room).await;
    let mut latency = LatencyProbe::begin(&server).await;
    let calm = latency.measure(Duration::from_secs(2)).await;
    server.kill().await;
    server = start_later(&fixture, address, RETENTION).await.0;
    latency = LatencyProbe::resume(&server).await;
    let began = Instant::now();
    let ((), latencies) = latency.during(load.during(until_all_are_gone(&fixture))).await;
    latencies.assert_held(&calm, "while it deleted");
    let took = began.elapsed().as_secs_f64();
    outcome
        .note(format_args!("{OLD} messages were deleted in {took:.1} s, under load; others waited {latencies} (before: {calm})"));
    drop(latency);
    all_were_deleted_once(&server, &room, before).await;
    // And with kills.
    for round in 1..=rounds {
        let room = owner.create_room(&format!("Old {round}"), "private").await;
        let before = grow_old(&fixture, &mut server, &owner, &room).await;
        server.kill().await;
        server = start_later(&fixture, address, RETENTION).await.0;
        let moment = Duration::from_millis(rand::rng().random_range(200..1_500));
        load.during(async {
            // At a random moment: this does not wait for a result.
            tokio::time::sleep(moment).await;
            server.kill().await;
        })
        .await;
        let left = fixture.count(LEFT).await;
        let (again, recovery) = start_later(&fixture, address, RETENTION).await;
        server = again;
        outcome.recovered(recovery);
        load.during(until_all_are_gone(&fixture)).await;
        all_were_deleted_once(&server, &room, before).await;
        outcome.note(format_args!("round {round}: {left} were left at the kill"));
    }
    outcome.add(load.verdict().await);
    Ok(outcome)
}

/// Starts the server as if three minutes had passed: on Postgres, what a killed one had claimed is for others only after its time.
async fn start_later(fixture: &Fixture, address: SocketAddr, settings: &[(&str, &str)]) -> (Process, Duration) {
    fixture.change("delete from meta where key = 'retention'").await;
    fixture.start_again(address, settings).await
}

/// Fills a room with messages, and makes them as old as can be; the room's last `rev`.
async fn grow_old(fixture: &Fixture, server: &mut Process, owner: &Person, room: &str) -> i64 {
    let rooms = [room.to_owned()];
    let owner = server.log_in(&owner.username).await;
    heavy::fill(&owner, &rooms, OLD, |nth| format!("a word of old, {nth}")).await;
    let (socket, _) = owner.join(room).await;
    let before = head(&socket, room).await;
    let address = server.address;
    server.kill().await;
    fixture.change("update messages set created_at = seq where room_id in (select id from rooms where name like 'Old %')").await;
    *server = start_later(fixture, address, &[]).await.0;
    before
}

async fn until_all_are_gone(fixture: &Fixture) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let left = fixture.count(LEFT).await;
        if left == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{left} messages are still there that have expired");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What somebody gets who was away meanwhile: one change for each message.
async fn all_were_deleted_once(server: &Process, room: &str, before: i64) {
    let owner = server.log_in("archivist").await;
    let (socket, _) = owner.join(room).await;
    let all = history(&owner, room).await;
    for (nth, message) in all.iter().enumerate() {
        assert_eq!(message["seq"], nth + 1, "the log has a gap");
        assert_eq!((&message["body"], message["deleted_at"].is_null()), (&json!(""), false), "{message}");
    }
    assert!(all.len() >= OLD, "{} of {OLD} messages are in the log", all.len());
    let now = head(&socket, room).await;
    assert_eq!(now, before + all.len() as i64, "the {} messages took another number of changes", all.len());
}
