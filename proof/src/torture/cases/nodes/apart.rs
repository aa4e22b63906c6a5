//! Two clusters share a Redis, and a stranger writes into it.

use crate::faults::repeater::Repeater;
use crate::infra::process::run;
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
    // Each cluster's frames are published to the other one as well.
    let forger = Repeater::across(&nodes.redis.socket()).await;
    let fixture = &nodes.fixture;
    run(&fixture.program, fixture.folder(), &["user", "add", "root", "--admin"], &[("DATABASE_URL", fixture.url())], PASSWORD)
        .await;
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
    let refused = refused(&nodes.all[0].log_in("root").await, forger.published() / 4).await;
    outcome.note(format_args!(
        "{} frames were published to the other cluster; each node refused {refused} or more",
        forger.published()
    ));
    outcome.add(load.gapless_verdict().await);
    outcome.add(other.gapless_verdict().await);
    Ok(outcome)
}

/// Waits until each node of a cluster has refused so many frames, and returns the smallest number.
async fn refused(admin: &Person, least: u64) -> u64 {
    let began = Instant::now();
    loop {
        let nodes = admin.get_json("/admin/nodes").await.expect(200).json();
        let counts = nodes["nodes"].as_array().expect("a list").iter().filter_map(|node| node["frames_refused"].as_u64());
        let refused = counts.min().unwrap_or(0);
        if refused > 0 && refused >= least {
            return refused;
        }
        assert!(began.elapsed() < DEADLINE, "a node refused {refused} frames of {least} or more: {nodes}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
