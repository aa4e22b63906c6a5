//! Hearing of all one's rooms at once.

use serde_json::{Value, json};

use crate::everywhere;
use crate::harness::{Socket, TestApp};

/// How a room stands, in what `watch` was answered with.
async fn watched(socket: &Socket, room: &str) -> Value {
    let mut answer = socket.ok("watch", json!({})).await;
    let rooms = answer["rooms"].as_array_mut().expect("rooms");
    rooms.iter_mut().find(|it| it["room"] == room).unwrap_or_else(|| panic!("{room} is not among one's rooms")).take()
}

#[apply(everywhere)]
async fn who_watches_hears_new_messages_of_rooms_that_are_not_open(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Tea", "public").await;
    let (writing, _) = ada.join(&room).await;
    writing.ok("join", json!({ "room": "general" })).await;
    let (elsewhere, _) = grace.join(&room).await;
    elsewhere.ok("leave", json!({ "room": room })).await;
    elsewhere.ok("join", json!({ "room": "general" })).await;
    let stands = watched(&elsewhere, &room).await;
    assert_eq!((&stands["unread"], &stands["mentions"], &stands["level"]), (&json!(0), &json!(0), &Value::Null));
    let message = writing.post(&room, "the kettle @grace", "1").await;
    let activity = elsewhere.next("activity").await;
    assert_eq!(activity, json!({ "room": room, "message": message }));
    let stands = watched(&elsewhere, &room).await;
    assert_eq!((&stands["unread"], &stands["mentions"]), (&json!(1), &json!(1)));
    assert_eq!(stands["head"]["seq"], message["seq"]);
    // The room that is open says it once, and edits are no news.
    writing.ok("edit", json!({ "room": room, "seq": message["seq"], "body": "the pot" })).await;
    writing.post("general", "hello", "2").await;
    elsewhere.hears("hello").await;
    assert!(elsewhere.peek_at("activity").is_empty(), "{:?}", elsewhere.peek());
    assert!(writing.peek_at("activity").is_empty(), "who does not watch is not told");
}

#[apply(everywhere)]
async fn what_waits_is_told_anew_when_a_message_is_deleted_or_calls_others(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Tea", "public").await;
    let (writing, _) = ada.join(&room).await;
    let (elsewhere, _) = grace.join(&room).await;
    elsewhere.ok("leave", json!({ "room": room })).await;
    elsewhere.ok("watch", json!({})).await;
    let message = writing.post(&room, "the kettle @grace", "1").await;
    elsewhere.next("activity").await;
    // A node that read a change from the database does not know whom the message addressed before, and names everybody who is here.
    let has_addressed = |changed: &Value, names: &[&str]| {
        changed["addressed"] == json!(names) || (app.has_two_nodes() && changed["addressed"] == json!(["@here"]))
    };
    let edit = async |body: &str| writing.ok("edit", json!({ "room": room, "seq": message["seq"], "body": body })).await;
    edit("the kettle").await;
    let changed = elsewhere.next("changed").await;
    assert!(changed["room"] == json!(room) && has_addressed(&changed, &["grace"]), "{changed}");
    assert_eq!(changed["message"]["mentions"], Value::Null);
    // Other words for nobody else count as before.
    edit("a kettle").await;
    edit("a kettle, @everyone").await;
    let changed = elsewhere.next_where("changed", |it| it["message"]["mentions"] == json!(["@room"])).await;
    assert!(has_addressed(&changed, &[]), "{changed}");
    let stands = watched(&elsewhere, &room).await;
    assert_eq!((&stands["unread"], &stands["mentions"]), (&json!(1), &json!(1)));
    writing.ok("delete", json!({ "room": room, "seq": message["seq"] })).await;
    let changed = elsewhere.next_where("changed", |it| it["message"]["deleted_at"].is_string()).await;
    assert!(has_addressed(&changed, &["@room"]), "{changed}");
    let stands = watched(&elsewhere, &room).await;
    assert_eq!((&stands["unread"], &stands["mentions"]), (&json!(0), &json!(0)));
    assert!(app.has_two_nodes() || elsewhere.peek_at("changed").is_empty(), "each is told once");
}

#[apply(everywhere)]
async fn who_is_sent_out_hears_no_more_and_who_is_brought_in_does(app: &TestApp) {
    let (ada, grace, mary) = (app.register("ada").await, app.register("grace").await, app.register("mary").await);
    let room = ada.create_room("Den", "private").await;
    let (writing, _) = ada.join(&room).await;
    let (grace_socket, mary_socket) = (grace.socket().await, mary.socket().await);
    for socket in [&grace_socket, &mary_socket] {
        let rooms = socket.ok("watch", json!({})).await;
        assert!(!rooms.to_string().contains("Den"), "{rooms}");
    }
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
    let entered = grace_socket.next("entered").await;
    assert_eq!((&entered["room"], &entered["name"], &entered["visibility"]), (&json!(room), &json!("Den"), &json!("private")));
    writing.post(&room, "welcome", "1").await;
    assert_eq!(grace_socket.next("activity").await["message"]["body"], "welcome");
    ada.post(&format!("/rooms/{room}/members/grace/remove"), &[]).await.expect(303);
    assert_eq!(grace_socket.next("removed").await, json!({ "room": room, "reason": "removed" }));
    // On two nodes, the one with Grace's socket must have it before she is back.
    let (one, other) = (ada.join(&room).await.0, ada.join(&room).await.0);
    writing.post(&room, "between us", "2").await;
    one.hears("between us").await;
    other.hears("between us").await;
    // Something later that they do hear shows that nothing came before it.
    ada.post(&format!("/rooms/{room}/members"), &[("username", "grace")]).await.expect(303);
    grace_socket.next_where("entered", |it| it["head"]["rev"] != entered["head"]["rev"]).await;
    assert!(!format!("{:?}", grace_socket.peek()).contains("between us"));
    assert!(mary_socket.peek().is_empty(), "{:?}", mary_socket.peek());
}

#[apply(everywhere)]
async fn the_notification_level_of_a_room_follows_the_person_and_is_theirs_alone(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (here, _) = ada.join("general").await;
    let there = app.log_in("ada").await.socket().await;
    assert_eq!(here.ok("level", json!({ "room": "general", "level": "muted" })).await["level"], "muted");
    assert_eq!(there.next("level").await, json!({ "room": "general", "level": "muted" }));
    assert_eq!(watched(&there, "general").await["level"], "muted");
    ada.post("/rooms/general/level", &[("level", "all")]).await.expect(303);
    assert_eq!(there.next_where("level", |it| it["level"] == "all").await["room"], "general");
    here.ok("level", json!({ "room": "general", "level": null })).await;
    assert_eq!(watched(&here, "general").await["level"], Value::Null);
    assert_eq!(here.refused("level", json!({ "room": "general", "level": "loud" })).await, "invalid");
    assert_eq!(eve.socket().await.refused("level", json!({ "room": "general", "level": "all" })).await, "forbidden");
    assert_eq!(eve.post("/rooms/general/level", &[("level", "all")]).await.status, 403);
}
