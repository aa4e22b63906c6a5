//! Killed without a warning, again and again, while people write.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::both;
use crate::harness::Database;
use crate::harness::load::{self, Writer};
use crate::harness::process;

const ROUNDS: usize = 20;

both! {
    async fn everything_acknowledged_outlives_twenty_kills(database: &Database) {
        let mut random = StdRng::seed_from_u64(9);
        let mut server = process::start(database.folder(), database.url(), &[]).await;
        let listen = server.address.to_string();
        let mut writers = Vec::new();
        for name in ["ada", "grace", "mary"] {
            writers.push(Writer::new(server.register(name).await, "general"));
        }
        let witness = server.register("witness").await;
        let mut quiet_rounds = 0;
        for _ in 0..ROUNDS {
            let before: usize = writers.iter().map(Writer::acknowledged).sum();
            let mut heard = witness.clone();
            heard.site = server.site.clone();
            load::write_during(&mut writers, async {
                heard.join("general").await.0.first(random.random_range(1..60), "message").await;
                // At any moment of the writing: this is no waiting for a result.
                tokio::time::sleep(Duration::from_millis(random.random_range(0..20))).await;
                server.kill().await;
            })
            .await;
            let after: usize = writers.iter().map(Writer::acknowledged).sum();
            quiet_rounds += usize::from(after == before);
            server = process::start(database.folder(), database.url(), &[("LISTEN", &listen)]).await;
        }
        assert!(quiet_rounds < ROUNDS / 2, "next to nothing was written: the test proves little");
        load::check(&mut writers, database).await;
    }
}
