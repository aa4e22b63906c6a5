//! Clients that send more than anybody can.

use serde_json::json;

use crate::both;
use crate::harness::TestApp;
use crate::harness::app::Server;
use crate::harness::{Answer, Database, Socket};

#[apply(both)]
async fn a_flood_of_events_is_refused_or_cut_and_others_go_on(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (witness, _) = ada.join("general").await;
    let (flooding, _) = eve.join("general").await;
    let flood = async {
        for number in 0..40_000 {
            flooding.raw(&format!(r#"42/chat,{}["history",{{"room":"general"}}]"#, number + 10_000)).await;
            if flooding.has_ended() {
                break;
            }
        }
    };
    let others = async {
        for number in 0..20 {
            witness.post("general", "meanwhile", &format!("w{number}")).await;
        }
    };
    tokio::join!(flood, others);
    witness.post("general", "afterwards", "after").await;
}

#[apply(both)]
async fn what_is_refused_for_haste_says_when_to_come_back(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let mut pending = Vec::new();
    for number in 0..1500 {
        pending.push(socket.send("message", json!({ "room": "general", "body": "x", "nonce": format!("n{number}") })).await);
    }
    let mut refused = 0;
    for one in pending {
        let answer = one.acknowledgement().await;
        if answer["ok"] == json!(false) {
            assert_eq!(answer["error"]["code"], "busy", "{answer}");
            assert!(answer["error"]["retry_after"].as_f64().is_some_and(|wait| wait > 0.0), "{answer}");
            refused += 1;
        }
    }
    // Those that were not refused are there, and no others.
    let rows = app.database.query("select seq from messages where kind = 'text'").await;
    assert_eq!(rows.len(), 1500 - refused);
    socket.post("general", "calm again", "calm").await;
}

#[apply(both)]
async fn one_address_has_only_so_many_connections(database: &Database) {
    let server = Server::start(database.url(), &[("ADDRESS_CONNECTION_LIMIT", "5")]).await;
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..12 {
        match Socket::open(&server, "", None).await {
            Ok(socket) => held.push(socket),
            Err(_) => refused += 1,
        }
    }
    assert!(held.len() <= 5 && refused >= 7, "{} let in", held.len());
    // Another address is not held up by it, and places come free.
    let other = crate::harness::Person::from_address(server.site.clone(), "", Some([127, 0, 0, 2].into()));
    other.get("/healthz").await.expect(200);
    held.clear();
    is_let_in(&server).await;
}

#[apply(both)]
async fn all_addresses_together_have_only_so_many_connections(database: &Database) {
    let server = Server::start(database.url(), &[("CONNECTION_LIMIT", "4")]).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        if let Ok(Ok(socket)) = tokio::time::timeout(std::time::Duration::from_secs(2), Socket::open(&server, "", None)).await {
            held.push(socket);
        }
    }
    assert!(held.len() <= 4, "{} let in", held.len());
    held.clear();
    is_let_in(&server).await;
}

/// Waits until there is a place again: the server has to notice first that others have gone.
async fn is_let_in(server: &Server) {
    let trying = async {
        while Answer::try_of(server.stranger().request(reqwest::Method::GET, "/healthz")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::harness::DEADLINE, trying).await.expect("places come free");
}
