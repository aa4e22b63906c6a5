//! Frames between nodes are lost, doubled, late, crossed and forged.

use rand::RngExt;

use crate::faults::repeater::Repeater;
use crate::torture::prelude::*;

const ROUND: Duration = Duration::from_secs(6);

pub async fn frames(fixture: Fixture, rounds: u32) -> CaseResult {
    let nodes = Nodes::start(fixture, 3).await;
    let mut load = nodes.gather(1).await;
    let repeater = Repeater::start(&nodes.redis.socket()).await;
    let mut cuts = 0;
    for _ in 0..rounds {
        load.during(async {
            let until = Instant::now() + ROUND;
            while Instant::now() < until {
                let (pause, nth) = (rand::rng().random_range(50..800), rand::rng().random_range(0..nodes.links.len()));
                tokio::time::sleep(Duration::from_millis(pause)).await;
                // What is on its way is lost.
                nodes.links[nth].cut();
                nodes.links[nth].restore();
                cuts += 1;
            }
        })
        .await;
    }
    let mut outcome = Outcome::default();
    assert!(repeater.published() > 0, "no frame was repeated");
    outcome.note(format_args!(
        "{} frames were published again, at once, late, or with a changed bit; connections to Redis were cut {cuts} times",
        repeater.published()
    ));
    outcome.add(load.gapless_verdict().await);
    Ok(outcome)
}
