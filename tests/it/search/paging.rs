//! Pages of results: nothing twice, nothing left out, whatever happens in between.

use serde_json::json;

use super::{ask, bodies, encode};
use crate::both;
use crate::harness::{Person, TestApp};

/// Every page of a search, one after the other; `between` happens before each next one.
pub(super) async fn pages(person: &Person, q: &str, order: &str, mut between: impl AsyncFnMut()) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut before = String::new();
    loop {
        let found = ask(person, q, &format!("&order={order}&before={}", encode(&before))).await.expect(200).json();
        pages.push(bodies(&found));
        assert_eq!(found["more"], json!(found["next"].is_string()));
        let Some(next) = found["next"].as_str() else { return pages };
        before = next.to_owned();
        between().await;
    }
}

#[apply(both)]
async fn every_match_comes_once_newest_first(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for number in 0..45 {
        socket.post("general", &format!("lamp {number}"), &format!("n{number}")).await;
        socket.post("general", &format!("chair {number}"), &format!("c{number}")).await;
    }
    let mut added = 0;
    let found = pages(&ada, "lamp", "newest", async || {
        // What is said meanwhile is newer than every page that follows.
        added += 1;
        socket.post("general", &format!("lamp later {added}"), &format!("later{added}")).await;
    })
    .await;
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    let expected: Vec<_> = (0..45).rev().map(|number| format!("lamp {number}")).collect();
    assert_eq!(found.concat(), expected);
}

#[apply(both)]
async fn every_match_comes_once_best_first(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for number in 0..45 {
        let body = match number % 3 {
            0 => format!("wind tunnel {number}"),
            1 => format!("a tunnel and much else before there is any wind at all {number}"),
            _ => format!("windy tunnels {number}"),
        };
        socket.post("general", &body, &format!("n{number}")).await;
    }
    let mut added = 0;
    let found = pages(&ada, "wind tunnel", "best", async || {
        added += 1;
        socket.post("general", &format!("wind tunnel wind tunnel later {added}"), &format!("later{added}")).await;
    })
    .await
    .concat();
    assert_eq!(found.len(), 45, "{found:#?}");
    assert!(found[..15].iter().all(|body| body.starts_with("wind tunnel")), "{found:#?}");
    assert_eq!(found[0], "wind tunnel 42");
    // Whole words that stand apart come before beginnings that stand together.
    assert!(found[30..].iter().all(|body| body.starts_with("windy")), "{found:#?}");
    let mut unique = found.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 45);
}

#[apply(both)]
async fn a_page_that_ends_where_all_ends_says_so(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for number in 0..20 {
        socket.post("general", &format!("lamp {number}"), &format!("n{number}")).await;
    }
    for order in ["newest", "best"] {
        let found = pages(&ada, "lamp", order, async || ()).await;
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [20], "{order}");
    }
    // The last result of the page before was deleted: the next page is still the next.
    socket.post("general", "lamp 20", "n20").await;
    let first = ask(&ada, "lamp", "").await.json();
    let last = &first["results"][19]["message"];
    socket.ok("delete", json!({ "room": "general", "seq": last["seq"] })).await;
    let second =
        ask(&ada, "lamp", &format!("&before={}", encode(first["next"].as_str().expect("more")))).await.expect(200).json();
    assert_eq!(bodies(&second), ["lamp 0"]);
}
