//! The server's process ends without a warning.

use rand::RngExt;

use crate::torture::prelude::*;

pub const CASES: &[Case] = &[Case::new("kill9", Db::BOTH, 50, 5, |fixture, rounds| Box::pin(kill9(fixture, rounds)))
    .about("killed with SIGKILL while people write, at any moment; well again within 5 s each time")];

async fn kill9(fixture: Fixture, rounds: u32) -> CaseResult {
    let mut server = fixture.start(&[]).await;
    let address = server.address;
    let mut load = Load::gather(&server, 3).await;
    let mut outcome = Outcome::default();
    let mut quiet = 0;
    for _ in 0..rounds {
        let before = load.acknowledged();
        let moment = Duration::from_millis(rand::rng().random_range(50..600));
        load.during(async {
            // At a random moment: this does not wait for a result.
            tokio::time::sleep(moment).await;
            server.kill().await;
        })
        .await;
        let (again, recovery) = fixture.start_again(address, &[]).await;
        server = again;
        assert!(recovery < Duration::from_secs(5), "well again only after {recovery:?}");
        outcome.recovered(recovery);
        quiet += u32::from(load.acknowledged() == before);
    }
    assert!(quiet <= rounds / 2, "next to nothing was written: this proves little");
    outcome.add(load.verdict().await);
    Ok(outcome)
}
