//! `/metrics`: who may read it, that it is true, and that strangers cannot make it grow.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::exposition::Exposition;
use crate::cluster::clocks::with_a_wrong_clock;
use crate::harness::{Answer, DEADLINE, Database, Kind, Nodes, Person, Redis, Server, Site, TestApp, on_threads_of};
use crate::{both, nodes, once};

const TOKEN: &str = "0123456789abcdef-._~+/=";

pub async fn read(site: &Site) -> Exposition {
    let answer = site.stranger().get("/metrics").await;
    answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    Exposition::read(&answer.body)
}

/// Reads them until the database has answered too, which on a busy machine may take longer than it is waited for, and until what has expired
/// was deleted for the first time.
pub async fn read_all(site: &Site) -> Exposition {
    read_until(site, |exported| exported.find("parlor_retention_lag_seconds").is_some()).await
}

/// Reads the numbers until they are as they should become.
async fn read_until(site: &Site, is_so: impl Fn(&Exposition) -> bool) -> Exposition {
    let read = async {
        loop {
            let exported = read(site).await;
            if is_so(&exported) {
                return exported;
            }
        }
    };
    tokio::time::timeout(DEADLINE, read).await.expect("the numbers become so in time")
}

/// Reads the overview until it is as it should become. A chart may need two samples, and these are 15 seconds apart.
async fn overview_until(admin: &Person, is_so: impl Fn(&Value) -> bool) -> Value {
    let read = async {
        loop {
            let overview = admin.get_json("/admin").await.expect(200).json();
            if is_so(&overview) {
                return overview;
            }
        }
    };
    tokio::time::timeout(DEADLINE * 2, read).await.expect("the overview becomes so in time")
}

/// The largest number of a chart; none if there is no such chart.
fn largest(overview: &Value, name: &str) -> Option<f64> {
    let series = overview["charts"]["series"].as_array().expect("a list");
    let chart = series.iter().find(|chart| chart["name"] == name)?;
    Some(chart["values"].as_array().expect("a list").iter().filter_map(Value::as_f64).fold(0.0, f64::max))
}

#[apply(once)]
async fn there_is_no_such_page_unless_somebody_turns_it_on(app: &TestApp) {
    assert_eq!(app.stranger().get_json("/metrics").await.expect(404).code(), "not_found");
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    ada.get("/metrics").await.expect(404);
}

#[apply(once)]
async fn with_a_token_only_who_has_it_may_read(database: &Database) {
    let mut server = Server::start(database.url(), &[("METRICS", TOKEN)]).await;
    let ada = server.register("ada").await;
    database.make_admin("ada").await;
    let ask = async |header: Option<&str>| {
        let request = ada.request(Method::GET, "/metrics");
        Answer::of(if let Some(header) = header { request.header("authorization", header) } else { request }).await
    };
    let shorter = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    for wrong in [None, Some("Bearer wrong"), Some("Bearer "), Some(TOKEN), Some(&*shorter)] {
        let answer = ask(wrong).await;
        assert_eq!(
            (answer.expect(401).header("www-authenticate"), answer.body.contains("parlor_")),
            ("Bearer", false),
            "{wrong:?}"
        );
    }
    Exposition::read(&ask(Some(&format!("Bearer {TOKEN}"))).await.expect(200).body);
    server.stop().await;
    // A short one is one, too.
    let mut server = Server::start(database.url(), &[("METRICS", "s3cret!")]).await;
    for (token, status) in [("s3cret!", 200), ("s3cret", 401), ("s3cret!!", 401)] {
        Answer::of(server.stranger().request(Method::GET, "/metrics").bearer_auth(token)).await.expect(status);
    }
    server.stop().await;
}

