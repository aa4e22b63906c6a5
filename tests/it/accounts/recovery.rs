//! Forgotten passwords: a link by an administrator, with which somebody chooses a new one.

use std::time::Duration;

use serde_json::json;

use super::recorded;
use crate::both;
use crate::everywhere;
use crate::harness::app::Server;
use crate::harness::site::PASSWORD;
use crate::harness::{Answer, Database, Person, TestApp};

const NEW: &str = "eleven slow lighthouses";
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The path of a new link for somebody.
async fn link(admin: &Person, username: &str) -> String {
    let form = admin.form(&format!("/admin/people/{username}/reset"), &[]).header("accept", "application/json");
    let made = Answer::of(form).await.expect(201).json();
    assert!(made["expires_at"].as_str().is_some_and(|at| at.len() == 24 && at.ends_with('Z')), "{made}");
    let url = made["url"].as_str().expect("a link");
    let (_, path) = url.split_once("/reset/").expect("a link for a new password");
    assert!(path.len() >= 22 && url.starts_with("http://127.0.0.1:"), "{url}");
    format!("/reset/{path}")
}

/// An administrator, and somebody who forgot their password.
async fn people(app: &TestApp) -> (Person, Person) {
    let (rosa, ada) = (app.register("rosa").await, app.register("ada").await);
    app.database.make_admin("rosa").await;
    (rosa, ada)
}

async fn logs_in(app: &TestApp, password: &str) -> u16 {
    app.stranger().post("/login", &[("username", "ada"), ("password", password)]).await.status
}

#[apply(everywhere)]
async fn a_link_sets_a_new_password_once_and_ends_all_sessions(app: &TestApp) {
    let (rosa, ada) = people(app).await;
    let elsewhere = app.log_in("ada").await;
    let sockets = [ada.join("general").await.0, elsewhere.join("general").await.0];
    let path = link(&rosa, "ada").await;
    let stored = format!("{:?}", app.database.rows("resets").await);
    assert!(!stored.contains(&path["/reset/".len()..]), "a backup would let somebody in: {stored}");
    let stranger = app.stranger();
    let page = stranger.get(&path).await;
    assert!(page.expect(200).body.contains("@ada") && page.body.contains("name=\"password\""), "{}", page.body);
    // What is refused does not use it up.
    for (password, why) in [("short", "at least 8"), ("password1", "too easy"), ("ada-ada-ada", "too easy")] {
        let again = stranger.post(&path, &[("password", password)]).await;
        assert!(again.expect(422).body.contains(why), "{password}: {}", again.body);
        let form = stranger.form(&path, &[("password", password)]).header("accept", "application/json");
        assert_eq!(Answer::of(form).await.expect(422).json()["error"]["field"], "password");
    }
    ada.get("/rooms").await.expect(200);
    assert_eq!(stranger.post(&path, &[("password", NEW)]).await.expect(303).location(), "/login");
    for socket in &sockets {
        assert_eq!(socket.next("signed_out").await["reason"], "password_changed");
        socket.is_cut().await;
    }
    for person in [&ada, &elsewhere] {
        person.get("/rooms").await.expect(303);
    }
    rosa.get("/rooms").await.expect(200);
    assert_eq!([logs_in(app, PASSWORD).await, logs_in(app, NEW).await], [401, 303]);
    for answer in [stranger.get(&path).await, stranger.post(&path, &[("password", PASSWORD)]).await] {
        assert!(answer.expect(404).body.contains("This link doesn’t work"), "{}", answer.body);
    }
    assert_eq!(stranger.get_json(&path).await.expect(404).code(), "not_found");
    assert_eq!(logs_in(app, NEW).await, 303);
    assert_eq!(recorded(&app.database, "user.reset_link").await, ["rosa ada"]);
    assert_eq!(recorded(&app.database, "user.reset").await, ["nobody ada"]);
    assert!(!format!("{:?}", app.database.rows("audit").await).contains(&path["/reset/".len()..]), "a secret");
}

