//! Editing, deleting, reacting: who may, and what everybody sees of it.

use serde_json::json;

use crate::both;
use crate::harness::TestApp;

#[apply(both)]
async fn an_edit_changes_the_words_for_everybody_and_says_so(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    let message = socket.post("general", "helo", "1").await;
    let edit = json!({ "room": "general", "seq": message["seq"], "body": "**hello**" });
    let edited = socket.ok("edit", edit).await["message"].take();
    assert_eq!((&edited["seq"], &edited["body"]), (&message["seq"], &json!("**hello**")));
    assert!(edited["html"].as_str().expect("html").contains("<strong>hello</strong>"));
    assert!(edited["edited_at"].is_string() && edited["created_at"] == message["created_at"]);
    assert!(edited["rev"].as_i64() > message["rev"].as_i64());
    assert_eq!(other.hears("**hello**").await, edited);
    let page = grace.get_json("/rooms/general").await.json();
    assert_eq!(page["messages"].as_array().expect("messages").last(), Some(&edited));
}

#[apply(both)]
async fn a_deletion_takes_the_words_away_everywhere_and_keeps_the_place(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (socket, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    let message = socket.post("general", "swordfish", "1").await;
    other.ok("react", json!({ "room": "general", "seq": message["seq"], "emoji": "👍", "on": true })).await;
    let deleted = socket.ok("delete", json!({ "room": "general", "seq": message["seq"] })).await["message"].take();
    assert_eq!((&deleted["body"], &deleted["html"]), (&json!(""), &json!("")));
    assert!(deleted["deleted_at"].is_string() && deleted.get("reactions").is_none());
    assert_eq!(other.next_where("message", |it| it["deleted_at"].is_string()).await, deleted);
    assert!(!grace.get("/rooms/general").await.expect(200).body.contains("swordfish"));
    assert!(!format!("{:?}", app.database.rows("messages").await).contains("swordfish"), "the words are still stored");
    // Doing it again is harmless; putting words back is not possible.
    socket.ok("delete", json!({ "room": "general", "seq": message["seq"] })).await;
    let edit = json!({ "room": "general", "seq": message["seq"], "body": "back" });
    socket.refused("edit", edit).await;
    let react = json!({ "room": "general", "seq": message["seq"], "emoji": "👍", "on": true });
    socket.refused("react", react).await;
    assert_eq!(socket.post("general", "next", "2").await["seq"], json!(message["seq"].as_i64().expect("a number") + 1));
}

#[apply(both)]
async fn reactions_are_told_with_who_chose_them(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let (hers, _) = ada.join("general").await;
    let (other, _) = grace.join("general").await;
    let seq = hers.post("general", "tea?", "1").await["seq"].take();
    let react = |emoji: &str, on: bool| json!({ "room": "general", "seq": seq, "emoji": emoji, "on": on });
    hers.ok("react", react("👍", true)).await;
    other.ok("react", react("🎉", true)).await;
    let message = other.ok("react", react("👍", true)).await["message"].take();
    let expected = json!([{ "emoji": "👍", "users": ["ada", "grace"] }, { "emoji": "🎉", "users": ["grace"] }]);
    assert_eq!(message["reactions"], expected);
    // On again changes nothing; what a fresh reader sees is the same.
    let again = other.ok("react", react("👍", true)).await["message"].take();
    assert_eq!(again, message);
    let (_, joined) = app.log_in("ada").await.join("general").await;
    assert_eq!(joined["messages"].as_array().expect("messages").last(), Some(&message));
    let message = hers.ok("react", react("👍", false)).await["message"].take();
    assert_eq!(message["reactions"], json!([{ "emoji": "🎉", "users": ["grace"] }, { "emoji": "👍", "users": ["grace"] }]));
    // Read anew, they stand in the same order: by who chose first of those who still do.
    let page = ada.get_json("/rooms/general?before=99").await.expect(200).json();
    assert_eq!(page["messages"].as_array().expect("messages").last(), Some(&message));
    other.ok("react", react("👍", false)).await;
    let message = other.ok("react", react("🎉", false)).await["message"].take();
    assert!(message.get("reactions").is_none(), "{message}");
}

#[apply(both)]
async fn what_is_no_emoji_is_no_reaction(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    let seq = socket.post("general", "tea?", "1").await["seq"].take();
    for emoji in ["", "lol", "👍👍", "<script>", "a", " ", "\u{200D}", "👍\0", &"👍".repeat(1000)] {
        let react = json!({ "room": "general", "seq": seq, "emoji": emoji, "on": true });
        assert_eq!(socket.refused("react", react).await, "invalid", "{emoji:?}");
    }
    for emoji in ["❤️", "👩🏽‍🚀", "🇩🇪", "☺️", "1️⃣"] {
        socket.ok("react", json!({ "room": "general", "seq": seq, "emoji": emoji, "on": true })).await;
    }
}

#[apply(both)]
async fn nobody_can_change_what_somebody_else_wrote(app: &TestApp) {
    let (ada, eve) = (app.register("ada").await, app.register("eve").await);
    let (hers, _) = ada.join("general").await;
    let (other, _) = eve.join("general").await;
    let message = hers.post("general", "mine", "1").await;
    let edit = json!({ "room": "general", "seq": message["seq"], "body": "hers" });
    assert_eq!(other.refused("edit", edit).await, "forbidden");
    assert_eq!(other.refused("delete", json!({ "room": "general", "seq": message["seq"] })).await, "forbidden");
    let page = ada.get_json("/rooms/general").await.json();
    assert_eq!(page["messages"].as_array().expect("messages").last(), Some(&message));
}

#[apply(both)]
async fn the_owner_of_a_room_can_delete_in_it_but_not_put_words_into_mouths(app: &TestApp) {
    let (ada, grace) = (app.register("ada").await, app.register("grace").await);
    let room = ada.create_room("Tea", "public").await;
    let (hers, _) = ada.join(&room).await;
    let (other, _) = grace.join(&room).await;
    let seq = other.post(&room, "spam", "1").await["seq"].take();
    assert_eq!(hers.refused("edit", json!({ "room": room, "seq": seq, "body": "I agree" })).await, "forbidden");
    hers.ok("delete", json!({ "room": room, "seq": seq })).await;
}

#[apply(both)]
async fn what_the_room_recorded_nobody_can_change(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for (event, more) in
        [("edit", json!({ "body": "x" })), ("delete", json!({})), ("react", json!({ "emoji": "👍", "on": true }))]
    {
        let mut data = json!({ "room": "general", "seq": 1 });
        data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        socket.refused(event, data).await;
    }
    let (_, joined) = ada.join("general").await;
    assert_eq!(joined["messages"][0]["kind"], "joined");
    assert_eq!(joined["head"]["rev"], 1);
}

#[apply(both)]
async fn what_is_not_there_cannot_be_changed(app: &TestApp) {
    let ada = app.register("ada").await;
    let (socket, _) = ada.join("general").await;
    for seq in [0_i64, 99, i64::MAX] {
        assert_eq!(socket.refused("edit", json!({ "room": "general", "seq": seq, "body": "x" })).await, "not_found");
        assert_eq!(socket.refused("delete", json!({ "room": "general", "seq": seq })).await, "not_found");
        let react = json!({ "room": "general", "seq": seq, "emoji": "👍", "on": true });
        assert_eq!(socket.refused("react", react).await, "not_found");
    }
}
