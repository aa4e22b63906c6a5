//! Two clusters share a Redis, and a stranger writes into it.

use crate::torture::prelude::*;

/// How long people write in both.
const WRITING: Duration = Duration::from_secs(3);

pub async fn two_clusters(fixture: Fixture, rounds: u32) -> CaseResult {
    let nodes = Nodes::start(fixture, 2).await;
    let postgres = nodes.fixture.postgres();
    let url = postgres.url(&postgres.create_database().await);
    let redis = nodes.redis.url();
    let settings = [("REDIS_URL", redis.as_str())];
    let others = [nodes.fixture.start_on(&url, &settings).await, nodes.fixture.start_on(&url, &settings).await];
    // People and rooms have the same names and numbers in both.
    let mut load = nodes.gather(1).await;
    let mut other = Load::gather_on(&[&others[0].site, &others[1].site], 1).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        let name = format!("ghost{round}");
        let (ghost, twin) = (nodes.all[0].register(&name).await, others[0].register(&name).await);
        let (here, there) =
            (nodes.all[1].register(&format!("eve{round}")).await, others[1].register(&format!("eve{round}")).await);
        let (here, there) = (Presence::watch(&here, "general").await, Presence::watch(&there, "general").await);
        let (_socket, _) = ghost.join("general").await;
        here.until(&name, true, DEADLINE).await;
        tokio::join!(load.during(tokio::time::sleep(WRITING)), other.during(tokio::time::sleep(WRITING)));
        assert!(there.moves(&name).is_empty(), "one cluster hears who is in the other one");
        drop(twin);
    }
    outcome.add(load.gapless_verdict().await);
    outcome.add(other.gapless_verdict().await);
    Ok(outcome)
}
