//! What is written on one node reaches the people on the other one, in order, whatever Redis does.

use serde_json::json;

use crate::harness::{Database, Kind, Nodes, Redis, Socket, on_threads_of};
use crate::{everywhere, nodes};

/// Ada on one node and Grace on the other, both live in `general`.
async fn meet(nodes: &Nodes) -> (Socket, Socket) {
    let ada = nodes.a.register("ada").await;
    let grace = nodes.b.register("grace").await;
    (ada.join("general").await.0, grace.join("general").await.0)
}

/// Both write at the same time; everybody hears everything, once and in order.
async fn exchange(ada: &Socket, grace: &Socket, count: usize, round: &str) {
    for number in 0..count {
        let (from_a, from_b) = (format!("{round} a{number}"), format!("{round} b{number}"));
        tokio::join!(ada.post("general", &from_a, &from_a), grace.post("general", &from_b, &from_b));
    }
    for hearer in [ada, grace] {
        let mut heard = Vec::new();
        while heard.len() < 2 * count {
            let message = hearer.next_where("message", |it| it["kind"] == "text").await;
            assert!(message["body"].as_str().unwrap().starts_with(round), "{message}");
            heard.push(message["rev"].as_i64().unwrap());
        }
        assert!(heard.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{heard:?}");
    }
}

#[apply(nodes)]
async fn both_nodes_hear_everything_in_the_order_of_the_log(nodes: &Nodes) {
    let (ada, grace) = meet(nodes).await;
    exchange(&ada, &grace, 50, "first").await;
}

#[apply(nodes)]
async fn edits_reactions_pins_and_deletions_reach_the_other_node(nodes: &Nodes) {
    let (ada, grace) = meet(nodes).await;
    let seq = ada.post("general", "tea at four", "n1").await["seq"].clone();
    grace.hears("tea at four").await;
    let change = |event: &'static str, data: serde_json::Value| {
        let mut data = data;
        data["room"] = json!("general");
        data["seq"] = seq.clone();
        (event, data)
    };
    for (event, data) in [
        change("edit", json!({ "body": "tea at five" })),
        change("react", json!({ "emoji": "🎉", "on": true })),
        change("delete", json!({})),
    ] {
        let rev = ada.ok(event, data).await["message"]["rev"].clone();
        grace.next_where("message", |it| it["rev"] == rev).await;
    }
}

/// No `REDIS_URL`: the database alone.
#[test]
fn without_redis_messages_arrive_all_the_same() {
    on_two_nodes_with("without redis", &[], async |nodes| {
        let (ada, grace) = meet(nodes).await;
        exchange(&ada, &grace, 10, "slow").await;
    });
}

#[test]
fn a_redis_that_is_down_dies_freezes_and_comes_back_loses_nothing() {
    let redis = Redis::stopped();
    on_two_nodes_with("redis fails", &[("REDIS_URL", &redis.url())], async |nodes| {
        let (ada, grace) = meet(nodes).await;
        exchange(&ada, &grace, 5, "down").await;
        redis.up().unwrap();
        exchange(&ada, &grace, 5, "up").await;
        redis.signal("STOP");
        exchange(&ada, &grace, 5, "frozen").await;
        redis.signal("CONT");
        exchange(&ada, &grace, 5, "thawed").await;
        redis.down();
        exchange(&ada, &grace, 5, "killed").await;
        redis.up().unwrap();
        exchange(&ada, &grace, 5, "again").await;
    });
}

/// More frames than a node can decode: it drops what it has no room for, and reads it from the database.
#[test]
fn a_flood_of_frames_loses_nothing() {
    use futures_util::StreamExt;
    let redis = Redis::start();
    on_two_nodes_with("a flood", &[("REDIS_URL", &redis.url())], async |nodes| {
        let (ada, grace) = meet(nodes).await;
        let client = redis::Client::open(redis.url()).unwrap();
        let mut listener = client.get_async_pubsub().await.unwrap();
        listener.psubscribe("parlor:*").await.unwrap();
        let mut frames = listener.on_message();
        ada.post("general", "again and again", "n1").await;
        for person in [&ada, &grace] {
            person.hears("again and again").await;
        }
        // One that is signed, and was delivered already.
        let (channel, frame) = loop {
            let message = frames.next().await.unwrap();
            let frame = message.get_payload_bytes().to_vec();
            if frame.windows(15).any(|part| part == b"again and again") {
                break (message.get_channel_name().to_owned(), frame);
            }
        };
        drop(frames);
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut thousand = redis::pipe();
        for _ in 0..1000 {
            thousand.publish(&channel, &frame).ignore();
        }
        let flood = async {
            for _ in 0..100 {
                thousand.query_async::<()>(&mut connection).await.unwrap();
            }
        };
        tokio::join!(flood, exchange(&ada, &grace, 50, "flooded"));
        exchange(&ada, &grace, 5, "afterwards").await;
    });
}

/// Whoever watches hears of rooms in which they are not live.
#[apply(everywhere)]
async fn watchers_hear_of_their_rooms(app: &crate::harness::TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Tea", "private").await;
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
    let watching = grace.socket().await;
    watching.ok("watch", json!({})).await;
    let (writing, _) = ada.join(&room).await;
    let message = writing.post(&room, "tea is ready", "n1").await;
    let heard = watching.next("activity").await;
    assert_eq!((&heard["room"], &heard["message"]["seq"]), (&json!(room), &message["seq"]));
}

pub(super) fn on_two_nodes_with(test: &str, settings: &[(&str, &str)], body: impl AsyncFnOnce(&Nodes)) {
    on_threads_of(test, async {
        let Some(database) = Database::fresh(Kind::Postgres).await else { return };
        let nodes = Nodes::start(database, settings).await;
        body(&nodes).await;
        crate::harness::Fixture::tear_down(nodes).await.discard().await;
    });
}
