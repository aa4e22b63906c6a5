//! What forms and pages ask for too often: it is said in words, in place, and what was typed stays.

use reqwest::Method;
use serde_json::json;

use crate::both;
use crate::harness::app::Server;
use crate::harness::{Answer, Database, Person};

/// Asserts that a form is refused because it came too often: as a page in words with what was typed, and as JSON.
async fn is_refused_in_place(person: &Person, path: &str, fields: &[(&str, &str)], typed: &[&str]) {
    let page = person.post(path, fields).await;
    page.expect(429);
    assert!(page.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0), "{path}: {page:?}");
    assert!(page.body.contains("Too many attempts") && page.body.contains("role=\"alert\""), "{path}: {}", page.body);
    for words in typed {
        assert!(page.body.contains(words), "{path} has lost {words}: {}", page.body);
    }
    let answer = Answer::of(person.form(path, fields).header("accept", "application/json")).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate_limited"), "{path}");
    assert!(answer.json()["error"]["retry_after"].as_f64().is_some_and(|wait| wait > 0.0), "{path}");
}

#[apply(both)]
async fn forms_say_so_in_place_and_keep_what_was_typed(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    let (ada, grace, mary) = (server.register("ada").await, server.register("grace").await, server.register("mary").await);
    let room = ada.create_room("Tea", "private").await;
    let again = [("name", "More tea"), ("topic", "And biscuits"), ("visibility", "private")];
    is_refused_in_place(&ada, "/rooms", &again, &["More tea", "And biscuits", "value=\"private\" selected"]).await;
    let members = format!("/rooms/{room}/members");
    ada.post(&members, &[("username", "grace")]).await.expect(303);
    is_refused_in_place(&ada, &members, &[("username", "mary")], &["value=\"mary\""]).await;
    let settings = format!("/rooms/{room}/settings");
    ada.post(&settings, &[("topic", "Green")]).await.expect(303);
    is_refused_in_place(&ada, &settings, &[("topic", "Black"), ("name", "Coffee")], &[">Black</textarea>", "value=\"Coffee\""])
        .await;
    ada.post(&format!("{members}/grace/remove"), &[]).await.expect(303);
    is_refused_in_place(&ada, &format!("{members}/grace/remove"), &[], &[]).await;
    ada.post("/settings", &[("status", "Here")]).await.expect(303);
    is_refused_in_place(&ada, "/settings", &[("status", "Away")], &["value=\"Away\""]).await;
    mary.post("/direct", &[("users", "grace")]).await.expect(303);
    is_refused_in_place(&mary, "/direct", &[("users", "no.such.one")], &["no.such.one"]).await;
    // Nothing of what was refused has happened.
    let told = mary.get_json("/rooms").await.json();
    assert!(!told.to_string().contains("tea"), "{told}");
    let (socket, _) = ada.join(&room).await;
    let seq = socket.post(&room, "pinned", "1").await["seq"].clone();
    ada.post(&format!("/rooms/{room}/{seq}/pin"), &[("on", "true")]).await.expect(303);
    is_refused_in_place(&ada, &format!("/rooms/{room}/{seq}/pin"), &[("on", "false")], &["pinned"]).await;
    grace.post("/rooms/general/leave", &[]).await.expect(303);
    grace.post("/rooms/general/leave", &[]).await.expect(429);
    server.stop().await;
}

#[apply(both)]
async fn reading_too_much_says_when_to_come_back(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    let (ada, grace) = (server.register("ada").await, server.register("grace").await);
    ada.get("/rooms").await.expect(200);
    for path in [
        "/rooms",
        "/rooms/general",
        "/rooms/general/1",
        "/rooms/general/members",
        "/mentions",
        "/people",
        "/settings",
        "/search?q=x",
    ] {
        let page = ada.get(path).await;
        page.expect(429);
        assert!(!page.header("retry-after").is_empty() && page.body.contains("Too many requests"), "{path}: {page:?}");
        assert_eq!(ada.get_json(path).await.expect(429).code(), "rate_limited", "{path}");
    }
    // A head is a page that was not wanted whole.
    assert_eq!(Answer::of(ada.request(Method::HEAD, "/rooms")).await.status, 429);
    grace.get("/rooms").await.expect(200);
    server.stop().await;
}

#[apply(both)]
async fn searching_and_looking_people_up_have_shares_of_their_own(database: &Database) {
    // Pages may be read twenty times as often as people are looked up.
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/min")]).await;
    let ada = server.register("ada").await;
    let mut refused = None;
    for _ in 0..6 {
        let page = ada.get("/people?q=a").await;
        if page.status == 429 {
            refused = Some(page);
        }
    }
    assert!(refused.expect("six at once are too many").body.contains("Too many requests"));
    ada.get("/rooms").await.expect(200);
    ada.get("/search?q=kettle").await.expect(200);
    let page = ada.get("/search?q=kettle").await.expect(429).clone();
    assert!(page.body.contains("value=\"kettle\"") && page.body.contains("role=\"alert\""), "{}", page.body);
    assert!(!page.header("retry-after").is_empty());
    server.stop().await;
}

#[apply(both)]
async fn whoever_looks_after_the_server_is_counted_too(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    let ada = server.register("ada").await;
    server.register("grace").await;
    database.make_admin("ada").await;
    assert!([200, 201].contains(&ada.post("/invites", &[]).await.status));
    ada.post("/invites", &[]).await.expect(429);
    ada.post("/people/grace/ban", &[]).await.expect(303);
    let answer = Answer::of(ada.form("/people/grace/unban", &[]).header("accept", "application/json")).await;
    assert_eq!(answer.json()["error"]["code"], json!("rate_limited"));
    server.stop().await;
}

#[apply(both)]
async fn a_list_of_ones_own_counts_once(database: &Database) {
    let mut server = Server::start(database.url(), &[("ACT_RATE", "1/h")]).await;
    for (number, path) in ["/drafts", "/settings/reminders", "/api/v1/me/drafts", "/api/v1/me/reminders"].into_iter().enumerate()
    {
        let person = server.register(&format!("person{number}")).await;
        person.get_json(path).await.expect(200);
        person.get_json(path).await.expect(429);
    }
    let ada = server.register("ada").await;
    ada.get_json("/api/v1/rooms/general/draft").await.expect(404);
    ada.get_json("/api/v1/rooms/general/draft").await.expect(429);
    server.stop().await;
}
