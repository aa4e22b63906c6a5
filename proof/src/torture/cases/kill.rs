//! The server's process ends without a warning.

use std::time::Duration;

use rand::RngExt;

use crate::torture::{Case, Db, Load, Outcome, Played, Stage};

/// The cases about it.
pub const CASES: &[Case] = &[Case {
    name: "kill9",
    about: "killed with SIGKILL while people write, at any moment; well again within 5 s each time",
    databases: Db::BOTH,
    rounds: 50,
    short: 5,
    needs: &[],
    run: |stage, rounds| Box::pin(kill9(stage, rounds)),
}];

async fn kill9(stage: Stage, rounds: u32) -> Played {
    let mut server = stage.start(&[]).await;
    let address = server.address;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    let mut quiet = 0;
    for _ in 0..rounds {
        let before = load.acknowledged();
        let moment = Duration::from_millis(rand::rng().random_range(50..600));
        load.during(async {
            // At any moment of the writing: this is no waiting for a result.
            tokio::time::sleep(moment).await;
            server.kill().await;
        })
        .await;
        let (again, recovery) = stage.start_again(address, &[]).await;
        server = again;
        assert!(recovery < Duration::from_secs(5), "well again only after {recovery:?}");
        outcome.recovered(recovery);
        quiet += u32::from(load.acknowledged() == before);
    }
    assert!(quiet <= rounds / 2, "next to nothing was written: this proves little");
    outcome.add(load.verdict().await);
    Ok(outcome)
}
