//! Access that ends on one node ends on all, whatever Redis does.

use serde_json::json;

use super::delivery::on_two_nodes_with;
use crate::harness::site::PASSWORD;
use crate::harness::{Nodes, Redis};

/// What ends access must not need Redis: here it is frozen.
fn with_a_frozen_redis(test: &str, body: impl AsyncFnOnce(&Nodes)) {
    let redis = Redis::start();
    on_two_nodes_with(test, &[("REDIS_URL", &redis.url())], async |nodes| {
        redis.signal("STOP");
        body(nodes).await;
        redis.signal("CONT");
    });
}

#[test]
fn logging_out_on_one_node_ends_the_socket_on_the_other() {
    with_a_frozen_redis("log-out", async |nodes| {
        let ada = nodes.a.register("ada").await;
        let there = ada.at(&nodes.b).socket().await;
        ada.post("/logout", &[]).await.expect(303);
        assert_eq!(there.next("signed_out").await["reason"], json!("logged_out"));
        there.end().await;
    });
}

#[test]
fn a_ban_on_one_node_ends_the_sockets_on_the_other() {
    with_a_frozen_redis("ban", async |nodes| {
        let eve = nodes.b.register("eve").await;
        let there = eve.socket().await;
        let ada = nodes.a.register("ada").await;
        nodes.database.make_admin("ada").await;
        ada.post("/people/eve/ban", &[]).await.expect(303);
        assert_eq!(there.next("signed_out").await["reason"], json!("banned"));
        there.end().await;
    });
}

#[test]
fn a_removal_on_one_node_takes_the_socket_on_the_other_out_of_the_room() {
    with_a_frozen_redis("removal", async |nodes| {
        let (ada, grace) = (nodes.a.register("ada").await, nodes.b.register("grace").await);
        let room = ada.create_room("Tea", "private").await;
        ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
        let (there, _) = grace.join(&room).await;
        ada.post(&format!("/rooms/{room}/members/grace/remove"), &[]).await.expect(303);
        assert_eq!(there.next("removed").await, json!({ "room": room, "reason": "removed" }));
        let (writing, _) = ada.join(&room).await;
        writing.post(&room, "secret", "n1").await;
        writing.ok("join", json!({ "room": "general" })).await;
        there.ok("join", json!({ "room": "general" })).await;
        writing.post("general", "all done", "n2").await;
        there.hears("all done").await;
        assert!(there.peek_at("message").iter().all(|it| it["body"] != json!("secret")));
    });
}

#[test]
fn a_new_password_on_one_node_ends_the_other_sessions_on_the_other() {
    with_a_frozen_redis("password", async |nodes| {
        let ada = nodes.a.register("ada").await;
        let there = nodes.b.log_in("ada").await.socket().await;
        let fields = [("current", PASSWORD), ("password", "nine loud harbours")];
        ada.post("/settings/password", &fields).await.expect(303);
        assert_eq!(there.next("signed_out").await["reason"], json!("password_changed"));
        there.end().await;
    });
}

/// Names that messages link, and rooms that may be seen.
#[test]
fn who_registers_or_is_renamed_and_what_becomes_private_is_known_on_the_other_node() {
    with_a_frozen_redis("names", async |nodes| {
        let ada = nodes.a.register("ada").await;
        let (here, _) = ada.join("general").await;
        let room = nodes.b.register("grace").await.create_room("Open house", "public").await;
        // The notification is on its way; it has come when the link is there.
        let linked = |text: String| async move { text.contains("href=\"/people/grace\"") };
        let mut tries = 0;
        while !linked(here.post("general", "hello @grace", &format!("n{tries}")).await["html"].to_string().replace('\\', ""))
            .await
        {
            tries += 1;
            assert!(tries < 200, "@grace is never linked");
        }
        let mut tries = 0;
        let href = format!("href=\"/rooms/{room}\"");
        while !here.post("general", &format!("#{room}"), &format!("r{tries}")).await["html"]
            .to_string()
            .replace('\\', "")
            .contains(&href)
        {
            tries += 1;
            assert!(tries < 200, "#{room} is never linked");
        }
    });
}
