//! A node ends without a warning.

use rand::RngExt;

use crate::torture::prelude::*;

/// Its people are forgotten after 30 s without a report; the nodes look every second, and somebody may have a socket for a second more.
const GONE: Duration = Duration::from_secs(33);

pub async fn kill9(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut nodes = Nodes::start(fixture, 3).await;
    let mut load = nodes.gather(2).await;
    let mut outcome = Outcome::default();
    for round in 0..rounds as usize {
        let (victim, before) = (round % 3, load.acknowledged());
        let [moment, lone, away] =
            [200..700, 1..60, 100..1000].map(|range| Duration::from_millis(rand::rng().random_range(range)));
        let recovery = load.during(async {
            tokio::time::sleep(moment).await;
            if round % 2 == 0 {
                // What it commits from now on is not published.
                nodes.links[victim].cut();
                tokio::time::sleep(lone).await;
            }
            nodes.all[victim].kill().await;
            // The others go on.
            tokio::time::sleep(away).await;
            nodes.links[victim].restore();
            nodes.start_again(victim).await
        });
        outcome.recovered(recovery.await);
        assert!(load.acknowledged() > before, "nothing was written in round {round}: it proves little");
    }
    outcome.add(load.gapless_verdict().await);
    let gone = presence_of_the_dead(&mut nodes).await;
    outcome.note(format_args!("somebody on a killed node is gone from the others after {:.1} s", gone.as_secs_f64()));
    Ok(outcome)
}

async fn presence_of_the_dead(nodes: &mut Nodes) -> Duration {
    let (eve, ghost) = (nodes.all[0].register("eve").await, nodes.all[2].register("ghost").await);
    let watching = Presence::watch(&eve, "general").await;
    let (_socket, _) = ghost.join("general").await;
    watching.until("ghost", true, DEADLINE).await;
    nodes.all[2].kill().await;
    let gone = watching.until("ghost", false, GONE).await;
    watching.moved("ghost", &[true, false]).await;
    gone
}
