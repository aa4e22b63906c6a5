//! Traces reach a collector, and name no room and nobody.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{Database, process};
use crate::once;

#[apply(once)]
async fn a_request_is_traced_by_its_route(database: &Database) {
    let (sender, mut traces) = mpsc::unbounded_channel();
    let take = move |body: Bytes| {
        let sender = sender.clone();
        async move {
            drop(sender.send(body));
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let collector = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await });
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
    let mut server = process::start(database.folder(), database.url(), &settings).await;
    let person = server.register("zuzanna").await;
    person.enter("general").await;
    person.write("general", "a secret word").await.expect(303);
    let mut all = String::new();
    // The bytes of a protocol buffer: its texts are in it as they are.
    let traced = async {
        while !(all.contains("POST /rooms/{slug}/messages") && all.contains("service.name") && all.contains("commit")) {
            all += &String::from_utf8_lossy(&traces.recv().await.expect("the collector runs"));
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), traced).await.expect("it is traced in time");
    server.signal("TERM").await;
    server.end().await;
    while let Ok(body) = traces.try_recv() {
        all += &String::from_utf8_lossy(&body);
    }
    for secret in ["secret word", "general", "zuzanna"] {
        assert!(!all.contains(secret), "{secret} is in a trace");
    }
}
