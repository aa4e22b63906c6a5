//! The pages for administrators: who may see them, and what is on them.

use serde_json::{Value, json};

use super::PAGES;
use crate::everywhere;
use crate::harness::{Kind, TestApp};

#[apply(everywhere)]
async fn these_pages_are_for_administrators(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    for path in PAGES {
        assert!(app.stranger().get(path).await.expect(303).location().starts_with("/login"), "{path}");
        assert_eq!(app.stranger().get_json(path).await.expect(401).code(), "unauthenticated", "{path}");
        eve.get(path).await.expect(403);
        assert_eq!(eve.get_json(path).await.expect(403).code(), "forbidden", "{path}");
        let page = ada.get(path).await;
        // Each leads to all of them.
        assert!(PAGES.iter().all(|other| page.expect(200).body.contains(&format!("href=\"{other}\""))), "{path}");
        assert!(ada.get_json(path).await.expect(200).json().is_object(), "{path}");
    }
    eve.get("/admin/audit?format=jsonl").await.expect(403);
    assert!(!eve.get("/rooms").await.expect(200).body.contains("href=\"/admin\""));
    assert!(ada.get("/rooms").await.expect(200).body.contains("href=\"/admin\""));
    app.database.run("update users set is_admin = false").await;
    for path in PAGES {
        ada.get(path).await.expect(403);
    }
}

#[apply(everywhere)]
async fn the_overview_says_how_much_there_is(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    app.database.make_admin("ada").await;
    ada.create_room("Vault", "private").await;
    ada.post("/people/eve/message", &[]).await.expect(303);
    eve.enter("general").await;
    for body in ["one", "two", "three"] {
        eve.write("general", body).await.expect(303);
    }
    let overview = ada.get_json("/admin").await.expect(200).json();
    assert_eq!(overview["people"], json!({ "total": 2, "active": 2, "admins": 1, "banned": 0, "deactivated": 0 }));
    assert_eq!(overview["rooms"], json!({ "total": 2, "public": 1, "private": 1, "direct": 1 }));
    assert!(overview["messages"]["total"].as_i64() >= Some(3), "{overview}");
    let days = overview["messages"]["per_day"].as_array().expect("a list");
    assert_eq!((days.len(), days.iter().filter_map(|day| day["count"].as_i64()).sum::<i64>()), (30, 3), "{overview}");
    assert!(overview["storage"]["database_bytes"].as_i64() > Some(0) && overview["version"] == env!("CARGO_PKG_VERSION"));
    let codes: Vec<_> = overview["warnings"].as_array().expect("a list").iter().map(|warning| &warning["code"]).collect();
    assert!(codes.contains(&&json!("one_admin")) && codes.contains(&&json!("mail_off")), "{overview}");
    let health = &overview["health"];
    assert_eq!((&health["database"], health["database_ms"].is_u64()), (&json!("fast"), true), "{overview}");
    let nodes = if app.has_two_nodes() { 2 } else { 1 };
    app.comes_to(json!([nodes, nodes]), async || {
        let health = ada.get_json("/admin").await.expect(200).json()["health"].take();
        json!([health["nodes"], health["nodes_ready"]])
    })
    .await;
    assert!(health["search"].is_string() && health["clock_ahead_ms"].is_i64(), "{overview}");
    assert_eq!(health["disk_free_bytes"].is_i64(), app.database.kind == Kind::Sqlite, "{overview}");
    let page = ada.get("/admin").await;
    assert!(page.expect(200).body.contains("3 in all") && page.body.contains("<rect class=\"bar\""), "{}", page.body);
}

#[apply(everywhere)]
async fn people_and_rooms_are_listed(app: &TestApp) {
    let ada = app.register("ada").await;
    for name in ["eve", "grace"] {
        app.register(name).await;
    }
    app.database.make_admin("ada").await;
    ada.post("/people/eve/ban", &[]).await.expect(303);
    let names = async |query: &str| -> Vec<String> {
        let page = ada.get_json(&format!("/admin/people{query}")).await.expect(200).json();
        page["people"].as_array().expect("a list").iter().map(|person| person["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["ada", "eve", "grace"]);
    assert_eq!(names("?filter=active").await, ["ada", "grace"]);
    assert_eq!(names("?filter=banned").await, ["eve"]);
    assert_eq!(names("?filter=admins").await, ["ada"]);
    assert_eq!(names("?q=A").await, ["ada", "grace"]);
    assert_eq!(names("?after=ada&filter=active").await, ["grace"]);
    assert_eq!(ada.get_json("/admin/people?filter=tall").await.expect(422).code(), "invalid");
    let page = ada.get_json("/admin/people").await.expect(200).json();
    assert_eq!((&page["more"], &page["next"], &page["people"][0]["role"]), (&json!(false), &Value::Null, &json!("admin")));
    assert!(page["people"][1]["banned_at"].is_string() && page["people"][1]["role"] == "member", "{page}");

    let vault = ada.create_room("Vault", "private").await;
    ada.post("/people/grace/message", &[]).await.expect(303);
    let rooms = ada.get_json("/admin/rooms").await.expect(200).json();
    let slugs: Vec<_> = rooms["rooms"].as_array().expect("a list").iter().map(|room| room["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["general", &*vault], "conversations are nobody’s business");
    assert_eq!(rooms["rooms"][1]["created_by"], "ada");
    assert_eq!((&rooms["rooms"][1]["members"], &rooms["rooms"][1]["visibility"]), (&json!(1), &json!("private")));
    assert_eq!(ada.get_json("/admin/rooms?q=vau").await.expect(200).json()["rooms"][0]["slug"], *vault);
    for (path, text) in [("/admin/people", "Banned"), ("/admin/rooms", "Vault")] {
        assert!(ada.get(path).await.expect(200).body.contains(text), "{path}");
    }
}
