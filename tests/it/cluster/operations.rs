//! What operators see of nodes, and how a node leaves.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::delivery::on_two_nodes_with;
use crate::harness::{Database, Kind, Nodes, Redis, Server, Site, TestApp, on_threads_of};
use crate::{both, everywhere, nodes};

/// What `/readyz` says, with its status.
async fn readiness(site: &Site) -> (u16, Value) {
    let answer = site.stranger().get("/readyz").await;
    let mut body = answer.json();
    let about = body.as_object_mut().expect("an object");
    assert!(about.remove("node").is_some_and(|node| node.is_string()));
    assert_eq!(about.remove("version"), Some(json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(about.remove("address"), Some(json!("127.0.0.1")));
    (answer.status, body)
}

async fn becomes(site: &Site, expected: (u16, Value)) {
    let began = Instant::now();
    loop {
        let now = readiness(site).await;
        if now == expected {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{now:?} and not {expected:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[apply(everywhere)]
async fn a_node_that_serves_is_ready(app: &TestApp) {
    let redis = if app.database.has_two_nodes { "up" } else { "off" };
    becomes(app, (200, json!({ "ready": true, "reasons": [], "redis": redis }))).await;
}

#[test]
fn a_node_without_its_redis_is_ready_and_says_so() {
    let redis = Redis::stopped();
    on_two_nodes_with("readiness without redis", &[("REDIS_URL", &redis.url())], async |nodes| {
        becomes(&nodes.a, (200, json!({ "ready": true, "reasons": [], "redis": "down" }))).await;
        redis.up().unwrap();
        becomes(&nodes.a, (200, json!({ "ready": true, "reasons": [], "redis": "up" }))).await;
    });
}

#[apply(both)]
async fn nodes_are_for_administrators(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    assert!(app.stranger().get("/admin/nodes").await.expect(303).location().starts_with("/login"));
    assert_eq!(eve.get_json("/admin/nodes").await.expect(403).code(), "forbidden");
    assert!(!eve.get("/rooms").await.expect(200).body.contains("href=\"/admin"));
    assert!(ada.get("/admin").await.expect(200).body.contains("href=\"/admin/nodes\""));
    let (_socket, _) = ada.join("general").await;
    assert!(ada.get("/admin/nodes").await.expect(200).body.contains("This node"));
    let list = ada.get_json("/admin/nodes").await.expect(200).json();
    let nodes = list["nodes"].as_array().expect("a list");
    assert_eq!(nodes.len(), if app.database.has_two_nodes { 2 } else { 1 }, "{list}");
    let sockets: u64 = nodes.iter().filter_map(|node| node["sockets"].as_u64()).sum();
    assert!(app.database.has_two_nodes || sockets == 1, "{list}");
    let this = &nodes[0];
    assert_eq!((&this["is_this"], &this["is_gone"], &this["reasons"]), (&json!(true), &json!(false), &json!([])), "{list}");
    assert_eq!((&this["rooms_behind"], &this["version"]), (&json!(0), &json!(env!("CARGO_PKG_VERSION"))), "{list}");
}

/// The second node is listed by the first, one that was killed is shown as gone, and after a day nobody remembers it.
#[apply(nodes)]
async fn every_node_lists_all_nodes(nodes: &Nodes) {
    let ada = nodes.a.register("ada").await;
    nodes.database.make_admin("ada").await;
    for (id, age_ms) in [("killed", 60_000), ("forgotten", 90_000_000_i64)] {
        let now = "(extract(epoch from clock_timestamp()) * 1000)::bigint";
        let values = format!("'{id}', '{id}', '0.0.1', {now} - 100000000, {now} - {age_ms}, '{{\"news\": 1}}'");
        nodes
            .database
            .run(&format!("insert into nodes (id, name, version, started_at, seen_at, status) values ({values})"))
            .await;
    }
    let began = Instant::now();
    loop {
        let list = ada.get_json("/admin/nodes").await.expect(200).json();
        let listed = list["nodes"].as_array().expect("a list");
        let gone: Vec<_> = listed.iter().filter(|node| node["is_gone"] == json!(true)).map(|node| &node["name"]).collect();
        if listed.len() == 3 && gone == [&json!("killed")] {
            assert!(ada.get("/admin/nodes").await.expect(200).body.contains("Gone for 6"));
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{list}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A node that drains is unready first, admits no sockets, disconnects those it has, and is forgotten by the others when it has gone.
#[test]
fn a_node_that_stops_sends_its_people_elsewhere() {
    on_threads_of("draining", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let redis = Redis::shared_url().await;
        let settings = [("REDIS_URL", &*redis), ("DRAIN", "5s"), ("NODE", "chat")];
        let Nodes { mut a, mut b, database, .. } = Nodes::start(database, &settings).await;
        let (ada, grace) = (a.register("ada").await, b.register("grace").await);
        let (there, _) = grace.join("general").await;
        let (here, _) = ada.join("general").await;
        there.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(true)).await;
        let site = a.site.clone();
        let began = Instant::now();
        let stopping = tokio::spawn(async move {
            a.stop().await;
        });
        becomes(&site, (503, json!({ "ready": false, "reasons": ["draining"], "redis": "up" }))).await;
        assert_eq!(ada.try_socket().await.expect_err("it drains").message(), "unavailable");
        // Who is there is served on.
        ada.get("/rooms/general").await.expect(200);
        here.post("general", "goodbye", "n1").await;
        there.hears("goodbye").await;
        let (moved, _) = ada.at(&b).join("general").await;
        here.is_cut().await;
        stopping.await.expect("it stops");
        assert!(began.elapsed() >= Duration::from_secs(5), "{:?}", began.elapsed());
        drop(moved);
        there.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(false)).await;
        let rows = database.query("select count(*) as count from nodes").await;
        assert_eq!(rows[0]["count"], json!(1), "the other node only");
        // Without others it does not wait.
        drop(there);
        b.stop().await;
        database.discard().await;
    });
}

/// Presence on a node that is shut down without draining: gone at once, and not after three missed reports.
#[test]
fn the_people_of_a_node_that_says_goodbye_are_gone_with_it() {
    on_threads_of("goodbye", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let redis = Redis::shared_url().await;
        let Nodes { mut a, mut b, database, .. } = Nodes::start(database, &[("REDIS_URL", &*redis)]).await;
        let (ada, grace) = (a.register("ada").await, b.register("grace").await);
        let (there, _) = grace.join("general").await;
        let (_here, _) = ada.join("general").await;
        there.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(true)).await;
        let began = Instant::now();
        a.stop().await;
        there.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(false)).await;
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        b.stop().await;
        database.discard().await;
    });
}

#[apply(both)]
async fn a_node_alone_stops_at_once(database: &Database) {
    let mut server = Server::start(database.url(), &[("DRAIN", "10min")]).await;
    let (_socket, _) = server.register("ada").await.join("general").await;
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
