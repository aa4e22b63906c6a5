//! A Postgres that restarts, crashes and stays away.

use std::time::Duration;

use serde_json::json;

use crate::harness::app::Server;
use crate::harness::cluster::Cluster;
use crate::harness::programs::Program;
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{DEADLINE, Database, Kind, Load, Person, Socket, on_threads_of};

/// A cluster of the test's own, which it may hurt.
async fn on_a_cluster(test: &str, body: impl AsyncFnOnce(&Cluster, &Server, &Database)) {
    if !Program::Postgres.is_here_or_may_be_missing() {
        println!("left out: Postgres is not on this machine");
        return;
    }
    // It syncs: a crash must not take what was acknowledged.
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(&["max_wal_size = '100MB'"])).await.expect("it starts");
    let name = cluster.create_database().await;
    let database = Database::at(&cluster.url(&name));
    let mut server = Server::start(database.url(), &[]).await;
    println!("{test}");
    body(&cluster, &server, &database).await;
    server.stop().await;
}

/// Somebody who hears what is said, as soon as the server has found its database again.
async fn witness(person: &Person, room: &str) -> Socket {
    let coming = async {
        loop {
            if let Ok(socket) = person.try_socket().await
                && socket.ask("join", json!({ "room": room })).await["ok"] == json!(true)
            {
                return socket;
            }
        }
    };
    tokio::time::timeout(DEADLINE, coming).await.expect("it recovers by itself")
}

#[test]
fn nothing_is_lost_when_postgres_restarts_and_crashes_under_load() {
    on_threads_of("postgres restarts", async {
        on_a_cluster("restarts", async |cluster: &Cluster, server: &Server, database: &Database| {
            let mut load = Load::gather(server, 3).await;
            let (person, room) = load.witness();
            for mode in ["fast", "immediate", "fast", "immediate"] {
                let before = load.acknowledged();
                load.during(async {
                    witness(&person, &room).await.first(40, "message").await;
                    tokio::task::block_in_place(|| cluster.down(mode)).expect("it stops");
                    tokio::task::block_in_place(|| cluster.up()).expect("it starts");
                })
                .await;
                assert!(load.acknowledged() > before, "nothing was written before {mode}");
            }
            // Live again by itself.
            load.during(async {
                witness(&person, &room).await.first(20, "message").await;
            })
            .await;
            database.check(&mut load).await;
        })
        .await;
    });
}

#[test]
fn while_postgres_is_away_everything_fails_clearly_and_afterwards_it_goes_on() {
    on_threads_of("postgres away", async {
        on_a_cluster("away", async |cluster: &Cluster, server: &Server, _: &Database| {
            let ada = server.register("ada").await;
            let (socket, _) = ada.join("general").await;
            socket.post("general", "before", "1").await;
            tokio::task::block_in_place(|| cluster.down("fast")).expect("it stops");
            let post = json!({ "room": "general", "body": "while away", "nonce": "2" });
            let answer = socket.ask("message", post.clone()).await;
            assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
            server.stranger().get("/healthz").await.expect(503);
            ada.get("/rooms/general").await.expect(503);
            let data = ada.get_json("/rooms/general").await;
            assert_eq!(data.expect(503).code(), "unavailable");
            tokio::task::block_in_place(|| cluster.up()).expect("it starts");
            // The pool finds out by trying; the same socket goes on.
            let mut tries = 0;
            while socket.ask("message", post.clone()).await["ok"] != json!(true) {
                tries += 1;
                assert!(tries < 100, "it does not recover");
            }
            socket.hears("while away").await;
            server.stranger().get("/healthz").await.expect(200);
        })
        .await;
    });
}

/// A server whose link to Postgres the test holds in its hands.
async fn behind_proxy() -> Option<(Database, TcpProxy, Server)> {
    let database = Database::fresh(Kind::Postgres).await?;
    let proxy = TcpProxy::to(Target::Unix(Cluster::shared().socket())).await;
    let name = database.url().split(['/', '?']).nth(3).expect("a URL has a path");
    let url = format!("postgres://postgres@{}/{name}?sslmode=disable", proxy.address);
    let server = Server::start(&url, &[]).await;
    Some((database, proxy, server))
}

