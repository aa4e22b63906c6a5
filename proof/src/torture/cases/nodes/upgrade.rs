//! All nodes are replaced, one after the other, behind a balancer.

use crate::faults::balancer::Balancer;
use crate::torture::prelude::*;

pub async fn rolling(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut nodes = Nodes::start(fixture, 3).await;
    let mut load = nodes.gather(1).await;
    let balancer = Balancer::before(nodes.all.iter().map(|node| node.address).collect()).await;
    load.move_to(&balancer);
    let (reader, room) = load.witness();
    let mut outcome = Outcome::default();
    for _ in 0..rounds {
        for nth in 0..nodes.all.len() {
            let before = load.acknowledged();
            let recovery = load.during(async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                nodes.all[nth].signal("TERM").await;
                let ended = nodes.all[nth].end().await;
                assert!(ended.success(), "node {nth} ended with {ended}");
                nodes.start_again(nth).await
            });
            outcome.recovered(recovery.await);
            assert!(load.acknowledged() > before, "nothing was written while node {nth} was replaced");
        }
    }
    for client in &load.clients {
        client.person.get("/settings").await.expect(200);
    }
    reader.get(&format!("/rooms/{room}")).await.expect(200);
    outcome.note(format_args!("{} nodes replaced, one after the other; every session lives", rounds * nodes.all.len() as u32));
    outcome.add(load.gapless_verdict().await);
    Ok(outcome)
}
