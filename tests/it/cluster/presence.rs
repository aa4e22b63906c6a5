//! Who is there, on whichever node, and what only the living need to know.

use serde_json::json;

use crate::harness::{Nodes, Server};
use crate::nodes;

/// Waits until somebody who joins on this node is told that these people are there.
async fn see(node: &Server, room: &str, people: &[&str]) {
    let eve = node.log_in("eve").await;
    let mut tries = 0;
    loop {
        let (socket, joined) = eve.join(room).await;
        let others: Vec<_> =
            joined["online"]["users"].as_array().unwrap().iter().filter(|name| **name != json!("eve")).cloned().collect();
        if others == people.iter().map(|name| json!(name)).collect::<Vec<_>>() {
            return;
        }
        drop(socket);
        tries += 1;
        assert!(tries < 100, "{joined} instead of {people:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[apply(nodes)]
async fn who_is_in_a_room_is_known_on_both_nodes(nodes: &Nodes) {
    let (ada, grace) = (nodes.a.register("ada").await, nodes.b.register("grace").await);
    nodes.a.register("eve").await;
    let (here, _) = ada.join("general").await;
    let (there, _) = grace.join("general").await;
    assert_eq!(here.next_where("presence", |it| it["user"] == "grace").await["online"], json!(true));
    see(&nodes.a, "general", &["ada", "grace"]).await;
    see(&nodes.b, "general", &["ada", "grace"]).await;
    // A second socket on the other node: they have not left before both have gone.
    let (second, _) = ada.at(&nodes.b).join("general").await;
    drop(here);
    see(&nodes.b, "general", &["ada", "grace"]).await;
    drop(second);
    assert_eq!(there.next_where("presence", |it| it["user"] == "ada" && it["online"] == json!(false)).await["room"], "general");
    see(&nodes.a, "general", &["grace"]).await;
}

#[apply(nodes)]
async fn here_means_everybody_who_is_connected_to_any_node(nodes: &Nodes) {
    let (ada, grace) = (nodes.a.register("ada").await, nodes.b.register("grace").await);
    let (here, _) = ada.join("general").await;
    let (there, _) = grace.join("general").await;
    here.next_where("presence", |it| it["user"] == "grace").await;
    here.post("general", "lunch, @here", "n1").await;
    there.hears("lunch, @here").await;
    let page = grace.get("/mentions").await;
    assert!(page.expect(200).body.contains("lunch"), "{}", page.body);
}

#[apply(nodes)]
async fn typing_read_markers_levels_and_drafts_reach_ones_other_node(nodes: &Nodes) {
    let (ada, grace) = (nodes.a.register("ada").await, nodes.b.register("grace").await);
    let (here, _) = ada.join("general").await;
    let (there, _) = grace.join("general").await;
    here.next_where("presence", |it| it["user"] == "grace").await;
    there.tell("typing", json!({ "room": "general" })).await;
    assert_eq!(here.next("typing").await["user"], "grace");
    let (window, _) = ada.at(&nodes.b).join("general").await;
    let seq = here.post("general", "one", "n1").await["seq"].clone();
    here.ok("read", json!({ "room": "general", "seq": seq })).await;
    assert_eq!(window.next("read").await["seq"], seq);
    here.ok("level", json!({ "room": "general", "level": "muted" })).await;
    assert_eq!(window.next("level").await["level"], "muted");
    here.ok("draft", json!({ "room": "general", "body": "half a sent" })).await;
    assert_eq!(window.next("draft").await["body"], "half a sent");
    ada.post("/settings", &[("status", "at lunch")]).await;
    assert_eq!(there.next_where("person", |it| it["username"] == "ada").await["status"], "at lunch");
}
