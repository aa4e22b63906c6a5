//! Styles, scripts and pictures.

use reqwest::header::ETAG;

use crate::both;
use crate::harness::{Answer, TestApp};

/// The addresses that a page names in `src` and `href`.
fn assets(body: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for attribute in [" src=\"", " href=\""] {
        for (start, _) in body.match_indices(attribute) {
            let rest = &body[start + attribute.len()..];
            let value = &rest[..rest.find('"').expect("a quoted attribute ends")];
            let file = value.split(['?', '#']).next().unwrap_or_default();
            let is_asset = [".css", ".js", ".svg", ".png", ".ico", ".webmanifest", ".mjs"].iter().any(|end| file.ends_with(end));
            if is_asset {
                found.push(value.to_owned());
            }
        }
    }
    found
}

#[apply(both)]
async fn everything_that_a_page_names_is_there(app: &TestApp) {
    let ada = app.register("ada").await;
    let mut seen = 0;
    for path in ["/login", "/rooms", "/rooms/general"] {
        let reader = if path == "/login" { app.stranger() } else { ada.clone() };
        for asset in assets(&reader.get(path).await.expect(200).body) {
            let answer = ada.get(&asset).await;
            assert_eq!(answer.status, 200, "{asset} of {path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{asset}");
            let is_kept = answer.header("cache-control").contains("max-age") || answer.headers.contains_key(ETAG);
            assert!(is_kept, "{asset}: {:?}", answer.headers);
            let kind = answer.header("content-type").to_owned();
            let fits = match asset.rsplit('.').next() {
                Some(end) if end.starts_with("css") => kind.starts_with("text/css"),
                Some(end) if end.starts_with("js") || end.starts_with("mjs") => kind.contains("javascript"),
                _ => true,
            };
            assert!(fits, "{asset} is {kind}");
            seen += 1;
        }
    }
    assert!(seen > 0, "the pages name no styles");
}

#[apply(both)]
async fn what_is_not_there_is_not_found(app: &TestApp) {
    let stranger = app.stranger();
    for path in ["/static/none.css", "/static/", "/static/css", "/favicon.png.php"] {
        let answer = Answer::of(stranger.request(reqwest::Method::GET, path)).await;
        // Like any page that is not there, for somebody who is not signed in.
        assert!([303, 404].contains(&answer.status), "{path}: {answer:?}");
    }
}
