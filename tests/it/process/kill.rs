//! Killed without a warning, again and again, while people write.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::both;
use crate::harness::process;
use crate::harness::{Database, Load};

const ROUNDS: usize = 20;

#[apply(both)]
async fn everything_acknowledged_outlives_twenty_kills(database: &Database) {
    let mut random = StdRng::seed_from_u64(9);
    let mut server = process::start(database.folder(), database.url(), &[]).await;
    let listen = server.address.to_string();
    let mut load = Load::gather(&server, 3).await;
    let mut quiet_rounds = 0;
    for _ in 0..ROUNDS {
        let before = load.acknowledged();
        let (witness, room) = load.witness();
        load.during(async {
            witness.join(&room).await.0.first(random.random_range(1..60), "message").await;
            // At any moment of the writing: this is no waiting for a result.
            tokio::time::sleep(Duration::from_millis(random.random_range(0..20))).await;
            server.kill().await;
        })
        .await;
        quiet_rounds += usize::from(load.acknowledged() == before);
        server = process::start(database.folder(), database.url(), &[("LISTEN", &listen)]).await;
    }
    assert!(quiet_rounds < ROUNDS / 2, "next to nothing was written: the test proves little");
    database.check(&mut load).await;
}
