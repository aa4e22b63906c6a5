//! Postgres is away: for one node only, or for all.

use crate::infra::process::signal;
use crate::torture::prelude::*;

/// A node trusts what it knows for 15 s.
const LEASE: Duration = Duration::from_secs(15);
/// How long it is cut off, and how long Postgres is down.
const CUT: Duration = Duration::from_secs(20);
const DOWN: Duration = Duration::from_secs(2);
const LIVE: Duration = Duration::from_secs(15);

pub async fn deaf(fixture: Fixture, rounds: u32) -> CaseResult {
    let nodes = Nodes::start(fixture, 2).await;
    let mut load = nodes.gather(2).await;
    let (owner, room) = load.witness();
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        let recovery = load.during(async {
            until_live(&(owner.clone(), room.clone()), LIVE).await;
            let (listening, _) = owner.at(&nodes.all[1]).join(&room).await;
            nodes.databases[1].cut();
            tokio::time::sleep(LEASE + Duration::from_secs(1)).await;
            let before = listening.peek_at("message").len();
            tokio::time::sleep(CUT - LEASE - Duration::from_secs(1)).await;
            assert_eq!(listening.peek_at("message").len(), before, "it delivers messages, and cannot hear of ended access");
            let ready = nodes.all[1].stranger().get("/readyz").await.status;
            assert_eq!(ready, 503, "it is deaf, and ready");
            nodes.databases[1].restore();
            until_well(&nodes.all[1], LIVE).await + until_live(&(owner.at(&nodes.all[1]), room.clone()), LIVE).await
        });
        outcome.recovered(recovery.await);
        let recovery = load.during(async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let postgres = nodes.fixture.postgres();
            // At once, as in a crash.
            signal("QUIT", &postgres.postmaster().to_string()).await;
            tokio::time::sleep(DOWN).await;
            tokio::task::block_in_place(|| postgres.up()).expect("Postgres starts");
            let mut recovery = Duration::ZERO;
            for node in &nodes.all {
                recovery += until_well(node, LIVE).await + until_live(&(owner.at(node), room.clone()), LIVE).await;
            }
            recovery
        });
        outcome.recovered(recovery.await);
    }
    outcome.note(format_args!("a node without Postgres delivers nothing after {} s, and catches up later", LEASE.as_secs()));
    outcome.add(load.gapless_verdict().await);
    Ok(outcome)
}
