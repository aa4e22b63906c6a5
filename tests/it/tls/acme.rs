//! `TLS=acme`, with a real authority: certificates are obtained in both ways, renewed by one node, and served by all.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use crate::harness::pebble::{BLOCKED, HTTP_PORT, Pebble, TLS_PORT, Terms, own_address};
use crate::harness::process::{self, Process};
use crate::harness::programs::Program;
use crate::harness::secure::{Client, NAME, get_plainly};
use crate::harness::{Balancer, Database, Kind, Redis};
use crate::retention::until;
use crate::{both, once};

/// An hour.
const LONG: u32 = 3600;

/// The settings of a server that asks this authority.
fn settings(pebble: &Pebble, server: Ipv4Addr) -> Vec<(&'static str, String)> {
    vec![
        ("TLS", "acme".into()),
        ("LISTEN", format!("{server}:{TLS_PORT}")),
        ("ACME_DOMAINS", NAME.into()),
        ("ACME_EMAIL", "ada@parlor.test".into()),
        ("ACME_DIRECTORY", pebble.directory()),
        ("SSL_CERT_FILE", pebble.trusted()),
    ]
}

async fn start(database: &Database, settings: &[(&'static str, String)]) -> Process {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    process::start(database.folder(), database.url(), &settings).await
}

async fn doctor(database: &Database, settings: &[(&'static str, String)]) -> Vec<Value> {
    let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    settings.push(("DATABASE_URL", database.url()));
    let ended = process::run(database.folder(), &["doctor", "--json"], &settings, "").await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    report["checks"].as_array().expect("a list").iter().filter(|check| check["check"] == "certificate").cloned().collect()
}

#[apply(both)]
async fn a_certificate_is_obtained_over_tls_and_outlives_the_server_and_the_authority(database: &Database) {
    let server = own_address();
    let Some(mut pebble) = Pebble::start(&Terms { server, tls_port: TLS_PORT, valid: LONG }).await else { return };
    let mut settings = settings(&pebble, server);
    settings.push(("METRICS", "open".into()));
    let mut running = start(database, &settings).await;
    let client = Client::new(SocketAddr::from((server, TLS_PORT)), &pebble.root().await);
    let certificate = client.next_certificate(None).await;
    running.logs("obtained a certificate").await;
    assert_eq!(client.get("/login").await.status, 200);
    assert!(running.stdout().contains(&format!("https://{NAME}/register?setup=")), "it is the site's name: {}", running.stdout());
    let found = doctor(database, &settings).await;
    assert!(found.len() == 1 && found[0]["state"] == "ok", "{found:?}");
    assert!(client.connect_to(NAME, "acme-tls/1").await.is_err(), "nobody checks this server now");
    assert!(database.rows("acme_challenges").await.is_empty());

    // By a clock that is ahead it is due at once, each time again: no other is ordered so soon after it. What the row says of the last attempt
    // shows that it was looked at.
    database.run("update certificates set due_at = 0, last_error = 'not a problem'").await;
    until("it is looked at", async || client.get("/metrics").await.body.contains("parlor_certificate_failed 1")).await;
    running.signal("TERM").await;
    assert_eq!(running.end().await.code(), Some(0), "{}", running.stderr());
    assert_eq!(running.stderr().matches("obtaining a certificate").count(), 1, "{}", running.stderr());
    pebble.stop();
    let running = start(database, &settings).await;
    assert_eq!(client.next_certificate(None).await, certificate);
    assert!(!running.stderr().contains("obtaining"), "{}", running.stderr());
}

#[apply(once)]
async fn where_only_plain_http_arrives_a_certificate_is_obtained_over_that(database: &Database) {
    let server = own_address();
    // Nobody listens where the authority asks for TLS.
    let Some(pebble) = Pebble::start(&Terms { server, tls_port: 5009, valid: LONG }).await else { return };
    let mut settings = settings(&pebble, server);
    settings.push(("HTTP_LISTEN", format!("{server}:{HTTP_PORT}")));
    let running = start(database, &settings).await;
    let client = Client::new(SocketAddr::from((server, TLS_PORT)), &pebble.root().await);
    client.next_certificate(None).await;
    let line = running.logs("Trying over plain HTTP").await;
    assert!(line.contains("ACME_DOMAINS") && line.contains(NAME), "{line}");
    let request = "GET /rooms HTTP/1.1\r\nhost: evil.example\r\n\r\n";
    let reply = get_plainly(SocketAddr::from((server, HTTP_PORT)), request).await;
    assert_eq!((reply.status, reply.headers["location"].to_str().ok()), (308, Some(&*format!("https://{NAME}/rooms"))));
}

#[apply(once)]
async fn until_there_is_a_certificate_connections_are_refused_and_the_log_says_why(database: &Database) {
    let server = own_address();
    let Some(pebble) = Pebble::start(&Terms { server, tls_port: 5009, valid: LONG }).await else { return };
    let mut settings = settings(&pebble, server);
    let mut running = start(database, &settings).await;
    running.logs("there is no certificate yet").await;
    let line = running.logs("no certificate: ").await;
    assert!(line.contains("ACME_DOMAINS: ") && line.contains(NAME) && line.contains("Trying again at"), "{line}");
    let client = Client::new(SocketAddr::from((server, TLS_PORT)), &pebble.root().await);
    let refused = client.certificate().await.expect_err("there is none");
    assert!(refused.to_string().contains("alert"), "a clear refusal: {refused}");
    let found = doctor(database, &settings).await;
    assert!(found.iter().any(|check| check["state"] == "failed"), "{found:?}");
    assert!(found.iter().any(|check| check["found"].as_str().is_some_and(|found| found.contains("ACME_DOMAINS"))), "{found:?}");
    running.kill().await;

    // A name that this authority does not take.
    settings.retain(|(name, _)| *name != "ACME_DOMAINS");
    settings.push(("ACME_DOMAINS", BLOCKED.into()));
    let mut running = start(database, &settings).await;
    let line = running.logs("no certificate: ").await;
    assert!(line.contains("ACME_DOMAINS: ") && line.contains("rejectedIdentifier"), "{line}");
    running.signal("TERM").await;
    assert_eq!(running.end().await.code(), Some(0), "{}", running.stderr());

    // No authority at all.
    settings.retain(|(name, _)| *name != "ACME_DIRECTORY");
    settings.push(("ACME_DIRECTORY", format!("https://{server}:14999/dir")));
    let mut running = start(database, &settings).await;
    let line = running.logs("no certificate: ").await;
    assert!(line.contains("ACME_DIRECTORY: ") && line.contains("no connection"), "{line}");
    running.signal("TERM").await;
    assert_eq!(running.end().await.code(), Some(0), "{}", running.stderr());
}

/// The authority asks through a load balancer, so that either node may have to answer.
#[apply(both)]
async fn of_two_nodes_one_renews_and_both_serve_what_it_got(database: &Database) {
    if database.kind == Kind::Sqlite || !Program::Redis.is_here_or_may_be_missing() {
        return;
    }
    let addresses = [own_address(), own_address()];
    let balancer = Balancer::before(addresses.map(|address| SocketAddr::from((address, TLS_PORT))).to_vec()).await;
    let SocketAddr::V4(front) = balancer.address else { panic!("an IPv4 address") };
    let terms = Terms { server: *front.ip(), tls_port: front.port(), valid: 30 };
    let Some(pebble) = Pebble::start(&terms).await else { return };
    let redis = Redis::shared_url().await;
    let more = [("REDIS_URL", redis), ("FILES_URL", String::new())];
    let a = start(database, &[&settings(&pebble, addresses[0])[..], &more].concat()).await;
    let b = start(database, &[&settings(&pebble, addresses[1])[..], &more].concat()).await;
    let root = pebble.root().await;
    let clients = addresses.map(|address| Client::new(SocketAddr::from((address, TLS_PORT)), &root));
    let of_both = async |before| {
        let (of_a, of_b) = tokio::join!(clients[0].next_certificate(before), clients[1].next_certificate(before));
        assert_eq!(of_a, of_b, "both serve the same");
        of_a
    };
    let attempts = || [&a, &b].map(|node| node.stderr().matches("obtaining a certificate").count()).iter().sum::<usize>();
    let first = of_both(None).await;
    assert_eq!(attempts(), 1);
    // It is valid for half a minute, but no other is ordered within an hour, which passes here.
    database.run("update certificates set tried_at = tried_at - 3600000").await;
    let second = tokio::time::timeout(Duration::from_secs(60), of_both(Some(&first))).await.expect("it is renewed in time");
    assert_ne!(first, second);
    assert_eq!(attempts(), 2);
}
