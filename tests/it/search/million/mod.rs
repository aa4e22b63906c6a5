//! How long a search takes among 1,000,000 messages: numbers for docs/measurements/search.md, not a test that can fail.

mod town;

use std::time::{Duration, Instant};

use self::town::Town;
use super::{ask, encode};
use crate::harness::app::Server;
use crate::harness::{self, Database, Kind, Person};

/// How many messages there are; `PARLOR_SEARCH_MESSAGES` names another number, and `PARLOR_SEARCH_DATABASE` the URL of a database that is
/// kept: it is filled the first time, and only asked from then on.
const MESSAGES: i64 = 1_000_000;
/// How many different queries of each kind are asked.
const TIMES: usize = 50;

#[test]
#[ignore = "takes some minutes and tells numbers: see docs/search.md"]
fn searching_a_million_messages() {
    match std::env::var("PARLOR_SEARCH_DATABASE") {
        Ok(url) => harness::on_threads_of("searching a million messages", async { measure(&Database::at(&url)).await }),
        Err(_) => {
            for kind in [Kind::Sqlite, Kind::Postgres] {
                harness::run("searching a million messages", kind, async |database: &Database| measure(database).await);
            }
        }
    }
}

async fn measure(database: &Database) {
    let messages = std::env::var("PARLOR_SEARCH_MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(MESSAGES);
    let mut town = Town::default();
    let mut server = Server::start(database.url(), &[]).await;
    if database.query("select count(*) as count from rooms where slug = 'r0'").await[0]["count"] == 0 {
        let began = Instant::now();
        server.register("ada").await;
        server.register("eve").await;
        server.stop().await;
        town.settle(database, messages).await;
        println!("{:?}: {messages} messages in {:?}", database.kind, began.elapsed());
        server.start_again().await;
    }
    // What is measured includes the making of the index.
    let began = Instant::now();
    let (ada, eve) = (server.log_in("ada").await, server.log_in("eve").await);
    while ask(&ada, "anything", "").await.expect(200).json()["building"] == true {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    println!("{:?}: indexed in {:?}", database.kind, began.elapsed());
    town.begin_again();
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
