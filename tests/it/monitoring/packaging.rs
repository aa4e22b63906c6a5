//! The dashboard and the alerts ask only for numbers that there are.

use std::collections::BTreeSet;

use serde_json::Value;

use super::exposition::Exposition;
use super::metrics::read_all;
use crate::harness::{Database, Nodes, Server};
use crate::{nodes, once};

const DASHBOARD: &str = include_str!("../../../packaging/grafana.json");
const ALERTS: &str = include_str!("../../../packaging/alerts.yml");

/// Every name of a number in a text.
fn asked(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices("parlor_").map(|(at, _)| text[at..].chars().take_while(|c| is_name(*c)).collect()).collect()
}

#[apply(nodes)]
async fn every_number_that_is_asked_for_is_there(nodes: &Nodes) {
    // One on SQLite, and one with Redis: together they have all.
    let database = Database::migrated(crate::harness::Kind::Sqlite).await.expect("a file");
    let mut single = Server::start(database.url(), &[("METRICS", "open")]).await;
    let mut settings: Vec<(&str, &str)> = vec![("METRICS", "open")];
    let redis = nodes.a.setting("REDIS_URL");
    let storage = nodes.storage.as_ref().map(|storage| storage.settings()).unwrap_or_default();
    settings.push(("REDIS_URL", redis));
    settings.extend(storage);
    let mut shared = Server::start(nodes.database.url(), &settings).await;
    // Numbers of requests are there after the first one.
    single.stranger().get("/healthz").await.expect(200);
    let mut names = read_all(&single).await.names();
    names.extend(read_all(&shared).await.names());
    let for_tls = Database::migrated(crate::harness::Kind::Sqlite).await.expect("a file");
    let secure = crate::tls::Served::start(&for_tls, &[("METRICS", "open")]).await;
    names.extend(Exposition::read(&secure.client.get("/metrics").await.body).names());
    single.stop().await;
    shared.stop().await;
    drop(secure);
    for_tls.discard().await;
    database.discard().await;
    for (file, text) in [("grafana.json", DASHBOARD), ("alerts.yml", ALERTS)] {
        let asked = asked(text);
        assert!(asked.len() > 10, "{file} asks for little: {asked:?}");
        let unknown: Vec<_> = asked.difference(&names).collect();
        assert!(unknown.is_empty(), "{file} asks for what is not there: {unknown:?}");
    }
}

#[apply(once)]
async fn each_panel_and_each_alert_is_complete(_database: &Database) {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()) && panel["gridPos"].is_object(), "{panel}");
        if panel["type"] != "row" {
            let targets = panel["targets"].as_array().expect("queries");
            assert!(
                targets.iter().all(|target| target["expr"].as_str().is_some_and(|query| query.contains("parlor_"))),
                "{panel}"
            );
        }
    }
    // Without a reader of YAML: each alert is a block of known lines.
    let blocks: Vec<_> = ALERTS.split("      - alert: ").skip(1).collect();
    assert!(blocks.len() > 8, "{}", blocks.len());
    for block in blocks {
        for part in ["\n        expr: ", "\n        for: ", "severity: ", "summary: ", "description: "] {
            assert!(block.contains(part), "{part} is missing in {block}");
        }
    }
}