#[apply(everywhere)]
async fn a_link_ends_with_time_a_newer_link_a_new_password_and_a_ban(app: &TestApp) {
    let (rosa, ada) = people(app).await;
    let stranger = app.stranger();
    let old = link(&rosa, "ada").await;
    app.pass(HOUR - Duration::from_secs(60));
    stranger.get(&old).await.expect(200);
    app.pass(Duration::from_secs(60));
    stranger.get(&old).await.expect(404);
    stranger.post(&old, &[("password", NEW)]).await.expect(404);
    rosa.post("/confirm", &[("password", PASSWORD)]).await.expect(303);
    let (first, second) = (link(&rosa, "ada").await, link(&rosa, "ada").await);
    stranger.get(&first).await.expect(404);
    stranger.get(&second).await.expect(200);
    ada.post("/settings/password", &[("current", PASSWORD), ("password", NEW)]).await.expect(303);
    stranger.get(&second).await.expect(404);
    let third = link(&rosa, "ada").await;
    rosa.post("/people/ada/ban", &[]).await.expect(303);
    stranger.get(&third).await.expect(404);
    stranger.post(&third, &[("password", PASSWORD)]).await.expect(404);
    rosa.post("/admin/people/ada/reset", &[]).await.expect(403);
    assert_eq!(app.database.rows("resets").await.len(), 1, "what has ended is deleted");
}

#[apply(everywhere)]
async fn only_administrators_make_links(app: &TestApp) {
    let (rosa, ada) = people(app).await;
    let path = "/admin/people/rosa/reset";
    ada.post(path, &[]).await.expect(403);
    ada.post("/admin/people/nobody/reset", &[]).await.expect(403);
    assert!(app.stranger().post(path, &[]).await.expect(303).location().starts_with("/login"));
    rosa.post("/admin/people/nobody/reset", &[]).await.expect(404);
    assert!(app.database.rows("resets").await.is_empty());
    assert!(rosa.get("/people/ada").await.body.contains("/admin/people/ada/reset"));
    assert!(!ada.get("/people/rosa").await.body.contains(path));
    let page = rosa.post("/admin/people/ada/reset", &[]).await;
    let text = &page.expect(201).body;
    assert!(text.contains(&format!("{}/reset/", app.origin)) && text.contains("data-copy="), "{text}");
}

#[apply(everywhere)]
async fn of_many_who_use_one_link_at_once_one_sets_the_password(app: &TestApp) {
    let (rosa, _) = people(app).await;
    let path = link(&rosa, "ada").await;
    let passwords: Vec<_> = (0..4).map(|nth| format!("{NEW} {nth}")).collect();
    let tries = passwords.iter().map(|password| {
        let (stranger, path) = (app.stranger(), path.clone());
        async move { stranger.post(&path, &[("password", password)]).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 303).expect("one");
    assert_eq!(logs_in(app, &passwords[winner]).await, 303);
}

#[apply(both)]
async fn links_cannot_be_guessed_without_end(database: &Database) {
    let server = Server::start(database.url(), &[("LOGIN_RATE", "3/min")]).await;
    let rosa = server.register("rosa").await;
    server.register("ada").await;
    database.make_admin("rosa").await;
    let path = link(&rosa, "ada").await;
    let eve = server.stranger();
    eve.get("/reset/0123456789abcdef").await.expect(404);
    eve.get_json("/reset/guessed").await.expect(404);
    eve.post("/reset/guessed-again", &[("password", NEW)]).await.expect(404);
    let refused = eve.get(&path).await;
    assert!(refused.expect(429).header("retry-after").parse::<u64>().is_ok(), "{refused:?}");
    eve.post(&path, &[("password", NEW)]).await.expect(429);
    server.pass(Duration::from_secs(60));
    eve.get(&path).await.expect(200);
    assert_eq!(eve.post(&path, &[("password", NEW)]).await.expect(303).location(), "/login");
    assert_eq!(json!(database.rows("resets").await), json!([]));
}
