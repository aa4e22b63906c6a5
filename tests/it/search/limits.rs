//! What one search, and one person's searches, may take: beyond it an answer says so, and keeps what was found.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;

use super::older::{built, prepare};
use super::paging::pages;
use super::{ask, bodies};
use crate::both;
use crate::harness::app::Server;
use crate::harness::{Database, Kind, TestApp};

/// What an answer weighs at the most, but for its last message, in bytes.
const HEAVIEST: usize = 1 << 20;

#[apply(both)]
async fn a_search_with_too_much_to_weigh_says_so_and_tells_what_it_found(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    // Some 20 KB each, 2.4 MB in all; of signs, which are quickly read.
    for number in 0..115 {
        socket.post("general", &format!("needle number {number} {}", "—".repeat(6_900)), &format!("n{number}")).await;
    }
    let first = ask(&ada, "needle", "&order=best").await.expect(200).json();
    assert_eq!((first["limited"].clone(), first["more"].clone()), (json!(true), json!(true)));
    let live = socket.ok("search", json!({ "q": "needle", "order": "best" })).await;
    assert_eq!((live["limited"].clone(), bodies(&live)), (json!(true), bodies(&first)));
    // It is the oldest that were left out, and further pages are of the same messages.
    let found = pages(&ada, "needle", "best", async || {}).await.concat();
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len());
    assert!((90..115).contains(&found.len()), "{}", found.len());
    assert!(!found.iter().any(|body| body.starts_with("needle number 0 ")));
    let page = ada.get("/search?q=needle&order=best").await.expect(200).body.clone();
    assert!(page.contains("took too long") && page.contains("<mark>needle</mark>"), "{page}");
    // There is no such thing as too many to be the newest.
    let newest = ask(&ada, "needle", "").await.expect(200).json();
    assert_eq!((newest.get("limited"), newest["results"].as_array().map(Vec::len)), (None, Some(20)));
    assert!(!ada.get("/search?q=needle").await.expect(200).body.contains("too large"));
}

#[apply(both)]
async fn a_search_that_finds_nothing_in_its_time_says_so(database: &Database) {
    let mut server = Server::start(database.url(), &[]).await;
    drop(server.register("ada").await.join("general").await);
    server.stop().await;
    let many = match database.kind {
        Kind::Sqlite => {
            "(with recursive n(n) as (select 1 union all select n + 1 from n where n < 10000) select n from n) as many"
        }
        Kind::Postgres => "generate_series(1, 10000) as many(n)",
    };
    // All said on one day, the 22nd of November 2025.
    let statements = format!(
        "insert into messages (room_id, seq, rev, kind, author_id, body, html, nonce, created_at)
         select rooms.id, n + 9, n + 9, 'text', users.id, 'a lamp', '', 'nonce ' || n, 1763800000000 + n from rooms, users, {many};
         update meta set value = '0' where key = 'search_version'"
    );
    prepare(database, None, &statements).await;
    let server = Server::start(database.url(), &[("SEARCH_TIME", "1ms")]).await;
    let ada = server.log_in("ada").await;
    built(&ada).await;
    // The index names all of them, and each is looked at.
    let found = ask(&ada, "lamp after:2025-11-22", "").await.expect(200).json();
    assert_eq!(found, json!({ "results": [], "more": false, "next": null, "limited": true }));
    let page = ada.get("/search?q=lamp+after:2025-11-22").await.expect(200).body.clone();
    assert!(page.contains("took too long") && page.contains("No results so far"), "{page}");
}

#[apply(both)]
async fn one_person_searches_once_at_a_time_and_the_others_wait_or_are_told(app: &TestApp) {
    let ada = app.register("ada").await;
    let grace = app.register("grace").await;
    let (socket, _) = ada.join("general").await;
    socket.post("general", "a lamp", "1").await;
    let pages = join_all((0..20).map(|_| async { ask(&ada, "lamp", "").await.json() }));
    let live = join_all((0..20).map(|_| socket.ask("search", json!({ "q": "lamp" }))));
    let hers = async { ask(&grace, "lamp", "").await.expect(200).json()["results"].as_array().map(Vec::len) };
    let (pages, live, hers) = tokio::join!(pages, live, hers);
    assert_eq!(hers, Some(1), "nobody waits for somebody else's");
    let mut found = 0;
    for answer in pages.into_iter().chain(live) {
        match answer["error"]["code"].as_str() {
            None => found += usize::from(answer["results"].as_array().is_some_and(|results| results.len() == 1)),
            code => assert_eq!(code, Some("busy"), "{answer}"),
        }
    }
    assert!(found > 0, "some had their turn");
    // And afterwards it is as before.
    assert_eq!(ask(&ada, "lamp", "").await.expect(200).json()["results"].as_array().map(Vec::len), Some(1));
}

#[apply(both)]
async fn an_answer_ends_before_it_is_too_heavy(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut all = Vec::new();
    for number in 0..22 {
        // Its HTML is ten times as long.
        let body = format!("{}needle {number}", "[](a.bc)".repeat(990));
        socket.post("general", &body, &format!("n{number}")).await;
        all.push(body);
    }
    all.reverse();
    for order in ["newest", "best"] {
        let answer = ask(&ada, "needle", &format!("&order={order}")).await;
        let results = answer.expect(200).json()["results"].as_array().cloned().unwrap_or_default();
        let heaviest = results.iter().map(|result| result.to_string().len()).max().unwrap_or_default();
        assert!(answer.body.len() < HEAVIEST + heaviest + 1_000, "{} bytes", answer.body.len());
        assert!((2..20).contains(&results.len()), "{} results", results.len());
        assert_eq!(pages(&ada, "needle", order, async || {}).await.concat(), all, "{order} first");
    }
}