#[test]
fn while_postgres_says_nothing_waits_are_bounded_and_afterwards_it_goes_on() {
    on_threads_of("postgres frozen", async {
        let Some((database, proxy, mut server)) = behind_proxy().await else { return };
        let ada = server.register("ada").await;
        let (socket, _) = ada.join("general").await;
        socket.post("general", "before", "1").await;
        // As if it were frozen: connections stay, and no answer comes.
        proxy.drop_replies();
        let post = json!({ "room": "general", "body": "while frozen", "nonce": "2" });
        // The page's statement is sent at once, over a connection that was alive a moment ago.
        let (answer, page, event) = tokio::join!(
            socket.ask("message", post.clone()),
            ada.get_json("/rooms/general"),
            socket.refused("history", json!({ "room": "general", "around": 1 }))
        );
        assert_eq!(page.expect(503).code(), "unavailable");
        assert_eq!(event, "unavailable");
        assert!(["unavailable", "busy"].contains(&answer["error"]["code"].as_str().unwrap_or_default()), "{answer}");
        server.stranger().get("/healthz").await.expect(503);
        ada.get("/rooms/general").await.expect(503);
        // It thaws, with new connections.
        proxy.cut();
        proxy.restore();
        let again = async {
            while socket.ask("message", post.clone()).await["ok"] != json!(true) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, again).await.expect("it recovers by itself");
        let rows = database.query("select seq from messages where nonce = '2'").await;
        assert_eq!(rows.len(), 1);
        server.stop().await;
        database.discard().await;
    });
}

#[test]
fn when_postgres_falls_silent_in_the_middle_of_commits_nobody_waits_for_ever_and_nothing_is_lost() {
    on_threads_of("postgres silent", async {
        let Some((database, proxy, mut server)) = behind_proxy().await else { return };
        let mut load = Load::gather(&server, 2).await;
        let (person, room) = load.witness();
        load.during(async {
            let witness = witness(&person, &room).await;
            witness.first(30, "message").await;
            proxy.drop_replies();
            // Answered within the deadline, as are those of the writers, which were under way.
            let edit = json!({ "room": "general", "seq": 999_999, "body": "nothing to change" });
            let answer = witness.ask("edit", edit).await;
            assert!(["unavailable", "busy"].contains(&answer["error"]["code"].as_str().unwrap_or_default()), "{answer}");
        })
        .await;
        proxy.cut();
        proxy.restore();
        load.during(async {
            witness(&person, &room).await.first(10, "message").await;
        })
        .await;
        database.check(&mut load).await;
        server.stop().await;
        database.discard().await;
    });
}

#[test]
fn while_postgres_says_nothing_the_server_can_be_stopped() {
    on_threads_of("postgres frozen at the stop", async {
        let Some((database, proxy, mut server)) = behind_proxy().await else { return };
        let (socket, _) = server.register("ada").await.join("general").await;
        proxy.drop_replies();
        socket.tell("message", json!({ "room": "general", "body": "while frozen", "nonce": "1" })).await;
        server.stop().await;
        drop(proxy);
        database.discard().await;
    });
}

#[test]
fn nothing_is_lost_when_the_link_to_postgres_breaks_around_commits() {
    on_threads_of("postgres link", async {
        let Some((database, proxy, mut server)) = behind_proxy().await else { return };
        let mut load = Load::gather(&server, 3).await;
        let (person, room) = load.witness();
        for _ in 0..6 {
            load.during(async {
                witness(&person, &room).await.first(30, "message").await;
                // Commits arrive, and that they did is not heard: nobody knows what became of them.
                proxy.drop_replies();
                tokio::time::sleep(Duration::from_millis(30)).await;
                proxy.cut();
                proxy.restore();
                witness(&person, &room).await;
            })
            .await;
        }
        database.check(&mut load).await;
        server.stop().await;
        database.discard().await;
    });
}
