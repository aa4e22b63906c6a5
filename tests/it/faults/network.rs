//! Networks that fail between people and the server.

use futures_util::future::join_all;
use proof::checker::check;
use proof::faults::ws_proxy;
use serde_json::json;
use tokio::sync::watch;

use crate::harness::follower::Follower;
use crate::harness::tcp_proxy::{Target, TcpProxy};
use crate::harness::{Load, TestApp, head, history};
use crate::{both, once};

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
            // Each round lets some more be said, and of some of it no acknowledgement arrives.
            witness.first(round * 20, "message").await;
            proxy.drop_replies();
            witness.first(round * 20 + 5, "message").await;
            proxy.cut();
            witness.first(round * 20 + 10, "message").await;
            proxy.restore();
        }
    })
    .await;
    app.database.check(&mut load).await;
}

#[apply(once)]
async fn live_messages_that_are_lost_or_come_twice_leave_no_gap_and_no_double(app: &TestApp) {
    let proxy = ws_proxy::start(app.address).await;
    let mut load = Load::gather(app, 2).await;
    let (witness, room) = load.witness();
    let mut followers: Vec<_> = (0..2).map(|_| Follower::new(witness.at(&proxy), &room)).collect();
    for _ in 0..2 {
        let (goal, given) = watch::channel(None);
        let following = join_all(followers.iter_mut().map(|follower| follower.follow(given.clone())));
        let talking = async {
            load.during(async { witness.join(&room).await.0.first(100, "message").await }).await;
            goal.send_replace(Some(head(&witness.socket().await, &room).await));
        };
        tokio::join!(following, talking);
    }
    load.verdict().await;
    let (socket, all) = (witness.socket().await, history(&witness, &room).await);
    for follower in &mut followers {
        follower.follow_to(head(&socket, &room).await).await;
        assert!(follower.gaps > 0 && follower.repeats > 0, "nothing was lost or doubled: the test proves little");
    }
    let journals: Vec<_> = load.clients.iter().map(|it| &it.journal).chain(followers.iter().map(|it| &it.journal)).collect();
    let verdict = check(&journals, &all);
    assert!(verdict.is_clean() && verdict.acknowledged > 0, "{verdict}");
}
