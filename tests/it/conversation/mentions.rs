//! Who is addressed by a message, and who hears of it.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Person, TestApp};

async fn mentioned(person: &Person) -> Vec<String> {
    let answer = person.get_json("/mentions").await.expect(200).json();
    let bodies = answer["mentions"].as_array().expect("messages").iter();
    bodies.map(|it| it["body"].as_str().expect("words").to_owned()).collect()
}

#[apply(everywhere)]
async fn whoever_is_named_finds_the_message_and_nobody_else_does(app: &TestApp) {
    let (ada, grace, eve) = (app.register("ada").await, app.register("grace").await, app.register("eve").await);
    let (socket, _) = ada.join("general").await;
    let (_other, _) = grace.join("general").await;
    let message = socket.post("general", "tea, @Grace? and @nobody, and @ada", "1").await;
    assert_eq!(message["mentions"], json!(["grace", "ada"]));
    socket.post("general", "grace@example.com is no mention, nor is `@grace`", "2").await;
    assert_eq!(mentioned(&grace).await.first().map(String::as_str), Some("tea, @Grace? and @nobody, and @ada"));
    // Nobody calls themselves; who is not named hears nothing.
    assert_eq!(mentioned(&ada).await, [""; 0]);
    assert_eq!(mentioned(&eve).await, [""; 0]);
    let page = grace.get("/mentions").await.expect(200).body.clone();
    assert!(page.contains("tea, ") && page.contains(&format!("/rooms/general/{}", message["seq"])), "{page}");
}

#[apply(everywhere)]
async fn other_words_for_everybody_address_the_room(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    grace.enter("general").await;
    for (nth, word) in ["@everyone", "@channel", "@all", "@Everyone", "＠all"].into_iter().enumerate() {
        let body = format!("{word} dinner {nth}");
        let message = socket.post("general", &body, &nth.to_string()).await;
        assert_eq!(message["mentions"], json!(["@room"]), "{word}");
        assert_eq!(message["html"], format!("<p><span class=\"mention\">{word}</span> dinner {nth}</p>\n"));
        assert_eq!(mentioned(&grace).await.first(), Some(&body));
    }
    let found = grace.get_json("/search?q=mentions%3Aeveryone").await.expect(200).json();
    assert_eq!(found["results"].as_array().map(Vec::len), Some(5));
}

#[apply(everywhere)]
async fn room_addresses_every_member_and_here_those_who_are_connected(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    let (socket, _) = ada.join("general").await;
    let (_connected, _) = grace.join("general").await;
    let (leaving, _) = mary.join("general").await;
    socket.post("general", "@room dinner", "1").await;
    drop(leaving);
    socket.next_where("presence", |it| it["user"] == "mary" && it["online"] == false).await;
    let message = socket.post("general", "@here coffee", "2").await;
    assert_eq!(message["mentions"], json!(["@here"]));
    assert_eq!(mentioned(&grace).await, ["@here coffee", "@room dinner"]);
    assert_eq!(mentioned(&mary).await, ["@room dinner"]);
    assert_eq!(mentioned(&ada).await, [""; 0]);
}

#[apply(everywhere)]
async fn a_private_room_calls_nobody_from_outside_and_what_one_lost_is_not_shown(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Den", "private").await;
    let (socket, _) = ada.join(&room).await;
    socket.post(&room, "do not tell @grace", "1").await;
    assert_eq!(mentioned(&grace).await, [""; 0]);
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
    socket.post(&room, "welcome @grace", "2").await;
    assert_eq!(mentioned(&grace).await, ["welcome @grace"]);
    ada.post(&format!("/rooms/{room}/members/grace/remove"), &[]).await.expect(303);
    assert_eq!(mentioned(&grace).await, [""; 0]);
    assert!(!grace.get("/mentions").await.expect(200).body.contains("welcome"));
}

#[apply(everywhere)]
async fn an_edit_calls_those_whom_it_names_and_lets_the_others_go(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "@grace", "1").await["seq"].take();
    socket.ok("edit", json!({ "room": "general", "seq": seq, "body": "I meant @mary" })).await;
    assert_eq!((mentioned(&grace).await.len(), mentioned(&mary).await.len()), (0, 1));
    socket.ok("delete", json!({ "room": "general", "seq": seq })).await;
    assert_eq!(mentioned(&mary).await.len(), 0);
}

#[apply(everywhere)]
async fn mentions_come_a_page_at_a_time_newest_first(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Tea", "public").await;
    let (socket, _) = ada.join("general").await;
    socket.ok("join", json!({ "room": room })).await;
    for number in 0..7 {
        let place = if number % 2 == 0 { "general" } else { &*room };
        socket.post(place, &format!("@grace {number}"), &format!("n{number}")).await;
    }
    let reading = grace.socket().await;
    let (mut before, mut found) = (Value::Null, Vec::new());
    loop {
        let answer = reading.ok("mentions", json!({ "before": before, "limit": 3 })).await;
        found.extend(answer["mentions"].as_array().expect("messages").iter().map(|it| it["body"].clone()));
        before = answer["next"].clone();
        assert_eq!(answer["more"], json!(!before.is_null()));
        if before.is_null() {
            break;
        }
    }
    let expected: Vec<_> = (0..7).rev().map(|number| json!(format!("@grace {number}"))).collect();
    assert_eq!(found, expected);
    assert_eq!(reading.refused("mentions", json!({ "limit": 0 })).await, "invalid");
    assert_eq!(reading.refused("mentions", json!({ "before": "x" })).await, "invalid");
    assert_eq!(grace.get_json("/mentions?before=x").await.status, 422);
    assert_eq!(app.stranger().get("/mentions").await.status, 303);
}
