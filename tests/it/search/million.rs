//! How long a search takes among 1,000,000 messages: numbers for `docs/search.md`, not a test that can fail.

mod town;

use std::time::{Duration, Instant};

use self::town::Town;
use super::{ask, encode};
use crate::harness::app::Server;
use crate::harness::{self, Database, Kind, Person};

/// How many messages there are; `PARLOR_SEARCH_MESSAGES` names another number.
const MESSAGES: i64 = 1_000_000;
/// How many different queries of each kind are asked.
const TIMES: usize = 50;

#[test]
#[ignore = "takes some minutes and tells numbers: see docs/search.md"]
fn searching_a_million_messages() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        harness::run("searching a million messages", kind, async |database: &Database| measure(database).await);
    }
}

async fn measure(database: &Database) {
    let messages = std::env::var("PARLOR_SEARCH_MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(MESSAGES);
    let mut town = Town::default();
    let began = Instant::now();
    // An index that is emptied first: what is measured includes the making of it.
    let mut server = Server::start(database.url(), &[]).await;
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    server.stop().await;
    town.settle(database, messages).await;
    println!("{:?}: {messages} messages in {:?}", database.kind, began.elapsed());
    let began = Instant::now();
    server.start_again().await;
    let ada = server.log_in(&ada.username).await;
    let eve = server.log_in(&eve.username).await;
    while ask(&ada, "anything", "").await.expect(200).json()["building"] == true {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{:?}: indexed in {:?}", database.kind, began.elapsed());
    // What a server does by itself within some minutes.
    town.rest(database).await;
    let mut all = Vec::new();
    for (reader, who) in [(&ada, "of every room"), (&eve, "of few rooms")] {
        for (about, order, make) in town::QUERIES {
            let mut took = Vec::new();
            let mut found = 0;
            for _ in 0..TIMES {
                let q = make(&mut town);
                let (time, count) = time(reader, &q, order).await;
                if time > Duration::from_millis(100) {
                    println!("  {time:?} for {q}");
                }
                took.push(time);
                found += count;
            }
            all.extend(took.iter().copied());
            tell(database.kind, &format!("a reader {who}: {about}"), &mut took, found / TIMES);
        }
    }
    tell(database.kind, "all of them", &mut all, 0);
    server.stop().await;
}

async fn time(reader: &Person, q: &str, order: &str) -> (Duration, usize) {
    let path = format!("/search?q={}&order={order}", encode(q));
    let began = Instant::now();
    let answer = reader.get_json(&path).await;
    let took = began.elapsed();
    (took, answer.expect(200).json()["results"].as_array().map_or(0, Vec::len))
}

fn tell(kind: Kind, about: &str, took: &mut [Duration], found: usize) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
    println!("{kind:?}: p50 {:>7.2} p95 {:>7.2} max {:>7.2} ms, {found:>2} found  {about}", at(50), at(95), at(100));
}
