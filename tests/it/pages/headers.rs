//! The headers of every page.

use std::collections::HashSet;

use crate::both;
use crate::harness::app::Server;
use crate::harness::polling::OPENING;
use crate::harness::{Answer, Database, TestApp};

/// Pages of every kind: for strangers, for people, refusals, and what is not there.
const PATHS: [&str; 9] = [
    "/login",
    "/register",
    "/rooms",
    "/rooms/general",
    "/rooms/general/1",
    "/rooms/general/999999",
    "/rooms/no-such-room",
    "/no-such-page",
    "/rooms/general?limit=9999",
];

fn check(path: &str, answer: &Answer) {
    let header = |name: &str| answer.header(name).to_owned();
    let policy = header("content-security-policy");
    let directives: Vec<_> = policy.split(';').map(str::trim).collect();
    let directive = |name: &str| {
        let found = directives.iter().find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{path}: no {name} in {policy:?}")).trim().to_owned()
    };
    for name in ["default-src", "base-uri", "object-src", "form-action", "frame-ancestors"] {
        // What is not named falls back on nothing at all, except for those that do not fall back.
        if name == "object-src" && directive("default-src") == "'none'" {
            continue;
        }
        assert!(["'none'", "'self'"].contains(&directive(name).as_str()), "{path}: {name} in {policy:?}");
    }
    let scripts = directive("script-src");
    assert!(!scripts.contains("unsafe") && !scripts.contains('*') && !scripts.contains("http"), "{path}: {policy:?}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"), "{path}: {policy:?}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    let referrer = header("referrer-policy");
    assert!(["no-referrer", "same-origin", "strict-origin", "origin"].contains(&referrer.as_str()), "{path}: {referrer:?}");
    assert!(!answer.headers.contains_key("server"), "{path}");
}

#[apply(both)]
async fn every_page_for_a_person_says_what_a_browser_may_do_with_it(app: &TestApp) {
    let ada = app.register("ada").await;
    for path in PATHS {
        let answer = ada.get(path).await;
        check(path, &answer);
        let cache = answer.header("cache-control").to_owned();
        assert!(cache.contains("private") || cache.contains("no-store"), "{path}: {cache:?}");
    }
}

#[apply(both)]
async fn every_answer_of_the_sockets_path_does_so_too(database: &Database) {
    for transports in ["websocket", "websocket,polling"] {
        let mut server = Server::start(database.url(), &[("TRANSPORTS", transports)]).await;
        let stranger = server.stranger();
        for path in
            ["/socket.io/", "/socket.io", "/socket.io/x", OPENING, "/socket.io/?EIO=3", "/socket.io/?EIO=4&transport=websocket"]
        {
            let answer = stranger.get(path).await;
            check(path, &answer);
            assert_eq!(answer.header("cache-control"), "private, no-store", "{path}");
            check(path, &Answer::of(stranger.request(reqwest::Method::POST, path).body("40/chat,")).await);
        }
        let upgrade = stranger.request(reqwest::Method::GET, "/socket.io/?EIO=4&transport=websocket");
        let upgrade =
            upgrade.header("connection", "upgrade").header("upgrade", "websocket").header("sec-websocket-version", "13");
        let answer = Answer::of_head(upgrade.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")).await;
        check("an upgrade", answer.expect(101));
        server.stop().await;
    }
}

#[apply(both)]
async fn every_page_for_a_stranger_does_so_too(app: &TestApp) {
    for path in PATHS {
        check(path, &app.stranger().get(path).await);
    }
}

#[apply(both)]
async fn a_page_has_nothing_inline_and_nothing_from_elsewhere(app: &TestApp) {
    let ada = app.register("ada").await;
    ada.write("general", "some *words* with a [link](https://example.com/)").await;
    for path in ["/rooms", "/rooms/general", "/login", "/register"] {
        let body = ada.get(path).await.body.to_lowercase();
        for (start, _) in body.match_indices("<script") {
            let tag = &body[start..start + body[start..].find('>').expect("a tag ends")];
            let is_known = ["src=", "json", "id=\"first\""].iter().any(|part| tag.contains(part));
            assert!(is_known, "{path}: {tag}");
        }
        assert!(!body.contains("<style"), "{path}");
        for attribute in [" onclick=", " onload=", " onerror=", " onsubmit=", "javascript:"] {
            assert!(!body.contains(attribute), "{path} has {attribute}");
        }
        for attribute in ["src=\"http", "src=\"//", "<link rel=\"stylesheet\" href=\"http"] {
            assert!(!body.contains(attribute), "{path} has {attribute}");
        }
    }
}

#[apply(both)]
async fn a_request_has_an_id_that_the_server_chose(app: &TestApp) {
    let ask = async |path: &str| {
        let request = app.stranger().request(reqwest::Method::GET, path).header("x-request-id", "chosen-by-the-client");
        Answer::of(request).await.header("x-request-id").to_owned()
    };
    let ids: HashSet<_> = [ask("/login").await, ask("/login").await, ask("/no-such-page").await, ask("/healthz").await].into();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
}

#[apply(both)]
async fn with_https_a_browser_keeps_to_it_for_all_names_below_too(database: &Database) {
    for (url, expected) in [("https://chat.example", "max-age=31536000; includeSubDomains"), ("http://chat.example", "")] {
        let mut server = Server::start(database.url(), &[("PUBLIC_URL", url)]).await;
        for path in ["/login", "/static/css/parlor.css", "/no-such-page", "/healthz"] {
            assert_eq!(server.stranger().get(path).await.header("strict-transport-security"), expected, "{path}");
        }
        server.stop().await;
    }
}