#[apply(once)]
async fn with_a_list_only_who_asks_from_there_may_read(database: &Database) {
    let settings = [("METRICS", "10.0.0.0/8, 192.0.2.7"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let mut server = Server::start(database.url(), &settings).await;
    let ada = server.register("ada").await;
    let ask = async |address: &str| Answer::of(ada.request(Method::GET, "/metrics").header("x-forwarded-for", address)).await;
    for (address, status) in [("10.1.2.3", 200), ("192.0.2.7", 200), ("192.0.2.8", 403), ("10.1.2.3, 192.0.2.8", 403)] {
        let answer = ask(address).await;
        assert_eq!(answer.expect(status).body.contains("parlor_"), status == 200, "{address}");
    }
    server.stop().await;
}

#[apply(once)]
async fn a_request_that_waits_because_it_asked_to_is_not_slow(database: &Database) {
    let mut server = Server::start(database.url(), &[("METRICS", "open")]).await;
    let ada = server.register("ada").await;
    ada.enter("general").await;
    let began = std::time::Instant::now();
    ada.get_json("/api/v1/rooms/general/changes?wait=3").await.expect(200);
    let took = began.elapsed().as_secs_f64();
    let route = "method=\"GET\",route=\"/api/v1/rooms/{slug}/changes\"";
    let numbers = read(&server).await;
    assert_eq!(numbers.get(&format!("parlor_http_requests_total{{{route},status=\"2xx\"}}")), 1.0);
    assert_eq!(numbers.get(&format!("parlor_http_request_duration_seconds_count{{{route}}}")), 1.0);
    // Nothing happened for three seconds, of which it took none.
    let counted = numbers.get(&format!("parlor_http_request_duration_seconds_sum{{{route}}}"));
    assert!(took >= 3.0 && counted <= took - 3.0, "{counted} of {took}");
    server.stop().await;
}

#[apply(both)]
async fn administrators_see_the_last_hour(app: &TestApp) {
    let ada = app.register("ada").await;
    app.database.make_admin("ada").await;
    let (socket, _) = ada.join("general").await;
    socket.post("general", "hello", "n1").await;
    let rise =
        ["posts", "requests", "sockets", "answer", "commit", "memory", "batch", "database_size", "connections", "open_files"];
    let overview = overview_until(&ada, |overview| rise.iter().all(|name| largest(overview, name) > Some(0.0))).await;
    let charts = &overview["charts"];
    assert_eq!((&charts["every_seconds"], largest(&overview, "failed")), (&json!(15), Some(0.0)), "{charts}");
    let open_files = charts["series"].as_array().expect("a list").iter().find(|chart| chart["name"] == "open_files");
    assert!(open_files.is_some_and(|chart| chart["limit"].as_f64() > largest(&overview, "open_files")), "{charts}");
    assert!(largest(&overview, "retention_lag").is_some(), "{charts}");
    // What a server by itself does not have.
    for name in ["behind", "clock", "clocks_apart"] {
        assert_eq!(largest(&overview, name).is_some(), app.database.kind == Kind::Postgres, "{name}");
    }
    for name in ["redis_round_trip", "redis_reconnections"] {
        assert_eq!(largest(&overview, name).is_some(), app.has_two_nodes(), "{name}");
    }
    let page = ada.get("/admin").await;
    assert!(page.expect(200).body.contains("<polyline points="), "{}", page.body);
    assert!(
        page.body.contains("<summary>More charts</summary>") && page.body.contains("Slow clients disconnected"),
        "{}",
        page.body
    );
}

#[apply(both)]
async fn what_happens_is_counted(database: &Database) {
    let mut server = Server::start(database.url(), &[("METRICS", "open")]).await;
    let ada = server.register("ada").await;
    let grace = server.register("grace").await;
    let (hers, _) = grace.join("general").await;
    let (socket, _) = ada.join("general").await;
    let before = read(&server).await;
    assert_eq!((before.get("parlor_sockets"), before.get("parlor_posts_total")), (2.0, 0.0));
    socket.post("general", "hello", "n1").await;
    hers.hears("hello").await;
    socket.refused("message", json!({ "room": "general", "body": "", "nonce": "n2" })).await;
    // The retry of a post is no second one.
    socket.post("general", "hello", "n1").await;
    ada.get("/rooms/general").await.expect(200);
    ada.get("/rooms/nowhere").await.expect(404);
    let after = read(&server).await;
    assert_eq!(after.get("parlor_posts_total"), 1.0);
    let rises = |series: &str| after.get(series) - before.get(series);
    assert!(rises("parlor_ledger_changes_total{outcome=\"committed\"}") >= 2.0);
    assert!(rises("parlor_ledger_commit_seconds_count") >= 2.0);
    assert!(rises("parlor_ledger_sync_seconds_count") >= 1.0);
    assert!(rises("parlor_ledger_batch_changes_sum") >= 2.0);
    // For her and for herself.
    assert!(rises("parlor_deliveries_total") >= 2.0);
    let page = |status| format!("parlor_http_requests_total{{method=\"GET\",route=\"/rooms/{{slug}}\",status=\"{status}\"}}");
    assert_eq!((after.find(&page("2xx")), after.find(&page("4xx"))), (Some(1.0), Some(1.0)));
    assert_eq!(after.get("parlor_http_request_duration_seconds_count{method=\"GET\",route=\"/rooms/{slug}\"}"), 2.0);
    for (series, value) in [
        ("parlor_database_up", 1.0),
        ("parlor_node_ready", 1.0),
        ("parlor_nodes{state=\"ready\"}", 1.0),
        ("parlor_jobs{state=\"dead\"}", 0.0),
        ("parlor_ledger_queue", 0.0),
        ("parlor_sockets_cut_total{reason=\"slow\"}", 0.0),
    ] {
        assert_eq!(after.find(series), Some(value), "{series}");
    }
    for series in ["parlor_memory_resident_bytes", "parlor_open_files", "parlor_database_bytes", "parlor_connections"] {
        assert!(after.get(series) > 0.0, "{series}");
    }
    server.stop().await;
}

#[apply(once)]
async fn strangers_make_no_new_series(database: &Database) {
    let mut server = Server::start(database.url(), &[("METRICS", "open"), ("PUBLIC_URL", "http://chat.example")]).await;
    let stranger = server.stranger();
    let ask = async |round: usize| {
        for number in 0..500 {
            let number = round * 500 + number;
            Answer::of(stranger.request(Method::GET, &format!("/random/{number}"))).await;
            let method = Method::from_bytes(format!("M{number}").as_bytes()).expect("a method");
            Answer::of(stranger.request(method, &format!("/rooms/{number}?x={number}"))).await;
        }
    };
    ask(0).await;
    // Twice: the first look is counted only after it.
    read(&server).await;
    let before = read(&server).await;
    ask(1).await;
    let after = read(&server).await;
    // The server's own begin without labels, such as the first lag of retention.
    let new: Vec<_> =
        after.series().into_iter().filter(|series| series.contains('{') && !before.series().contains(series)).collect();
    assert!(new.is_empty(), "{new:?}");
    assert!(!after.series().iter().any(|series| series.contains("random") || series.contains("M1")));
    // Prometheus calls a node by whatever name it knows.
    Answer::of(stranger.request(Method::GET, "/metrics").header("host", "node-1.internal.example")).await.expect(200);
    server.stop().await;
}

#[apply(nodes)]
async fn a_node_counts_its_own_sockets_and_knows_the_others(nodes: &Nodes) {
    let mut third = Server::start(nodes.database.url(), &[("METRICS", "open"), ("NODE", "third")]).await;
    let ada = third.register("ada").await;
    let (_socket, _) = ada.join("general").await;
    // The database is asked again after some seconds.
    let seen = read_until(&third, |seen| seen.find("parlor_nodes{state=\"ready\"}") >= Some(3.0)).await;
    assert_eq!((seen.get("parlor_sockets"), seen.get("parlor_nodes{state=\"gone\"}")), (1.0, 0.0));
    third.stop().await;
}

/// Both connections to a Redis that dies and comes back are made again.
#[apply(nodes)]
async fn the_way_to_redis_is_counted(nodes: &Nodes) {
    let redis = Redis::start();
    let url = redis.url();
    let mut third = Server::start(nodes.database.url(), &[("METRICS", "open"), ("REDIS_URL", &url)]).await;
    let (took, again) = ("parlor_redis_round_trip_seconds_count", "parlor_redis_reconnections_total");
    let before = read_until(&third, |seen| seen.get("parlor_redis_up") > 0.0 && seen.get(took) > 0.0).await;
    let ada = third.register("ada").await;
    nodes.database.make_admin("ada").await;
    overview_until(&ada, |overview| largest(overview, "redis_round_trip") > Some(0.0)).await;
    redis.down();
    read_until(&third, |seen| seen.get("parlor_redis_up") < 1.0).await;
    redis.up().expect("it starts again");
    read_until(&third, |seen| seen.get(again) >= before.get(again) + 2.0 && seen.get(took) > before.get(took)).await;
    overview_until(&ada, |overview| largest(overview, "redis_reconnections") > Some(0.0)).await;
    third.stop().await;
}

/// Each node compares its own clock with the database's, and every one shows how far they are apart.
#[test]
fn a_node_shows_how_far_the_clocks_of_all_are_apart() {
    on_threads_of("clocks apart", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let url = with_a_wrong_clock(&database).await;
        database.run("update wrong set seconds = 20").await;
        let mut right = Server::start(database.url(), &[("METRICS", "open")]).await;
        let mut late = Server::start(&url, &[]).await;
        let ada = right.register("ada").await;
        database.make_admin("ada").await;
        let seen = read_until(&right, |seen| seen.find("parlor_nodes_clocks_apart_seconds") > Some(15.0)).await;
        assert!(seen.get("parlor_node_clock_ahead_seconds").abs() < 10.0);
        overview_until(&ada, |overview| largest(overview, "clocks_apart") > Some(15_000.0)).await;
        let page = ada.get("/admin/nodes").await;
        assert!(page.expect(200).body.contains("Behind by "), "{}", page.body);
        late.stop().await;
        right.stop().await;
        database.discard().await;
    });
}

/// The table of `docs/monitoring.md`: a number that nobody can look up is of little use, and one that is not there misleads.
#[apply(both)]
async fn the_table_has_every_number(database: &Database) {
    let mut server = Server::start(database.url(), &[("METRICS", "open")]).await;
    // Numbers of requests are there after the first one.
    server.stranger().get("/healthz").await.expect(200);
    let exported = read_all(&server).await;
    let told = include_str!("../../../docs/monitoring.md");
    let rows = told.lines().filter_map(|line| line.strip_prefix("| `parlor_"));
    let described: BTreeSet<String> = rows
        .flat_map(|row| row.split(" | ").next().unwrap_or_default().split("`, `parlor_"))
        .map(|name| format!("parlor_{}", name.trim_end_matches('`').split('{').next().unwrap_or_default()))
        .collect();
    let here: BTreeSet<String> = exported.families.keys().map(|family| with_total(&exported, family)).collect();
    let missing: Vec<_> = here.difference(&described).collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
    // What only one database, several nodes or Redis have.
    let of_tls = ["left_seconds", "valid_seconds", "failed"].map(|name| format!("parlor_certificate_{name}"));
    let of_redis = ["up", "frames_dropped_total", "frames_refused_total", "round_trip_seconds", "reconnections_total"];
    let of_redis = of_redis.map(|name| format!("parlor_redis_{name}"));
    let is_elsewhere = |name: &&String| *name == "parlor_database_free_bytes" || of_redis.contains(name) || of_tls.contains(name);
    let unknown: Vec<_> = described.difference(&here).filter(|name| !is_elsewhere(name)).collect();
    assert!(unknown.is_empty(), "described but not there: {unknown:?}");
    server.stop().await;
}

/// The name of a family as queries have it.
fn with_total(exported: &Exposition, family: &str) -> String {
    match &*exported.families[family] {
        "counter" => format!("{family}_total"),
        "info" => format!("{family}_info"),
        _ => family.to_owned(),
    }
}
