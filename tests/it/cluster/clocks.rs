//! A node whose clock differs from the database's. Here it is the database's that goes wrong.

use serde_json::json;

use crate::harness::{Database, Kind, Server, on_threads_of, process};

/// Has the database's clock run ahead by as many seconds as its table says, and returns the URL with which it does.
pub async fn with_a_wrong_clock(database: &Database) -> String {
    database
        .run(
            "create table wrong (seconds int not null);
             insert into wrong values (0);
             create function clock_timestamp() returns timestamptz language sql as
                 'select pg_catalog.clock_timestamp() + make_interval(secs => seconds) from public.wrong'",
        )
        .await;
    format!("{}&options[search_path]=public,pg_catalog", database.url())
}

#[test]
fn a_node_whose_clock_is_wrong_does_not_start() {
    on_threads_of("clocks at start", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let url = with_a_wrong_clock(&database).await;
        for (seconds, said) in [(40, "seconds behind the database’s"), (-40, "seconds ahead of the database’s")] {
            database.run(&format!("update wrong set seconds = {seconds}")).await;
            let settings = [("DATABASE_URL", &*url), ("LISTEN", "127.0.0.1:0")];
            let ended = process::run(database.folder(), &[], &settings, "").await;
            assert_eq!(ended.status, Some(1), "{}", ended.stdout);
            assert!(ended.stderr.contains(said) && ended.stderr.contains("NTP"), "{}", ended.stderr);
        }
        // Somewhat wrong, it starts; so it does without a difference.
        for seconds in [20, 0] {
            database.run(&format!("update wrong set seconds = {seconds}")).await;
            drop(process::start(database.folder(), &url, &[]).await);
        }
        database.discard().await;
    });
}

#[test]
fn a_node_whose_clock_goes_wrong_is_not_ready_until_it_is_right() {
    on_threads_of("clocks later", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let url = with_a_wrong_clock(&database).await;
        let mut server = Server::start(&url, &[]).await;
        // Tests move the clock of a server; the one that counts is the system's.
        server.pass(std::time::Duration::from_secs(3600));
        for (seconds, reasons) in
            [(0, json!([])), (40, json!(["clock"])), (20, json!([])), (-40, json!(["clock"])), (0, json!([]))]
        {
            database.run(&format!("update wrong set seconds = {seconds}")).await;
            let mut tries = 0;
            loop {
                let answer = server.stranger().get("/readyz").await;
                if answer.json()["reasons"] == reasons {
                    assert_eq!(answer.status, if seconds == 0 || seconds == 20 { 200 } else { 503 }, "{}", answer.body);
                    break;
                }
                tries += 1;
                assert!(tries < 100, "{} instead of {reasons}", answer.body);
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
        server.stop().await;
        database.discard().await;
    });
}
