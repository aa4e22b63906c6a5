//! Another Postgres takes over: no number is given out twice for clients that know the old history.

use std::path::Path;

use serde_json::json;

use crate::harness::app::Server;
use crate::harness::cluster::Cluster;
use crate::harness::programs::Program;
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{DEADLINE, Person, on_threads_of, watchdog};

/// A primary and a standby, with two nodes that reach whichever the link points to.
struct Pair {
    primary: Cluster,
    standby: Cluster,
    link: tempfile::TempDir,
    name: String,
}

impl Pair {
    fn start(settings: &[&str]) -> Self {
        let primary = Cluster::start(settings);
        let standby = primary.standby().expect("a standby can be made");
        standby.up().expect("it starts");
        Self { primary, standby, link: watchdog::folder(), name: String::new() }
    }

    fn point_to(&self, cluster: &Cluster) {
        let (new, link) = (self.link.path().join("new"), self.socket());
        std::os::unix::fs::symlink(cluster.socket(), &new).unwrap();
        std::fs::rename(new, link).unwrap();
    }

    fn socket(&self) -> std::path::PathBuf {
        Path::new(self.link.path()).join("postgres")
    }
}

async fn epoch(person: &Person) -> (String, i64) {
    let data = person.get_json("/rooms/general").await;
    let head = data.expect(200).json()["head"].clone();
    (head["epoch"].as_str().unwrap().to_owned(), head["rev"].as_i64().unwrap())
}

/// Lets the standby take over from the primary under two nodes; with `is_lost`, before it has the last message.
async fn fail_over(settings: &[&str], is_lost: bool) {
    if !Program::Postgres.is_here_or_may_be_missing() {
        println!("left out: Postgres is not on this machine");
        return;
    }
    let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let start = move || Pair::start(&settings.iter().map(|setting| &**setting).collect::<Vec<_>>());
    let mut pair = tokio::task::spawn_blocking(start).await.unwrap();
    pair.name = pair.primary.create_database().await;
    pair.point_to(&pair.primary);
    let proxy = TcpProxy::to(Target::Unix(pair.socket())).await;
    let url = format!("postgres://postgres@{}/{}?sslmode=disable", proxy.address, pair.name);
    let (mut a, mut b) = (Server::start(&url, &[]).await, Server::start(&url, &[]).await);
    let (ada, grace) = (a.register("ada").await, b.register("grace").await);
    let (here, there) = (ada.join("general").await.0, grace.join("general").await.0);
    here.post("general", "kept", "n1").await;
    there.hears("kept").await;
    let before = epoch(&ada).await;
    if is_lost {
        // The standby has that, and nothing of what follows.
        while !pair.has_caught_up().await {
            tokio::task::yield_now().await;
        }
        tokio::task::block_in_place(|| pair.standby.down("fast")).unwrap();
        here.post("general", "lost", "n2").await;
        there.hears("lost").await;
    }
    tokio::task::block_in_place(|| pair.primary.down("immediate")).unwrap();
    if is_lost {
        tokio::task::block_in_place(|| pair.standby.up()).unwrap();
    }
    tokio::task::block_in_place(|| pair.standby.promote()).unwrap();
    pair.point_to(&pair.standby);
    proxy.cut();
    proxy.restore();
    let back = async {
        while a.stranger().get("/healthz").await.status != 200 || b.stranger().get("/healthz").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, back).await.expect("they find the new one");
    let at_a = epoch(&ada).await;
    if is_lost {
        here.end().await;
        there.end().await;
        assert_ne!(at_a.0, before.0, "numbers will be given out again, so it is another history");
        let (here, joined) = ada.join("general").await;
        assert_eq!(joined["head"]["epoch"], json!(at_a.0));
        let (there, _) = grace.join("general").await;
        here.post("general", "after", "n3").await;
        there.hears("after").await;
    } else {
        assert_eq!(at_a, before, "nothing was lost");
    }
    assert_eq!(at_a.0, epoch(&grace).await.0);
    a.stop().await;
    b.stop().await;
}

impl Pair {
    async fn has_caught_up(&self) -> bool {
        use sqlx::{Connection, PgConnection};
        let mut primary = PgConnection::connect(&self.primary.url("postgres")).await.unwrap();
        let caught_up = sqlx::query_scalar::<_, bool>(
            "select coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false) from pg_stat_replication",
        );
        caught_up.fetch_one(&mut primary).await.unwrap()
    }
}

#[test]
fn after_a_failover_that_lost_changes_clients_start_over() {
    on_threads_of("asynchronous failover", fail_over(&[], true));
}

#[test]
fn after_a_failover_to_a_synchronous_standby_clients_go_on() {
    on_threads_of("synchronous failover", fail_over(&["synchronous_standby_names = '*'"], false));
}
