//! Networks that fail between people and the server.

use serde_json::json;

use crate::both;
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{Load, TestApp};

#[apply(both)]
async fn a_post_whose_acknowledgement_was_lost_is_there_once_after_its_retry(app: &TestApp) {
    let ada = app.register("ada").await;
    let (witness, _) = ada.join("general").await;
    let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
    let mut far = app.log_in("ada").await;
    far.site = proxy.site.clone();
    let (socket, _) = far.join("general").await;
    proxy.drop_replies();
    let post = json!({ "room": "general", "body": "did you hear me", "nonce": "n" });
    let lost = socket.send("message", post.clone()).await;
    let heard = witness.hears("did you hear me").await;
    proxy.cut();
    assert_eq!(lost.outcome().await, None);
    proxy.restore();
    let again = far.socket().await;
    assert_eq!(again.ok("message", post).await["message"], heard);
    let rows = app.database.query("select seq from messages where nonce = 'n'").await;
    assert_eq!(rows.len(), 1);
}

#[apply(both)]
async fn whoever_is_cut_off_again_and_again_misses_nothing_and_says_nothing_twice(app: &TestApp) {
    let proxy = TcpProxy::to(Target::Tcp(app.address)).await;
    let mut load = Load::gather(app, 3).await;
    // The first one's proxy holds.
    for client in &mut load.clients[1..3] {
        client.person.site = proxy.site.clone();
    }
    let (witness, room) = load.witness();
    let witness = witness.join(&room).await.0;
    load.during(async {
        for round in 1..=8 {
            // Each round lets some more be said.
            witness.first(round * 20, "message").await;
            proxy.cut();
            witness.first(round * 20 + 10, "message").await;
            proxy.restore();
        }
    })
    .await;
    app.database.check(&mut load).await;
}
