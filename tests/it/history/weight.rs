//! Answers are limited by bytes: whatever people write, each ends early, says so, and going on finds everything.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::seqs;
use crate::both;
use crate::harness::{Person, Socket, TestApp};

/// The heaviest that 8,000 characters can be, as far as we know: ten times as much HTML.
fn heavy() -> String {
    "[](b.co)".repeat(1000)
}

/// How many heavy messages there are: several times what one answer holds.
const COUNT: i64 = 40;
/// One answer, with the one message that may be on top of it.
const MOST: usize = 1024 * 1024 + 200 * 1024;

/// A private room with heavy messages in it, all of them pinned, and two light ones around each.
async fn heavy_room(person: &Person) -> (String, Socket) {
    let room = person.create_room("Heavy", "private").await;
    let (socket, _) = person.join(&room).await;
    for number in 0..COUNT {
        let posted = socket.post(&room, &heavy(), &format!("heavy-{number}")).await;
        socket.ok("pin", json!({ "room": room, "seq": posted["seq"], "on": true })).await;
        socket.post(&room, "light", &format!("light-{number}")).await;
    }
    (room, socket)
}

fn weight(answer: &Value) -> usize {
    answer.to_string().len()
}

fn all_texts(room_has: i64) -> BTreeSet<i64> {
    (1..=room_has).collect()
}

#[apply(both)]
async fn every_answer_ends_early_and_going_on_finds_everything(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = heavy_room(&ada).await;
    let joined = socket.ok("join", json!({ "room": room })).await;
    let last = joined["head"]["seq"].as_i64().expect("a number");
    assert!(weight(&joined) <= MOST, "{}", weight(&joined));
    assert_eq!(joined["more"], json!(true));
    assert_eq!(seqs(&joined["messages"]).last(), Some(&last), "the newest are the ones that are kept");

    // Catching up from the beginning, in parts.
    let (mut after, mut found) = (0, BTreeSet::new());
    loop {
        let event = if after == 0 { "join" } else { "sync" };
        let part = socket.ok(event, json!({ "room": room, "after": after })).await;
        assert!(weight(&part) <= MOST, "{}", weight(&part));
        for message in part["messages"].as_array().expect("messages") {
            let rev = message["rev"].as_i64().expect("a number");
            assert!(rev > after, "in the order of rev");
            after = rev;
            found.insert(message["seq"].as_i64().expect("a number"));
            assert!(message["kind"] != "text" || message["html"] != "", "whole messages");
        }
        if part["complete"] == json!(true) {
            break;
        }
    }
    assert_eq!(found, all_texts(last));

    // Backwards by event, forwards by page.
    let (mut before, mut found) = (last + 1, BTreeSet::new());
    loop {
        let part = socket.ok("history", json!({ "room": room, "before": before, "limit": 200 })).await;
        assert!(weight(&part) <= MOST, "{}", weight(&part));
        let these = seqs(&part["messages"]);
        assert_eq!(these.last(), Some(&(before - 1)), "next to where it was asked for");
        before = these[0];
        found.extend(these);
        if part["more_before"] == json!(false) {
            break;
        }
    }
    assert_eq!(found, all_texts(last));
    let (mut after, mut found) = (0, BTreeSet::new());
    loop {
        let part = ada.get_json(&format!("/rooms/{room}?limit=200&after={after}")).await.expect(200).json();
        assert!(weight(&part) <= MOST, "{}", weight(&part));
        let these = seqs(&part["messages"]);
        assert_eq!(these.first(), Some(&(after + 1)), "next to where it was asked for");
        after = *these.last().expect("at least one");
        found.extend(these);
        if part["more_after"] == json!(false) {
            break;
        }
    }
    assert_eq!(found, all_texts(last));

    // Around a message, that message is there.
    let around = socket.ok("history", json!({ "room": room, "around": 30, "limit": 100 })).await;
    assert!(weight(&around) <= MOST && seqs(&around["messages"]).contains(&30));
    assert_eq!((&around["more_before"], &around["more_after"]), (&json!(true), &json!(true)));
    let page = ada.get(&format!("/rooms/{room}?limit=200")).await;
    assert!(page.expect(200).body.len() <= 2 * MOST, "{}", page.body.len());
}

#[apply(both)]
async fn pins_come_in_parts(app: &TestApp) {
    let ada = app.register("ada").await;
    let (room, socket) = heavy_room(&ada).await;
    let (mut before, mut found) = (Value::Null, Vec::new());
    loop {
        let part = socket.ok("pins", json!({ "room": room, "before": before })).await;
        assert!(weight(&part) <= MOST, "{}", weight(&part));
        assert_eq!(part["count"], json!(COUNT));
        found.extend(seqs(&part["messages"]));
        if part["more"] == json!(false) {
            assert_eq!(part["next"], Value::Null);
            break;
        }
        before = part["next"].clone();
    }
    // The last one was pinned last; ada's own entering is message 1.
    assert_eq!(found, (0..COUNT).rev().map(|nth| 2 + 2 * nth).collect::<Vec<_>>());
    let first = ada.get_json(&format!("/rooms/{room}/pins")).await.expect(200).json();
    let next = first["next"].as_str().expect("there are more").to_owned();
    let second = ada.get_json(&format!("/rooms/{room}/pins?before={next}")).await.expect(200).json();
    assert!(seqs(&second["messages"])[0] < *seqs(&first["messages"]).last().expect("at least one"));
    assert!(ada.get(&format!("/rooms/{room}/pins")).await.expect(200).body.contains(&format!("before={next}")));
    assert_eq!(socket.refused("pins", json!({ "room": room, "before": "yesterday" })).await, "invalid");
}

#[apply(both)]
async fn mentions_come_in_parts(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (hers, _) = grace.join("general").await;
    for number in 0..COUNT {
        socket.post("general", &format!("@grace {}", "[](b.co)".repeat(990)), &format!("m-{number}")).await;
    }
    let (mut before, mut found) = (Value::Null, 0);
    loop {
        let part = hers.ok("mentions", json!({ "before": before, "limit": 100 })).await;
        assert!(weight(&part) <= MOST, "{}", weight(&part));
        found += part["mentions"].as_array().expect("a list").len();
        if part["more"] == json!(false) {
            break;
        }
        before = part["next"].clone();
    }
    assert_eq!(found, COUNT as usize);
}

#[apply(both)]
async fn answers_that_nobody_reads_are_few_and_others_are_served(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (room, stuck) = heavy_room(&ada).await;
    stuck.set_reading(false);
    let mut asked = Vec::new();
    for _ in 0..60 {
        asked.push(stuck.send("sync", json!({ "room": room, "after": 0 })).await);
    }
    // Somebody else does not notice.
    let (calm, _) = grace.join("general").await;
    calm.post("general", "calm", "calm").await;
    grace.get("/rooms/general").await.expect(200);
    // Whoever reads on gets an answer to each: the turns come one after the other, or it is `busy` by then.
    stuck.set_reading(true);
    let (mut served, mut refused) = (0, 0);
    for one in asked {
        let answer = one.acknowledgement().await;
        if answer["ok"] == json!(true) {
            served += 1;
        } else {
            assert_eq!(answer["error"]["code"], "busy", "{answer}");
            refused += 1;
        }
    }
    assert!(served >= 4, "{served} served, {refused} refused");
}
