//! A Postgres that restarts, crashes and stays away.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proof::faults::pg_proxy::{Break, PgProxy};
use serde_json::json;

use crate::harness::app::Server;
use crate::harness::cluster::Cluster;
use crate::harness::programs::Program;
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{DEADLINE, Database, Kind, Load, Person, Socket, on_threads_of};

/// How long it may take until people hear each other again once Postgres is back.
const LIVE: Duration = Duration::from_secs(10);

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
                let began = Instant::now();
                load.during(async { witness(&person, &room).await.first(20, "message").await }).await;
                assert!(began.elapsed() < LIVE, "live again only after {:?}", began.elapsed());
            }
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
            server.stranger().get("/livez").await.expect(200);
            assert!(server.stranger().get("/readyz").await.expect(503).body.contains("\"database\""));
            ada.get("/rooms/general").await.expect(503);
            ada.write("general", "by form").await.expect(503);
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

/// A database's URL through a proxy.
fn through(database: &Database, proxy: SocketAddr) -> String {
    let name = database.url().split(['/', '?']).nth(3).expect("a URL has a path");
    format!("postgres://postgres@{proxy}/{name}?sslmode=disable")
}

/// A server whose link to Postgres the test holds in its hands.
async fn behind_proxy() -> Option<(Database, TcpProxy, Server)> {
    let database = Database::fresh(Kind::Postgres).await?;
    let proxy = TcpProxy::to(Target::Unix(Cluster::shared().socket())).await;
    let server = Server::start(&through(&database, proxy.address), &[]).await;
    Some((database, proxy, server))
}

#[test]
fn connections_that_were_lost_unnoticed_are_not_mistaken_for_the_database() {
    on_threads_of("connections lost", async {
        let Some((_database, proxy, mut server)) = behind_proxy().await else { return };
        let ada = server.register("ada").await;
        for _ in 0..5 {
            // Several connections, which are trusted: they were used a moment ago.
            futures_util::future::join_all((0..16).map(|_| ada.get("/rooms/general"))).await;
            proxy.cut();
            proxy.restore();
            server.stranger().get("/healthz").await.expect(200);
            ada.get("/rooms/general").await.expect(200);
        }
        server.stop().await;
    });
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

/// The link breaks at a known commit: after it, when Postgres has the message and only its answer is lost, or before it.
#[test]
fn a_post_whose_commit_has_an_unknown_outcome_is_there_once_after_its_retry() {
    on_threads_of("postgres commit", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let proxy = PgProxy::to(Cluster::shared().socket()).await;
        let mut server = Server::start(&through(&database, proxy.address), &[]).await;
        let mut load = Load::gather(&server, 3).await;
        let (person, room) = load.witness();
        let journal = load.clients.len() - 2;
        for (round, plan) in (0..6).zip([Break::AfterCommit, Break::BeforeCommit].into_iter().cycle()) {
            load.during(async {
                let witness = witness(&person, &room).await;
                witness.first(10, "message").await;
                proxy.arm(plan);
                while proxy.broken() <= 2 * round {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let heard = witness.peek_at("message").len();
                witness.first(heard + 10, "message").await;
            })
            .await;
            // Nobody else writes: the next commit is this one's.
            let nonce = format!("alone-{round}");
            load.clients[journal].journal.intended.push(nonce.clone());
            let (socket, _) = person.join(&room).await;
            let post = json!({ "room": room, "body": nonce, "nonce": nonce });
            proxy.arm(plan);
            let answer = socket.ask("message", post.clone()).await;
            assert_eq!(proxy.broken(), 2 * round + 2, "the link did not break, and the answer is {answer}");
            let stored = database.query(&format!("select seq from messages where nonce = '{nonce}'")).await;
            assert_eq!(stored.len(), usize::from(plan == Break::AfterCommit), "{plan:?}: {stored:?}");
            let again = async {
                loop {
                    let mut again = socket.ask("message", post.clone()).await;
                    if again["ok"] == json!(true) {
                        return again["message"].take();
                    }
                }
            };
            let message = tokio::time::timeout(LIVE, again).await.expect("the retry is accepted");
            assert!(stored.iter().all(|row| row["seq"] == message["seq"]), "stored at {stored:?}, the retry says {message}");
            load.clients[journal].journal.acknowledge(&nonce, &message);
        }
        database.check(&mut load).await;
        server.stop().await;
        database.discard().await;
    });
}
