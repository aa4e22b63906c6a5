//! Nodes of two versions side by side.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{DEADLINE, Database, Kind, Nodes, Person, Server, TestApp, on_threads_of};
use crate::{both, nodes};

/// A file of a version that this program is not.
async fn insert(database: &Database, version: &str, name: &str, body: &str) {
    let stored = format!("insert into asset_versions (version, used_at) values ('{version}', 1) on conflict do nothing");
    let kind = "text/javascript; charset=utf-8";
    let file = format!("insert into assets (version, name, kind, body) values ('{version}', '{name}', '{kind}', '{body}')");
    database.run(&stored).await;
    database.run(&file).await;
}

async fn cache_of(person: &Person, path: &str) -> (u16, String) {
    let answer = person.get(path).await;
    (answer.status, answer.header("cache-control").to_owned())
}

#[apply(nodes)]
async fn every_node_serves_the_files_of_another_version(nodes: &Nodes) {
    let stranger = nodes.a.stranger();
    // Each version has stored its own: all files, once for both nodes.
    let versions = nodes.database.query("select version, count(*) as files from assets group by version").await;
    assert_eq!(versions.len(), 1, "{versions:?}");
    assert!(versions[0]["files"].as_i64().is_some_and(|files| files > 20), "{versions:?}");
    // Unknown at first, of which nobody may hold on to the answer.
    stranger.get("/static/0123456789abcdef/js/new.js").await.expect(404);
    insert(&nodes.database, "next", "0123456789abcdef/js/new.js", "export const news = 1").await;
    // It has a file at the same path as this version, too.
    insert(&nodes.database, "next", "0123456789abcdef/js/app.js", "export const app = 2").await;
    for site in [&nodes.a, &nodes.b] {
        let stranger = site.stranger();
        let began = Instant::now();
        let found = loop {
            let answer = stranger.get("/static/0123456789abcdef/js/new.js").await;
            if answer.status == 200 {
                break answer;
            }
            assert!(began.elapsed() < Duration::from_secs(5), "{answer:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(found.body, "export const news = 1");
        assert_eq!(found.header("content-type"), "text/javascript; charset=utf-8");
        assert!(found.header("cache-control").contains("immutable"), "{found:?}");
        assert_eq!(stranger.get("/static/0123456789abcdef/js/app.js").await.expect(200).body, "export const app = 2");
        // Of no version: this one's, for now.
        assert_eq!(cache_of(&stranger, "/static/fedcba9876543210/js/app.js").await, (200, "no-cache".to_owned()));
        stranger.get("/static/fedcba9876543210/js/none.js").await.expect(404);
    }
}

/// Five versions are kept, and none that nobody has used for a month.
#[apply(both)]
async fn old_versions_are_forgotten(app: &TestApp) {
    if app.database.kind == Kind::Sqlite {
        assert!(app.database.rows("assets").await.is_empty(), "one process needs no copy");
        return;
    }
    let now = "(extract(epoch from clock_timestamp()) * 1000)::bigint";
    for age in 1..=7 {
        let insert = format!("insert into asset_versions (version, used_at) values ('v{age}', {now} - {age} * 1000)");
        app.database.run(&insert).await;
    }
    app.database.run(&format!("update asset_versions set used_at = {now} - 3000000000 where version = 'v2'")).await;
    insert(&app.database, "v1", "0123456789abcdef/js/one.js", "1").await;
    insert(&app.database, "v7", "0123456789abcdef/js/seven.js", "7").await;
    // The next start of a version that is not stored.
    app.database.run("delete from asset_versions where version not like 'v%'").await;
    let mut second = Server::start(app.database.url(), &[]).await;
    let kept = app.database.query("select version from asset_versions where version like 'v%' order by version").await;
    let kept: Vec<_> = kept.into_iter().map(|row| row["version"].clone()).collect();
    assert_eq!(kept, [json!("v1"), json!("v3"), json!("v4"), json!("v5")]);
    let stranger = second.stranger();
    assert_eq!(stranger.get("/static/0123456789abcdef/js/one.js").await.expect(200).body, "1");
    stranger.get("/static/0123456789abcdef/js/seven.js").await.expect(404);
    second.stop().await;
}

/// `db::search_versions` has what each node writes; this is what people find on the older one.
#[test]
fn search_on_an_older_node_says_that_messages_may_be_missing() {
    on_threads_of("search versions", async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let mut server = Server::start(database.url(), &[]).await;
        let ada = server.register("ada").await;
        let (socket, _) = ada.join("general").await;
        let search = async |person: &Person| {
            let found = person.get_json("/search?q=porridge").await.expect(200).json();
            (found["results"].as_array().expect("a list").len(), found["building"] == true)
        };
        let until = async |person: &Person, expected: (usize, bool)| {
            let began = Instant::now();
            loop {
                let found = search(person).await;
                if found == expected {
                    return;
                }
                assert!(began.elapsed() < DEADLINE, "{found:?} instead of {expected:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        socket.post("general", "porridge", "n1").await;
        until(&ada, (1, false)).await;
        // A node of another program starts. Its row is from the future, so that it does not expire.
        database
            .run(
                "insert into nodes (id, name, version, started_at, seen_at, status)
                 values ('newer', 'newer', '9', 0, 9000000000000, '{\"search_version\": 999}');
                 update meta set value = '999' where key = 'search_version'",
            )
            .await;
        socket.post("general", "more porridge", "n2").await;
        assert_eq!(database.query("select message_id from unindexed").await.len(), 1);
        until(&ada, (1, true)).await;
        // It is gone, and the upgrade is taken back.
        database.run("delete from nodes where id = 'newer'").await;
        server.stop().await;
        server.start_again().await;
        until(&server.log_in("ada").await, (2, false)).await;
        assert!(database.query("select message_id from unindexed").await.is_empty());
        server.stop().await;
        database.discard().await;
    });
}
